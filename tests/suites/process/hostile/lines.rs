//! Lines that are none.

use super::Stage;
use crate::raw::Raw;
use serde_json::{Value, json};

#[tokio::test]
async fn half_lines_and_a_hang_up_leave_nothing_behind() {
    let stage = Stage::new().await;
    let big = format!(r#"{{"id":1,"method":"{}"#, "x".repeat(1 << 20));
    stage
        .beside(async {
            for n in 0..100 {
                let half = match n % 4 {
                    0 => "{",
                    1 => r#"{"id":1,"method":"daemon/status"}"#,
                    2 => "{\"id\":1,\"method\":\"daemon/status\"}\n{\"id\":2,",
                    _ => &big,
                };
                let mut client = Raw::connect(&stage.pair.socket).await;
                client.send(half.as_bytes()).await;
            }
        })
        .await;
    stage.is_clean().await;
}

/// Each line of rubbish gets one error with the id null, and the connection goes on.
#[tokio::test]
async fn garbage_is_refused_line_by_line() {
    let stage = Stage::new().await;
    stage
        .beside(async {
            let mut client = Raw::greeted(&stage.pair).await;
            // Bytes of every value but the line feed and the carriage return, in no order.
            let mut state = 7_u32;
            let mut byte = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let byte = (state >> 24) as u8;
                if byte == b'\n' || byte == b'\r' { b'x' } else { byte }
            };
            let lines = 2000;
            for n in 0..lines {
                let mut line: Vec<u8> = (0..=n % 300).map(|_| byte()).collect();
                line.push(b'\n');
                client.send(&line).await;
            }
            for _ in 0..lines {
                let line = client.line().await.expect("an error");
                assert_eq!(line["id"], Value::Null, "{line}");
                assert!([json!(-32700), json!(-32600)].contains(&line["error"]["code"]), "{line}");
            }
            client.is_served().await;
        })
        .await;
    stage.is_clean().await;
}

#[tokio::test]
async fn empty_lines_are_skipped() {
    let stage = Stage::new().await;
    stage
        .beside(async {
            let mut client = Raw::greeted(&stage.pair).await;
            for _ in 0..100 {
                client.send("\n\r\n".repeat(1000).as_bytes()).await;
            }
            client.say(&json!({ "id": 1, "method": "daemon/status" })).await;
            // Its answer is the first line that comes.
            assert_eq!(client.line().await.expect("an answer")["id"], 1);
        })
        .await;
    stage.is_clean().await;
}

/// 100 MB against a limit of 64 MiB: what is over it is thrown away as it comes.
#[tokio::test]
async fn a_line_of_100_megabytes_is_skipped_and_its_memory_given_back() {
    const LIMIT: u64 = 64 << 20;
    let stage = Stage::new().await;
    let mut client = Raw::greeted(&stage.pair).await;
    stage
        .beside(async {
            let chunk = vec![b'x'; 1 << 20];
            client.send(br#"{"id":1,"method":""#).await;
            for _ in 0..100 {
                client.send(&chunk).await;
            }
            client.send(b"\"}\n").await;
            let line = client.line().await.expect("an error");
            assert_eq!((&line["id"], &line["error"]["code"]), (&Value::Null, &json!(-32600)), "{line}");
            client.is_served().await;
        })
        .await;
    // The line up to the limit, not the 100 MiB.
    assert!(stage.peak() <= stage.resident + LIMIT + super::SLACK, "{} bytes", stage.peak());
    assert!(stage.peak() >= stage.resident + LIMIT / 2, "the line was not seen at all");
    // Still connected, it holds nothing of that any more.
    client.is_served().await;
    stage.memory_is_flat();
    drop(client);
    stage.is_clean().await;
}
