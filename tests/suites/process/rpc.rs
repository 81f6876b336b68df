//! A child that loses, refuses or garbles what is asked of it.

use crate::support::{around, ask, let_go, ready, refused, serves};
use gateway_tests::{
    fake_child::{First, Script},
    pair::{Answer, End},
};

fn first(method: &str) -> First {
    first_of(method, 1)
}

fn first_of(method: &str, count: u32) -> First {
    First::Of([(method.to_owned(), count)].into())
}

/// Loses one `method`: its request gets 504 in time, and others are served. What it leaves in the child is kept as
/// long as a late answer could come, so nothing is said of it here.
async fn a_lost_answer(method: &str) {
    let script = Script { lose_answers: first(method), ..Script::default() };
    let builder = around(&script).daemon("WORKER_REQUEST_TIMEOUT_MS", "2500");
    let pair = builder.start().await.expect("a ready pair");
    assert_eq!(ask(&pair, "hello", false).await.0, refused(504, "timeout"), "{method}");
    serves(&pair).await;
}

#[tokio::test]
async fn a_lost_thread_start_is_a_504() {
    a_lost_answer("thread/start").await;
}

#[tokio::test]
async fn a_lost_turn_start_is_a_504() {
    a_lost_answer("turn/start").await;
}

/// The client has its answer already; and a drain doesn't wait longer for the thread than its grace.
#[tokio::test]
async fn a_lost_unsubscribe_holds_up_nobody() {
    let script = Script { lose_answers: first("thread/unsubscribe"), ..Script::default() };
    let builder =
        around(&script).daemon("WORKER_REQUEST_TIMEOUT_MS", "2500").daemon("WORKER_SHUTDOWN_GRACE_MS", "500");
    let pair = builder.start().await.expect("a ready pair");
    assert_eq!(ask(&pair, "hello", false).await, (End::Done, "hello".to_owned()));
    serves(&pair).await;
    assert_eq!(pair.stop().await.expect("two ends"), (Some(0), Some(0)));
}

/// Without the models nothing can be served: the front asks again.
#[tokio::test]
async fn a_list_of_models_that_does_not_come_is_asked_for_again() {
    for script in [
        Script { lose_answers: first_of("model/list", 3), ..Script::default() },
        Script { overload_first: first_of("model/list", 3), ..Script::default() },
    ] {
        let builder = around(&script).daemon("WORKER_REQUEST_TIMEOUT_MS", "2500");
        let pair = builder.start().await.expect("a ready pair");
        serves(&pair).await;
    }
}

async fn an_overload(method: &str, stream: bool) {
    // Asked again until its time is over.
    let script = Script { overload_first: first_of(method, 1000), ..Script::default() };
    let builder = around(&script).daemon("WORKER_REQUEST_TIMEOUT_MS", "2500");
    let pair = builder.start().await.expect("a ready pair");
    let mut answer = Answer::to(&pair, "hello", stream).await.expect("a head");
    assert!(answer.header("retry-after").is_some(), "no Retry-After");
    assert_eq!(answer.header("x-should-retry"), Some("true"));
    assert_eq!(answer.end().await.expect("an end"), refused(503, "overloaded"), "{method}");
    let_go(&pair).await;
}

#[tokio::test]
async fn an_overloaded_child_is_a_503() {
    an_overload("thread/start", false).await;
    an_overload("turn/start", true).await;
}

#[tokio::test]
async fn rubbish_and_torn_lines_change_nothing() {
    let pair = ready(&Script::default()).await;
    for stream in [false, true] {
        let said = ask(&pair, "!garbage\n!chunks 7\n!echo untouched by it", stream).await;
        assert_eq!(said, (End::Done, "untouched by it".to_owned()), "stream: {stream}");
    }
    let ignored = pair.daemon.logged("the rubbish", |line| line["event"] == "child_line_ignored").await;
    ignored.expect("a line");
    let_go(&pair).await;
}
