//! The routes: what they take and show, who may use them, and what a toggle does to the API.

use super::{APP_SERVER, Door, MAINTENANCE, events, on, so_many};
use crate::{
    door::{builder, failure, named, request, start, stranger},
    raw::{Answer, Raw},
    switches::closed,
};
use gateway_tests::pair::Pair;
use serde_json::{Value, json};

async fn internal(pair: &Pair, bytes: &[u8]) -> Answer {
    let mut raw = Raw::connect(pair.internal).await;
    raw.send(bytes).await;
    raw.answer().await
}

#[tokio::test]
async fn a_toggle_wins_over_the_variable_until_it_is_removed() {
    let pair = start(builder().front("PROXY_MAINTENANCE_RETRY_AFTER_S", "45")).await;
    let door = Door::of(&pair);
    let variable = json!({
        "enabled": false, "source": "variable", "retry_after_s": 45, "message": null,
        "until": null, "since": null, "kept": true
    });
    assert_eq!(door.state(MAINTENANCE).await, variable);
    let said = "Back at noon – zurück um zwölf.";
    let set = door.set(MAINTENANCE, json!({ "enabled": true, "retry_after_s": 7, "message": said })).await;
    assert_eq!(
        (&set["enabled"], &set["source"], &set["kept"]),
        (&json!(true), &json!("toggle"), &json!(true))
    );
    assert_eq!((&set["retry_after_s"], &set["message"]), (&json!(7), &json!(said)));
    assert!(set["since"].as_str().is_some_and(|time| time.ends_with('Z')), "{set}");
    let answer = closed(&pair, "maintenance").await;
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.json()["error"]["message"], said);
    assert_eq!(answer.json()["error"]["retryable"], true);
    let health = internal(&pair, &stranger("GET", "/healthz", &[], b"")).await;
    assert_eq!((health.status, &health.json()["maintenance_mode"]), (200, &json!(true)));
    let told = internal(&pair, &stranger("GET", "/metrics", &[], b"")).await;
    for line in ["codex_maintenance_mode{state=\"on\"} 1", "codex_maintenance_mode{state=\"off\"} 0"] {
        assert!(told.text().lines().any(|told| told == line), "{line}");
    }
    // Without a time to wait of its own it has the setting's, and a long one is cut for the SDKs.
    door.set(MAINTENANCE, on()).await;
    assert_eq!(closed(&pair, "maintenance").await.header("retry-after"), Some("45"));
    let (status, state) = door
        .ask(reqwest::Method::POST, MAINTENANCE, Some(json!({ "enabled": true, "retry_after_s": 86_400 })))
        .await;
    assert_eq!((status, &state["retry_after_s"]), (200, &json!(86_400)));
    assert_eq!(closed(&pair, "maintenance").await.header("retry-after"), Some("120"));
    assert_eq!(door.clear(MAINTENANCE).await, variable);
    assert_eq!(door.chat().await.0, 200);
    assert_eq!(door.clear(MAINTENANCE).await, variable, "nothing to remove is no error");

    let toggled = so_many(&pair, &pair.front, "maintenance_toggled", 4).await;
    let shown: Vec<_> = toggled.iter().map(|line| (&line["enabled"], &line["source"])).collect();
    let (t, f, toggle, variable) = (&json!(true), &json!(false), &json!("toggle"), &json!("variable"));
    assert_eq!(shown, [(t, toggle), (t, toggle), (t, toggle), (f, variable)]);
    assert!(
        toggled.iter().all(|line| line["maintenance_mode"] == line["enabled"] && line["level"] == "info")
    );
    for process in [&pair.front, &pair.daemon] {
        assert!(
            !process.log().iter().any(|line| line.contains("noon")),
            "the text for clients is not logged"
        );
    }
    let toggled = so_many(&pair, &pair.daemon, "maintenance_toggled", 4).await;
    let shown: Vec<_> = toggled.iter().map(|line| (&line["enabled"], &line["source"])).collect();
    assert_eq!(shown, [(t, toggle), (t, toggle), (t, toggle), (f, variable)]);
    assert!(toggled.iter().all(|line| line["maintenance_mode"] == line["enabled"]));
}

#[tokio::test]
async fn off_by_toggle_serves_whatever_the_variable_says() {
    let settings = builder().front("PROXY_MAINTENANCE_MODE", "true").front("PROXY_USE_APP_SERVER", "false");
    let pair = settings.start().await.expect("a pair that is ready");
    let door = Door::of(&pair);
    // The settings that close it are told, once.
    let told = pair.front.logged("maintenance", |line| line["event"] == "maintenance_toggled").await;
    assert_eq!(told.expect("a line")["source"], "variable");
    assert_eq!(door.chat().await, (503, json!("app_server_disabled")));
    let state = door.set(APP_SERVER, on()).await;
    assert_eq!(
        (&state["enabled"], &state["source"], &state["kept"]),
        (&json!(true), &json!("toggle"), &json!(true))
    );
    assert_eq!(door.chat().await, (503, json!("maintenance")));
    door.set(MAINTENANCE, json!({ "enabled": false })).await;
    door.answers(&pair, 200, Value::Null).await;
    assert_eq!(door.clear(APP_SERVER).await["enabled"], false);
    assert_eq!(door.chat().await, (503, json!("app_server_disabled")));
    assert_eq!(so_many(&pair, &pair.front, "app_server_toggled", 3).await.len(), 3);
}

