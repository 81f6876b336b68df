//! ForwardAuth: who gets through Traefik, and what the others are told.

use gateway_tests::{
    described::{self, Shape},
    fake_child::Script,
    pair::{Builder, KEY, Pair, asking},
};
use serde_json::Value;

use crate::traefik::{Setup, Traefik};

const ORIGIN: &str = "https://app.example.com";

pub(crate) async fn pair(settings: &[(&str, &str)]) -> Pair {
    let builder = Builder::fake(&Script::default()).expect("a home");
    let builder = settings.iter().fold(builder, |builder, (name, value)| builder.front(name, *value));
    builder.start().await.expect("the pair starts")
}

/// Chat completions in the ways that must not get through, and what each is.
fn spoofs(traefik: &Traefik) -> Vec<(&'static str, reqwest::RequestBuilder)> {
    let ask = || traefik.request("POST", "/v1/chat/completions").json(&asking("hi", false));
    let page = || ask().header("origin", ORIGIN).header("access-control-request-method", "POST");
    vec![
        ("no key", ask()),
        ("a wrong key", ask().bearer_auth("sk-wrong")),
        ("two keys", ask().bearer_auth(KEY).header("authorization", "Bearer sk-wrong")),
        ("a name", ask().header("x-auth-key-name", "PROXY_API_KEY")),
        ("a name with underscores", ask().header("x_auth_key_name", "PROXY_API_KEY")),
        ("a key with an underscore", ask().header("proxy_authorization", format!("Bearer {KEY}"))),
        ("a method", page().header("x-forwarded-method", "OPTIONS")),
        ("a method with underscores", page().header("x_forwarded_method", "OPTIONS")),
        ("a method, half and half", page().header("x-forwarded_method", "OPTIONS")),
        ("two methods", page().header("x-forwarded-method", "GET, OPTIONS")),
        (
            "a method twice",
            page().header("x-forwarded-method", "POST").header("x-forwarded-method", "OPTIONS"),
        ),
        ("another method", page().header("x-http-method-override", "OPTIONS")),
        (
            "a header to be dropped",
            page().header("x-forwarded-method", "OPTIONS").header("connection", "x-forwarded-method"),
        ),
    ]
}

/// The refusal that the client of Traefik reads, and its name.
async fn refused(what: &str, answer: reqwest::Response) -> (String, Value) {
    let header =
        |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let names = ["www-authenticate", "content-type", "x-should-retry", "x-request-id"].map(header);
    assert_eq!(answer.status(), 401, "{what}");
    let body: Value = answer.json().await.expect("the error object");
    let [challenge, kind, retry, id] = names;
    assert_eq!(challenge.as_deref(), Some("Bearer"), "{what}");
    assert_eq!(kind.as_deref(), Some("application/json"), "{what}");
    assert_eq!(retry.as_deref(), Some("false"), "{what}");
    assert_eq!(Shape::Failure.faults(&body), Vec::<String>::new(), "{what}");
    assert_eq!(body["error"]["code"], "invalid_api_key", "{what}");
    (id.expect("x-request-id"), body)
}

/// The route of the request with this name, by the front's log.
async fn route(pair: &Pair, id: &str) -> Value {
    let line = pair.front.logged("the request", |line| line["request_id"] == *id).await;
    line.expect("a line")["route"].clone()
}

#[tokio::test]
async fn a_key_opens_the_api() {
    let pair = pair(&[]).await;
    let traefik = Setup::before(&pair).start().await;
    for stream in [false, true] {
        let request = traefik.request("POST", "/v1/chat/completions").bearer_auth(KEY);
        let answer = traefik.ask(request.json(&asking("hi", stream))).await;
        assert_eq!(answer.status(), 200);
        let kind = if stream { "text/event-stream; charset=utf-8" } else { "application/json" };
        assert_eq!(answer.headers()["content-type"], kind);
        assert!(answer.headers().contains_key("x-request-id"), "{:?}", answer.headers());
        // That one is between Traefik and the front's neighbours.
        assert!(!answer.headers().contains_key("x-auth-key-name"), "{:?}", answer.headers());
        let body = answer.text().await.expect("the body");
        described::check(200, Some(kind), &body);
    }
    let log = pair.front.log().join("\n");
    assert!(!log.contains("/verify"), "whoever passes is not logged twice: {log}");
}

