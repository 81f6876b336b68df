//! The production file behind Traefik: who gets through, what they get, and what can't be reached.

use std::io::BufRead;

use gateway_tests::described::{self, Shape};
use serde_json::{Value, json};

use super::host::{DOMAIN, Host, KEY, read_until};

const CHAT: &str = "/v1/chat/completions";

fn url(path: &str) -> String {
    format!("https://{DOMAIN}{path}")
}

fn body(prompt: &str, stream: bool) -> String {
    json!({ "model": "codex-5", "stream": stream, "messages": [{ "role": "user", "content": prompt }] })
        .to_string()
}

/// Asks for a chat completion through Traefik with this key.
fn chat(host: &Host, key: &str, prompt: &str) -> (u16, String) {
    let key = format!("Authorization: Bearer {key}");
    host.curl(&["-H", &key, "-H", "Content-Type: application/json", "-d", &body(prompt, false), &url(CHAT)])
}

/// The head of what a page gets, in lower case.
fn head(host: &Host, path: &str, arguments: &[&str]) -> String {
    let page = ["curl", "-sS", "-D", "-", "-o", "/dev/null", "-H", "Origin: https://app.example.com"];
    host.ok(&[&page, arguments, &[&url(path)]].concat()).to_lowercase()
}

/// A host on which the documented commands have started production.
pub(super) async fn up() -> Host {
    let mut host = Host::start().await;
    host.prepare();
    host.compose(&["up", "--detach", "--no-build", "--wait", "--wait-timeout", "120"]);
    let there = |host: &mut Host| (host.curl(&[&url("/livez")]).0 == 200).then_some(());
    host.until("Traefik to know the routers", there).await;
    host
}

/// One stack for all that leaves it as it is: to start one takes most of the time.
#[tokio::test]
async fn clients_get_what_the_playbook_says() {
    let host = up().await;
    api_preflight_models_and_health(&host);
    streams_are_not_held_back(&host);
    the_official_sdk_works(&host);
    without_forward_auth_nobody_passes(&host);
}

fn api_preflight_models_and_health(host: &Host) {
    let (status, answer) = chat(host, KEY, "Say hello.");
    assert_eq!(status, 200, "{answer}");
    described::check(200, Some("application/json"), &answer);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["choices"][0]["message"]["content"], "Say hello.");
    for key in ["", "sk-wrong"] {
        let (status, answer) = chat(host, key, "hello");
        assert_eq!(status, 401);
        let answer: Value = serde_json::from_str(&answer).expect("the error object");
        assert_eq!(Shape::Failure.faults(&answer), Vec::<String>::new());
    }
    let (status, models) = host.curl(&[&url("/v1/models")]);
    assert_eq!(status, 200);
    assert!(models.contains("codex-5"), "{models}");
    for path in ["/healthz", "/readyz", "/livez", "/health"] {
        assert_eq!(host.curl(&[&url(path)]).0, 200, "{path}");
    }
    for path in ["/metrics", "/verify", "/internal/maintenance", "/"] {
        assert_eq!(host.curl(&["-H", &format!("Authorization: Bearer {KEY}"), &url(path)]).0, 404, "{path}");
    }
    let preflight = head(
        host,
        CHAT,
        &[
            "-X",
            "OPTIONS",
            "-H",
            "Access-Control-Request-Method: POST",
            "-H",
            "Access-Control-Request-Headers: authorization,content-type",
        ],
    );
    assert!(preflight.starts_with("http/2 204"), "{preflight}");
    assert!(preflight.contains("access-control-allow-origin: *"), "{preflight}");
    assert!(preflight.contains("access-control-allow-headers:"), "{preflight}");
    // What Traefik adds to every answer, and what pages need to read one.
    let head = head(host, "/v1/models", &[]);
    for header in [
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=31536000",
        "access-control-allow-origin: *",
    ] {
        assert_eq!(head.matches(header).count(), 1, "{header}: {head}");
    }
}

