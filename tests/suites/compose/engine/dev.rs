//! The dev stack, with the programs of its images in the place of those images; Grafana apart, whose dashboards are held to a real
//! Prometheus elsewhere.

use super::host::Host;

/// Their programs in images that were made here.
const IMAGES: &str = "TRAEFIK_IMAGE=gateway-other/traefik:1\nPROMETHEUS_IMAGE=gateway-other/prometheus:1\nCOLLECTOR_IMAGE=gateway-other/collector:1\n";
const DOOR: [&str; 5] = [
    "--insecure",
    "--url",
    "https://codex-dev.localhost:8443",
    "--resolve",
    "codex-dev.localhost:8443:127.0.0.1",
];

#[tokio::test]
async fn the_dev_stack_serves_and_is_seen() {
    let mut host = Host::start().await;
    host.write(".env.dev", &format!("{IMAGES}DOCKER_SOCKET={}\n", host.socket().display()));
    let said = host.ok(&["scripts/dev-stack", "up", "--no-build"]);
    assert!(said.contains("DEV_KEY"), "{said}");
    // What was told is what works.
    let smoke = |host: &mut Host| {
        (host.run(&[&["scripts/smoke", "dev"], &DOOR[..]].concat()).code == Some(0)).then_some(())
    };
    host.until("the smoke test of the dev stack", smoke).await;
    let edge =
        host.ok(&[&["scripts/smoke", "dev-edge", "--origin", "http://127.0.0.1:11436"], &DOOR[..]].concat());
    assert!(!edge.contains("FAILED"), "{edge}");
    // ForwardAuth of this stack is at 18081, and refuses.
    assert_eq!(host.curl(&["http://127.0.0.1:18081/verify"]).0, 401);
    let scraped = |host: &mut Host| {
        let found = host.curl(&["http://127.0.0.1:9091/api/v1/query?query=up%20==%201%20and%20on()%20codex_worker_ready%20==%201"]).1;
        found.contains("internal.front:18080").then_some(())
    };
    host.until("Prometheus to scrape the front", scraped).await;
    let rules = host.curl(&["http://127.0.0.1:9091/api/v1/rules"]).1;
    assert!(rules.contains("CodexErrorRateCritical"), "{rules}");
    let traced = |host: &mut Host| {
        let spans = host.run(&["docker", "logs", "codex-gateway-dev-collector-1"]).said;
        (spans.contains("http-front") && spans.contains("worker-daemon")).then_some(())
    };
    host.until("spans of both at the collector", traced).await;
    assert!(host.ok(&["scripts/dev-stack", "status"]).contains("codex-gateway-dev-front-1"));
    host.ok(&["scripts/dev-stack", "down", "--volumes"]);
    let left = host.ok(&[
        "docker",
        "ps",
        "--all",
        "--quiet",
        "--filter",
        "label=com.docker.compose.project=codex-gateway-dev",
    ]);
    assert_eq!(left, "", "containers are left");
    assert!(!host.ok(&["docker", "volume", "ls", "--quiet"]).contains("codex-gateway-dev"));
}