#[tokio::test]
async fn models_and_health_need_no_key() {
    let pair = pair(&[]).await;
    let traefik = Setup::before(&pair).start().await;
    for (method, path, status) in [
        ("GET", "/v1/models", 200),
        ("HEAD", "/v1/models/", 200),
        ("GET", "/v1/models/gpt-fake-1", 200),
        ("GET", "/v1/models/team%2Ffast", 404),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("HEAD", "/livez", 200),
        ("GET", "/health", 200),
    ] {
        let answer = traefik.ask(traefik.request(method, path)).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        assert!(answer.headers().contains_key("x-request-id"), "{method} {path}: the front has answered");
    }
    // The operators' routes are not to be had by any name.
    for path in ["/verify", "/metrics", "/internal/maintenance", "/v1/../metrics"] {
        let answer = traefik.ask(traefik.request("GET", path).bearer_auth(KEY)).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_refusal_of_verify_reaches_the_client_as_it_is() {
    let pair = pair(&[]).await;
    let traefik = Setup::before(&pair).start().await;
    for (what, request) in spoofs(&traefik) {
        let (id, _) = refused(what, traefik.ask(request).await).await;
        assert_eq!(route(&pair, &id).await, "/verify", "{what}");
    }
    // A page can read it.
    let request = traefik.request("POST", "/v1/chat/completions").header("origin", ORIGIN);
    let answer = traefik.ask(request).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    refused("a page", answer).await;
    let log = pair.front.log().join("\n");
    assert!(!log.contains("/v1/chat/completions"), "nothing of all this came to the API: {log}");
}

/// With this option Traefik asks `/verify` by the method of the client's request.
#[tokio::test]
async fn verify_may_be_asked_by_any_method() {
    let pair = pair(&[]).await;
    let option = "trustForwardHeader: false\n        preserveRequestMethod: true";
    let setup = Setup::before(&pair).with("trustForwardHeader: false", option);
    let traefik = setup.with("Method(`OPTIONS`)", "Method(`NEVER`)").start().await;
    let body = asking("hi", false);
    let chat = traefik.request("POST", "/v1/chat/completions").json(&body);
    assert_eq!(traefik.ask(chat.bearer_auth(KEY)).await.status(), 200);
    let preflight = traefik
        .request("OPTIONS", "/v1/chat/completions")
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST");
    assert_eq!(traefik.ask(preflight).await.status(), 204);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = traefik.ask(traefik.request(method, "/v1/chat/completions")).await;
        let (id, _) = refused(method, answer).await;
        assert_eq!(route(&pair, &id).await, "/verify", "{method}");
    }
}

/// A Traefik that lets clients say what the method is opens its own door, and not the front's.
#[tokio::test]
async fn what_deceives_traefik_does_not_deceive_the_front() {
    let pair = pair(&[]).await;
    let trusting = Setup::before(&pair)
        .with("trustForwardHeader: false", "trustForwardHeader: true")
        .entry_point("FORWARDEDHEADERS_INSECURE", "true");
    let open = Setup::before(&pair).with("      middlewares: [codex-auth]\n", "");
    for (setup, deceived) in [(trusting, 1), (open, usize::MAX)] {
        let traefik = setup.start().await;
        let mut through = 0;
        for (what, request) in spoofs(&traefik) {
            let (id, _) = refused(what, traefik.ask(request).await).await;
            through += usize::from(route(&pair, &id).await == "/v1/chat/completions");
        }
        let all = spoofs(&traefik).len();
        assert!(through >= deceived.min(all), "{through} of {all} came to the front: the test shows nothing");
    }
}

#[tokio::test]
async fn preflights_pass_by_their_own_router_and_through_forward_auth() {
    let pair = pair(&[("PROXY_CORS_ALLOWED_ORIGINS", ORIGIN)]).await;
    for own_router in [true, false] {
        let setup = Setup::before(&pair);
        let setup = if own_router { setup } else { setup.with("Method(`OPTIONS`)", "Method(`NEVER`)") };
        let traefik = setup.start().await;
        let ask = |origin: &str| {
            traefik
                .request("OPTIONS", "/v1/chat/completions")
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization,content-type")
        };
        let answer = traefik.ask(ask(ORIGIN)).await;
        assert_eq!(answer.status(), 204, "by its own router: {own_router}");
        for (name, value) in [
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", "POST, HEAD, OPTIONS"),
            ("access-control-allow-headers", "authorization, content-type"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        // Another origin's passes, too, and is told no permission.
        let answer = traefik.ask(ask("https://evil.example")).await;
        assert_eq!(answer.status(), 204);
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{:?}", answer.headers());
        // What only looks like one is for ForwardAuth to refuse, or for the front to answer with nothing.
        let plain = traefik.ask(traefik.request("OPTIONS", "/v1/chat/completions")).await;
        assert_eq!(plain.status(), if own_router { 204 } else { 401 });
    }
}