/// The upstream says a word and then nothing: what has come must reach the client all the same.
fn streams_are_not_held_back(host: &Host) {
    let key = format!("Authorization: Bearer {KEY}");
    let ask = |prompt: &str| {
        let body = body(prompt, true);
        host.piped(&[
            "curl",
            "-sSN",
            "-H",
            &key,
            "-H",
            "Content-Type: application/json",
            "-d",
            &body,
            &url(CHAT),
        ])
    };
    let (mut stalled, mut lines) = ask("!echo first\n!stall");
    assert!(read_until(&mut lines, "first"), "the word comes while the answer isn't over");
    stalled.kill().expect("killed");
    stalled.wait().expect("ended");
    let (mut whole, lines) = ask("!repeat 20 word \n!chunks 5");
    let lines: Vec<String> = lines.lines().map_while(Result::ok).collect();
    whole.wait().expect("ended");
    described::check(200, Some("text/event-stream"), &format!("{}\n", lines.join("\n")));
    assert_eq!(lines.iter().rev().find(|line| !line.is_empty()).map(String::as_str), Some("data: [DONE]"));
}

/// Who may pass is asked at 127.0.0.1:18080 of the host. While that can't be reached nobody passes, and what needs no key goes on.
fn without_forward_auth_nobody_passes(host: &Host) {
    let rule = ["OUTPUT", "-d", "127.0.0.1", "-p", "tcp", "--dport", "18080", "-j", "REJECT"];
    host.ok(&[&["iptables", "-I"], &rule[..]].concat());
    assert_eq!(chat(host, KEY, "hello").0, 500);
    assert_eq!(host.curl(&[&url("/v1/models")]).0, 200);
    assert_eq!(host.curl(&[&url("/readyz")]).0, 200);
    host.ok(&[&["iptables", "-D"], &rule[..]].concat());
    assert_eq!(chat(host, KEY, "hello").0, 200);
}

#[tokio::test]
async fn what_is_not_public_cannot_be_reached() {
    let mut host = up().await;
    counts(&mut host, "codex_worker_ready{worker=\"worker\"} 1").await;
    the_metrics_cannot_be_read_from_traefiks_network(&host);
    the_containers_are_confined(&host);
}

/// The host reads this in the metrics. Of a daemon that is busy for a second they tell nothing.
async fn counts(host: &mut Host, series: &str) {
    let told =
        |host: &mut Host| host.curl(&["http://127.0.0.1:18080/metrics"]).1.contains(series).then_some(());
    host.until(series, told).await;
}

/// The internal listener is published on loopback, and bound in a network that only the front is in.
fn the_metrics_cannot_be_read_from_traefiks_network(host: &Host) {
    let front = host.container("front");
    let addresses = host.ok(&[
        "docker",
        "inspect",
        "--format",
        "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
        &front,
    ]);
    let addresses: Vec<&str> = addresses.split_whitespace().collect();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    // A stranger on the network with Traefik: it may talk to the API, by name and address, and to nothing else.
    let ask = |target: &str| {
        let script = format!(
            "exec 3<>/dev/tcp/{target} && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && head -c 12 <&3"
        );
        host.run(&[
            "docker",
            "run",
            "--rm",
            "--network",
            "traefik",
            "gateway-base/runtime:1",
            "timeout",
            "5",
            "bash",
            "-c",
            &script,
        ])
    };
    let api = ask("front/11435");
    assert!(api.said.contains("HTTP/1.0 404") || api.said.contains("HTTP/1.1 404"), "{api:?}");
    for address in addresses.iter().chain(&["front", "internal.front"]) {
        let metrics = ask(&format!("{address}/18080"));
        assert_ne!(metrics.code, Some(0), "{address} answers: {}", metrics.said);
        assert!(!metrics.said.contains("HTTP/1"), "{address} answers: {}", metrics.said);
    }
    // Nothing listens on other addresses of the host either.
    let published = host.ok(&["docker", "inspect", "--format", "{{json .HostConfig.PortBindings}}", &front]);
    assert_eq!(
        published.matches("HostIp").count(),
        published.matches("\"HostIp\":\"127.0.0.1\"").count(),
        "{published}"
    );
}

