//! What is told of each, and what an operator switches at all of them.

use super::workers;
use gateway_tests::pair::{KEY, SocketClient, Workers};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

async fn get(workers: &Workers, path: &str) -> (u16, Value) {
    let answer = workers.pair.client().get(workers.pair.url(path)).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn health_lists_each_and_is_well_while_one_is() {
    let mut workers = workers(2, 4).await;
    let ready =
        |name: &str| json!({ "worker": name, "status": "ok", "worker_state": "ready", "restart_streak": 0 });
    for path in ["/healthz", "/readyz"] {
        let all = json!({
            "status": "ok", "worker_state": "ready", "restart_streak": 0, "maintenance_mode": false,
            "workers": [ready("worker"), ready("b")],
        });
        assert_eq!(get(&workers, path).await, (200, all));
    }
    workers.pair.daemon.signal(Signal::SIGKILL).expect("a signal");
    workers.pair.daemon.wait().await.expect("an end");
    let told = workers.pair.eventually("the loss to be told", || async {
        let (status, body) = get(&workers, "/readyz").await;
        (body["workers"][0]["status"] == "down").then_some((status, body))
    });
    let (status, body) = told.await.expect("the loss is told");
    let down = json!({ "worker": "worker", "status": "down", "worker_state": "unreachable" });
    assert_eq!((status, &body["status"], &body["workers"]), (200, &json!("ok"), &json!([down, ready("b")])));
    workers.others[0].daemon.signal(Signal::SIGKILL).expect("a signal");
    workers.others[0].daemon.wait().await.expect("an end");
    let down = || async { (get(&workers, "/readyz").await.0 == 503).then_some(()) };
    workers.pair.eventually("both to be gone", down).await.expect("nobody is left");
}

#[tokio::test]
async fn the_log_says_which_one_it_is() {
    let mut workers = workers(2, 4).await;
    workers.others[0].daemon.signal(Signal::SIGKILL).expect("a signal");
    workers.others[0].daemon.wait().await.expect("an end");
    let lost = workers.pair.front.logged("a loss", |line| line["event"] == "daemon_lost").await;
    assert_eq!(lost.expect("a line")["worker"], "b");
}

#[tokio::test]
async fn what_is_switched_is_switched_at_all_of_them() {
    let mut workers = workers(2, 4).await;
    workers.others[0].daemon.signal(Signal::SIGTERM).expect("a signal");
    workers.others[0].daemon.wait().await.expect("an end");
    let url = format!("http://{}/internal/maintenance", workers.pair.internal);
    let set = json!({ "enabled": true, "message": "soon" });
    let answer =
        workers.pair.client().post(&url).bearer_auth(KEY).json(&set).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!((&answer["enabled"], &answer["kept"]), (&json!(true), &json!(true)), "{answer}");
    // The one that was away gets it, with the time of the change.
    workers.others[0].again().expect("a daemon");
    let sockets = [workers.pair.socket.clone(), workers.others[0].socket.clone()];
    let same = workers.pair.eventually("both to have it", || async {
        let mut toggles = Vec::new();
        for socket in &sockets {
            let mut client = SocketClient::connect(socket).await.ok()?;
            toggles
                .push(client.call("daemon/status", &json!({})).await.ok()?["toggles"]["maintenance"].clone());
        }
        toggles.iter().all(|toggle| toggle["set"]["message"] == "soon").then_some(toggles)
    });
    let toggles = same.await.expect("both have it");
    let times =
        toggles.iter().map(|toggle| toggle["changedMs"].as_u64().expect("a time")).collect::<Vec<_>>();
    assert!(times[1] <= times[0], "of the change, not of its return: {times:?}");
    let deleted = workers.pair.client().delete(&url).bearer_auth(KEY).send().await.expect("an answer");
    assert_eq!(deleted.json::<Value>().await.expect("JSON")["kept"], true);
    for socket in &sockets {
        let mut client = SocketClient::connect(socket).await.expect("a connection");
        let status = client.call("daemon/status", &json!({})).await.expect("a status");
        assert_eq!(status["toggles"]["maintenance"]["set"], Value::Null, "{status}");
    }
}
