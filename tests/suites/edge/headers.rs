//! What Traefik hands on to the API of the names and methods that clients make up.

use gateway_tests::pair::KEY;

use crate::auth::pair;
use crate::echo::{Echo, Seen};
use crate::traefik::{Setup, Traefik};

const PATH: &str = "/v1/chat/completions";

/// A request with every made-up name.
fn spoofed(traefik: &Traefik, method: &str) -> reqwest::RequestBuilder {
    traefik
        .request(method, PATH)
        .header("x-auth-key-name", "admin")
        .header("X-Auth-Key-Name", "root")
        .header("x_auth_key_name", "admin")
        .header("x-auth_key-name", "admin")
}

/// What the API sees of a request that passes.
async fn passed(traefik: &Traefik, echo: &Echo, request: reqwest::RequestBuilder) -> Seen {
    assert_eq!(traefik.ask(request).await.status(), 200);
    let [seen] = &echo.take(PATH)[..] else { panic!("one request has passed") };
    seen.clone()
}

#[tokio::test]
async fn the_name_is_ours_or_absent() {
    let (pair, echo) = (pair(&[]).await, Echo::start().await);
    let internal = format!("http://{}", pair.internal);
    let setup = || Setup::between(&echo.url(), &internal);

    let traefik = setup().start().await;
    let seen = passed(&traefik, &echo, spoofed(&traefik, "POST").bearer_auth(KEY)).await;
    assert_eq!(seen.all("x-auth-key-name"), ["PROXY_API_KEY"]);
    // As the documents say: other spellings stay, and nothing may read them.
    assert_eq!((seen.all("x_auth_key_name"), seen.all("x-auth_key-name")), (vec!["admin"], vec!["admin"]));
    // Nor can a client have ours taken out and its own put in.
    let dropped = spoofed(&traefik, "POST").bearer_auth(KEY).header("connection", "x-auth-key-name");
    let seen = passed(&traefik, &echo, dropped).await;
    assert!(matches!(seen.all("x-auth-key-name")[..], [] | ["PROXY_API_KEY"]), "{:?}", seen.headers);
    // Nobody gets through with names alone.
    assert_eq!(traefik.ask(spoofed(&traefik, "POST")).await.status(), 401);
    assert!(echo.take(PATH).is_empty(), "nothing has passed");

    // A preflight that passes ForwardAuth has no name, whatever it said.
    let traefik = setup().with("Method(`OPTIONS`)", "Method(`NEVER`)").start().await;
    let preflight = spoofed(&traefik, "OPTIONS")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST");
    let seen = passed(&traefik, &echo, preflight).await;
    assert_eq!((seen.method.as_str(), seen.all("x-auth-key-name")), ("OPTIONS", vec![]));

    // And with the option that the documents name, the other spellings go, too.
    let traefik = setup().entry_point("HTTP_ALIASHEADERSSTRATEGY", "delete").start().await;
    let seen = passed(&traefik, &echo, spoofed(&traefik, "POST").bearer_auth(KEY)).await;
    assert_eq!(seen.all("x-auth-key-name"), ["PROXY_API_KEY"]);
    assert_eq!((seen.all("x_auth_key_name"), seen.all("x-auth_key-name")), (vec![], vec![]));
}