/// Neither can become root or write where it runs from; the front has no way to the login.
fn the_containers_are_confined(host: &Host) {
    for (service, user, mounts) in [
        ("worker", "10001", vec!["/run/codex", "/var/lib/codex"]),
        ("front", "10002", vec!["/run/codex", "/var/lib/codex-front"]),
    ] {
        let container = host.container(service);
        let state: Value = serde_json::from_str(&host.ok(&["docker", "inspect", &container])).expect("JSON");
        let state = &state[0];
        assert_eq!(state["State"]["Health"]["Status"], "healthy", "{service}");
        assert_eq!(state["HostConfig"]["ReadonlyRootfs"], true, "{service}");
        assert_eq!(state["HostConfig"]["CapDrop"], json!(["ALL"]), "{service}");
        assert!(state["HostConfig"]["SecurityOpt"].to_string().contains("no-new-privileges"), "{service}");
        let mut found: Vec<&str> = state["Mounts"]
            .as_array()
            .expect("mounts")
            .iter()
            .filter_map(|mount| mount["Destination"].as_str())
            .collect();
        found.sort_unstable();
        assert_eq!(found, mounts, "{service}");
        let pid = state["State"]["Pid"].to_string();
        let status = host.ok(&["sh", "-c", &format!("cat /proc/{pid}/status; for child in $(cat /proc/{pid}/task/{pid}/children); do cat /proc/$child/status; done")]);
        let lines = |field: &str| {
            status.lines().filter(|line| line.starts_with(field)).map(str::to_owned).collect::<Vec<_>>()
        };
        for uid in lines("Uid:") {
            assert!(uid.split_whitespace().skip(1).all(|id| id == user), "{service}: {uid}");
        }
        assert!(
            lines("CapEff:").iter().all(|line| line.ends_with("0000000000000000")),
            "{service}: {status}"
        );
        assert!(lines("NoNewPrivs:").iter().all(|line| line.ends_with('1')), "{service}: {status}");
    }
    let worker = host.container("worker");
    let writes = host.run(&["docker", "exec", &worker, "sh", "-c", "touch /usr/local/bin/x /etc/x"]);
    assert!(writes.said.contains("Read-only file system"), "{}", writes.said);
    // The front's image has no shell to be got at.
    assert_ne!(
        host.run(&["docker", "exec", &host.container("front"), "/bin/sh", "-c", "true"]).code,
        Some(0)
    );
}

#[tokio::test]
async fn what_dies_comes_back() {
    let mut host = up().await;
    a_killed_codex_comes_back(&mut host).await;
    without_a_front_it_is_503(&mut host).await;
}

async fn a_killed_codex_comes_back(host: &mut Host) {
    host.ok(&["pkill", "-KILL", "-x", "codex"]);
    let answers = |host: &mut Host| (chat(host, KEY, "hello").0 == 200).then_some(());
    host.until("an answer", answers).await;
    counts(host, "codex_worker_restarts_total{worker=\"worker\"} 1").await;
}

/// What clients get while there is no front: an answer after which SDKs try again, and never that there is no such route.
async fn without_a_front_it_is_503(host: &mut Host) {
    host.compose(&["stop", "front"]);
    let away = |host: &mut Host| (host.curl(&[&url("/readyz")]).0 == 503).then_some(());
    host.until("Traefik to know that the front is away", away).await;
    host.compose(&["up", "--detach", "--no-build", "--wait"]);
    let back = |host: &mut Host| (chat(host, KEY, "hello").0 == 200).then_some(());
    host.until("an answer", back).await;
}

/// The official SDK through the public door.
fn the_official_sdk_works(host: &Host) {
    let python = super::host::installed("CLIENTS_PYTHON", "clients-python/venv/bin/python");
    let program = "import sys\nfrom openai import OpenAI\nclient = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2])\n\
        ask = dict(model='codex-5', messages=[{'role': 'user', 'content': 'Say hello.'}])\n\
        print(client.chat.completions.create(**ask).choices[0].message.content)\n\
        print(''.join(chunk.choices[0].delta.content or '' for chunk in client.chat.completions.create(stream=True, **ask)))\n\
        print(len(list(client.models.list())) > 0)";
    let said = host.ok(&[&python.to_string_lossy(), "-c", program, &url("/v1"), KEY]);
    assert_eq!(said, "Say hello.\nSay hello.\nTrue\n");
}
