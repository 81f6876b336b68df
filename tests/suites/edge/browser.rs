//! Pages in a real Chromium that use the official SDK: from an allowed origin everything works, from another nothing.

mod chromium;
mod site;

use gateway_tests::pair::{KEY, Pair};
use serde_json::{Value, json};

use crate::auth::pair;
use crate::traefik::{HOST, Setup};
use chromium::Chromium;
use site::Site;

/// What a page does, one after another; `page.mjs` has the same names.
const STEPS: [&str; 6] = ["whole", "streamed", "models", "refused", "unknown", "with_cookies"];

/// What the page at `site` saw of the API at `api`, and what the browser said to its developer.
async fn visit(site: &Site, api: &str) -> (Value, String) {
    let page = format!("{}/?api={api}&key={KEY}", site.url());
    let browser = Chromium::open(&page, HOST);
    let seen = site.result(|| browser.said()).await;
    (seen, browser.close().await)
}

/// Everything that a page of an allowed origin may see.
fn assert_served(seen: &Value, with_cookies: &Value) {
    let shown = format!("{seen:#}");
    let id = |value: &Value| value.as_str().is_some_and(|id| id.starts_with("req_"));
    assert_eq!(seen["whole"]["text"], "Grüße", "{shown}");
    assert!(id(&seen["whole"]["id"]) && seen["whole"]["id"] == seen["whole"]["header"], "{shown}");
    assert_eq!(seen["whole"]["ignored"], "seed", "{shown}");
    assert_eq!(seen["streamed"], json!({ "text": "Grüße", "finish": "stop" }), "{shown}");
    let models = seen["models"]["ids"].as_array().expect("models");
    assert!(models.contains(&"gpt-fake-1".into()), "{shown}");
    // Errors are OpenAI's, with their bodies.
    for (step, error, status, code) in [
        ("refused", "AuthenticationError", 401, "invalid_api_key"),
        ("unknown", "NotFoundError", 404, "model_not_found"),
    ] {
        let told = &seen[step];
        assert_eq!((&told["error"], &told["status"]), (&error.into(), &status.into()), "{shown}");
        assert_eq!(told["code"], code, "{shown}");
        assert!(id(&told["id"]), "{shown}");
        assert!(told["message"].as_str().is_some_and(|text| !text.is_empty()), "{shown}");
    }
    assert_eq!(&seen["with_cookies"], with_cookies, "{shown}");
    assert_eq!(seen["reachable"], "opaque", "{shown}");
}

/// Which calls the browser kept from the page, by what it told the developer.
fn blocked(said: &str) -> usize {
    said.matches("has been blocked by CORS policy").count()
}

async fn api(pair: &Pair) -> String {
    // The page asks by the name that the documented rules have: another site than the page's own.
    format!("http://{HOST}:{}", pair.addr.port())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_origin_works_with_the_defaults_but_for_cookies() {
    let (site, pair) = (Site::start().await, pair(&[]).await);
    let (seen, said) = visit(&site, &api(&pair).await).await;
    assert_served(&seen, &json!({ "error": "TypeError" }));
    assert_eq!(blocked(&said), 1, "the one with cookies: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_works_and_another_does_not() {
    let (site, other) = (Site::start().await, Site::start().await);
    let pair = pair(&[("PROXY_CORS_ALLOWED_ORIGINS", &site.url())]).await;
    let (seen, said) = visit(&site, &api(&pair).await).await;
    assert_served(&seen, &json!({ "status": 200 }));
    assert_eq!(blocked(&said), 0, "{said}");

    let (seen, said) = visit(&other, &api(&pair).await).await;
    assert_kept_from(&seen, &said);
}

/// Nothing comes to the page but that the browser has kept it back.
fn assert_kept_from(seen: &Value, said: &str) {
    for step in STEPS {
        let error = if step == "with_cookies" { "TypeError" } else { "APIConnectionError" };
        assert_eq!(seen[step]["error"], error, "{step}: {seen:#}");
        assert!(seen[step].get("status").is_none_or(Value::is_null), "{step}: {seen:#}");
    }
    // It is there: a request whose answer a page can't read is answered.
    assert_eq!(seen["reachable"], "opaque", "{seen:#}");
    assert_eq!(blocked(said), STEPS.len(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_no_page_works() {
    let site = Site::start().await;
    let pair = pair(&[("PROXY_ENABLE_CORS", "false")]).await;
    let (seen, said) = visit(&site, &api(&pair).await).await;
    assert_kept_from(&seen, &said);
}

/// The refusal is ForwardAuth's there, and preflights pass it.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_same_through_traefik() {
    let (site, other) = (Site::start().await, Site::start().await);
    let pair = pair(&[("PROXY_CORS_ALLOWED_ORIGINS", &site.url())]).await;
    let setup = Setup::before(&pair).with("Method(`OPTIONS`)", "Method(`NEVER`)");
    let traefik = setup.start().await;
    let (seen, said) = visit(&site, &traefik.url("")).await;
    assert_served(&seen, &json!({ "status": 200 }));
    assert_eq!(blocked(&said), 0, "{said}");
    let refusals = pair.front.log().into_iter().filter(|line| line.contains("\"/verify\"")).count();
    assert_eq!(refusals, 1, "the wrong key was refused by ForwardAuth");

    let (seen, said) = visit(&other, &traefik.url("")).await;
    assert_kept_from(&seen, &said);
}