#[tokio::test]
async fn the_kill_switch_is_stronger_and_not_waited_for() {
    let pair = start(builder()).await;
    let door = Door::of(&pair);
    door.set(MAINTENANCE, on()).await;
    door.set(APP_SERVER, json!({ "enabled": false })).await;
    let answer = closed(&pair, "app_server_disabled").await;
    assert_eq!((answer.header("retry-after"), answer.header("x-should-retry")), (None, Some("false")));
    let told = internal(&pair, &stranger("GET", "/metrics", &[], b"")).await;
    assert!(told.text().lines().any(|line| line == "codex_app_server_enabled 0"), "{}", told.text());
    door.clear(APP_SERVER).await;
    closed(&pair, "maintenance").await;
}

#[tokio::test]
async fn only_operators_on_the_internal_listener_get_in() {
    let pair = start(builder()).await;
    let body = on().to_string();
    for path in [MAINTENANCE, APP_SERVER, "/internal/maintenance/"] {
        for method in ["GET", "PUT", "POST", "DELETE"] {
            for headers in [&[][..], &["Authorization: Bearer sk-wrong"]] {
                let bytes = stranger(method, path, headers, body.as_bytes());
                failure(&internal(&pair, &bytes).await, 401, Some("invalid_api_key"));
            }
            let mut raw = Raw::connect(pair.addr).await;
            raw.send(request(method, path, &[], body.as_bytes())).await;
            failure(&raw.answer().await, 404, Some("not_found"));
        }
        let answer = internal(&pair, &request("PATCH", path, &[], b"")).await;
        failure(&answer, 405, Some("method_not_allowed"));
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST, PUT, DELETE, OPTIONS"));
        let answer = internal(&pair, &stranger("OPTIONS", path, &[], b"")).await;
        assert_eq!(answer.status, 204);
        let mut raw = Raw::connect(pair.internal).await;
        raw.send(request("HEAD", path, &[], b"")).await;
        let head = raw.answer_to_head().await;
        named(&head);
        assert_eq!(head.status, 200);
    }
    assert_eq!(Door::of(&pair).chat().await.0, 200, "nobody switched anything");
    assert_eq!(events(&pair.front, "maintenance_toggled"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_bad_body_is_400_and_changes_nothing() {
    let pair = start(builder()).await;
    let long = "x".repeat(501);
    for (body, param) in [
        (json!({}), "enabled"),
        (json!({ "enabled": "yes" }), "enabled"),
        (json!({ "enabled": true, "retry_after": 5 }), "retry_after"),
        (json!({ "enabled": true, "retry_after_s": 86_401 }), "retry_after_s"),
        (json!({ "enabled": true, "message": long }), "message"),
        (json!({ "enabled": true, "message": "a\u{7}" }), "message"),
        (json!({ "enabled": true, "until": "2001-01-01T00:00:00Z" }), "until"),
        (json!({ "enabled": true, "until": 1 }), "until"),
    ] {
        let answer = internal(&pair, &request("PUT", MAINTENANCE, &[], body.to_string().as_bytes())).await;
        assert_eq!(failure(&answer, 400, None)["param"], param, "{body}");
    }
    let twice = br#"{"enabled":false,"enabled":true}"#;
    for path in [MAINTENANCE, APP_SERVER] {
        let answer = internal(&pair, &request("PUT", path, &[], twice)).await;
        assert_eq!(failure(&answer, 400, None)["param"], "enabled");
    }
    for body in [&b"{"[..], b"[]", b"\xff\xfe", b"null"] {
        let answer = internal(&pair, &request("POST", APP_SERVER, &[], body)).await;
        assert_eq!(failure(&answer, 400, None)["param"], Value::Null);
    }
    let answer = internal(&pair, &request("PUT", MAINTENANCE, &[], b"")).await;
    failure(&answer, 400, None);
    let large = vec![b' '; 17 * 1024];
    let answer = internal(&pair, &request("PUT", MAINTENANCE, &[], &large)).await;
    let error = failure(&answer, 413, Some("request_too_large"));
    assert!(error["message"].as_str().is_some_and(|text| text.contains("16384")), "{error}");
    assert_eq!(Door::of(&pair).state(MAINTENANCE).await["source"], "variable");
}
