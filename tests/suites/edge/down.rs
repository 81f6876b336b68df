//! What clients get through Traefik when a part of what is behind it is down or closed.

use gateway_tests::{
    described::Shape,
    pair::{KEY, asking},
};
use serde_json::Value;
use tokio::net::TcpSocket;

use crate::auth::pair;
use crate::echo::Echo;
use crate::traefik::{Setup, Traefik};

const CHAT: &str = "/v1/chat/completions";

fn chat(traefik: &Traefik) -> reqwest::RequestBuilder {
    traefik.request("POST", CHAT).bearer_auth(KEY).json(&asking("hi", false))
}

/// An address that is taken and where nobody listens.
fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    (socket, url)
}

#[tokio::test]
async fn without_the_auth_server_nobody_gets_through() {
    let (echo, (_held, internal)) = (Echo::start().await, nobody());
    // Without the routers that need no key, too, so that every request of the API is asked about.
    for spared in ["Method(`OPTIONS`)", "PathPrefix(`/v1/models`)"] {
        let traefik = Setup::between(&echo.url(), &internal).with(spared, "Method(`NEVER`)").start().await;
        let preflight = traefik
            .request("OPTIONS", CHAT)
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "POST");
        let mut requests = vec![(CHAT, chat(&traefik)), (CHAT, traefik.request("POST", CHAT))];
        if spared.starts_with("Method") {
            requests.push((CHAT, preflight));
        } else {
            requests.push(("/v1/models", traefik.request("GET", "/v1/models").bearer_auth(KEY)));
        }
        for (path, request) in requests {
            assert_eq!(traefik.ask(request).await.status(), 500, "{path}");
            assert!(echo.take(path).is_empty(), "{path}: nothing has passed");
        }
        // Health has a router of its own.
        assert_eq!(traefik.ask(traefik.request("GET", "/readyz")).await.status(), 200);
        assert_eq!(echo.take("/readyz").len(), 1);
    }
}

#[tokio::test]
async fn without_the_front_it_is_502() {
    let (pair, (_held, public)) = (pair(&[]).await, nobody());
    let traefik = Setup::between(&public, &format!("http://{}", pair.internal)).start().await;
    assert_eq!(traefik.ask(chat(&traefik)).await.status(), 502);
    assert_eq!(traefik.ask(traefik.request("GET", "/v1/models")).await.status(), 502);
    assert_eq!(traefik.ask(traefik.request("POST", CHAT)).await.status(), 401, "the key is asked for first");
}

/// The front's own 503 is the one that clients get, with everything that it says.
#[tokio::test]
async fn maintenance_is_told_unchanged() {
    let settings = [("PROXY_MAINTENANCE_MODE", "on"), ("PROXY_MAINTENANCE_RETRY_AFTER_S", "77")];
    let pair = pair(&settings).await;
    let traefik = Setup::before(&pair).start().await;
    let direct = pair.chat(&asking("hi", false)).await.expect("an answer");
    let through = traefik.ask(chat(&traefik)).await;
    assert_eq!((direct.status().as_u16(), through.status().as_u16()), (503, 503));
    let told = |answer: &reqwest::Response| {
        let mut headers = answer.headers().clone();
        for own in ["date", "x-request-id", "openai-processing-ms"] {
            assert!(headers.remove(own).is_some(), "{own}");
        }
        // Between two neighbours alone.
        headers.remove("connection");
        headers
    };
    assert_eq!(told(&direct), told(&through));
    assert_eq!(through.headers()["retry-after"], "77");
    let (direct, through): (Value, Value) =
        (direct.json().await.expect("JSON"), through.json().await.expect("JSON"));
    assert_eq!(direct, through);
    assert_eq!(Shape::Failure.faults(&through), Vec::<String>::new());
    assert_eq!(
        (&through["error"]["code"], &through["error"]["retryable"]),
        (&"maintenance".into(), &true.into())
    );
    // A load balancer that saw a 503 here would answer in our place.
    assert_eq!(traefik.ask(traefik.request("GET", "/readyz")).await.status(), 200);
    // Strangers learn nothing of it.
    assert_eq!(traefik.ask(traefik.request("POST", CHAT)).await.status(), 401);
}
