//! Whatever the model writes arrives byte for byte, in an object and in a stream, however the wire splits it.

use crate::support::{Stage, asking};
use gateway_tests::upstream::{Pieces, Reply};

/// Texts that a translation could break.
const TEXTS: &[&str] = &[
    "plain",
    "hahahahahahahaha ha ha ha",
    "🦀👩‍👩‍👧‍👦 e\u{301} 漢字 \u{10ffff} \u{feff}",
    "line\u{2028}paragraph\u{2029}next\u{85}end",
    "cr\rlf\ncrlf\r\n\r\n\n",
    "\u{1}\u{2}\u{7}\u{8}\t\u{b}\u{c}\u{1b}[31m\u{1f}\u{7f}",
    "\"quotes\" \\backslashes\\ \\n \\u0041 '</script>' {\"a\":[1]}",
    "data: [DONE]\n\ndata: {\"error\":{\"message\":\"no\"}}\n\n: keep-alive\nevent: x\nid: 1\nretry: 1\n\n",
    " \n leading and trailing \n ",
    "<plan>no</plan> <think>yes</think> ```json\n{}\n``` &amp; <b>",
];

/// Asks for an object and for a stream, and compares both with `text`.
async fn both(stage: &Stage, reply: impl Fn() -> Reply, text: &str, what: &str) {
    let shown = |got: &str| -> String {
        let same = got.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        format!("{} bytes and not {}, the same up to {same}: {what}", got.len(), text.len())
    };
    let object = stage.ask([reply()], &asking(false)).await.content();
    assert!(object == text, "object: {}", shown(&object));
    let stream = stage.ask([reply()], &asking(true)).await.stream().complete("stop");
    assert!(stream == text, "stream: {}", shown(&stream));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_text_arrives_byte_for_byte() {
    let stage = Stage::new().await;
    for text in TEXTS {
        both(&stage, || Reply::new().text(*text), text, text).await;
        let reply = || Reply::new().text(Pieces::new(*text).chars(1));
        both(&stage, reply, text, "one character a delta").await;
    }
    let all = TEXTS.concat();
    for size in [1, 3] {
        let reply = || Reply::new().text(Pieces::new(&*all).chars(40)).wire_chunk(size);
        both(&stage, reply, &all, &format!("{size} bytes a write")).await;
    }
    stage.check_upstream();
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_repeated_deltas_are_neither_lost_nor_doubled() {
    let stage = Stage::new().await;
    let cases: &[&[&str]] = &[
        &["", "a", "", "", "a", "a", ""],
        &["same ", "same ", "same "],
        &["ab", "ab", "aba", "b"],
        &["\n\n", "\n\n", "\n"],
        &[""],
        &[],
    ];
    for deltas in cases {
        let reply = || Reply::new().text(Pieces::deltas(deltas.iter().copied()));
        both(&stage, reply, &deltas.concat(), &format!("{deltas:?}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_child_takes_for_its_own_citation_arrives() {
    let stage = Stage::new().await;
    let citation = "<oai-mem-citation>\nMEMORY.md:1-2\n</oai-mem-citation>";
    let end = format!("An answer.{citation}");
    both(&stage, || Reply::new().text(&*end), &end, "at the end").await;
    let reply = || Reply::new().text(Pieces::new(&*end).chars(3));
    both(&stage, reply, &end, "at the end, split").await;
    // In the middle a stream has already sent what comes behind it; an object is exact.
    let middle = format!("Before.{citation}After.");
    let object = stage.ask([Reply::new().text(&*middle)], &asking(false)).await.content();
    assert_eq!(object, middle);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_megabytes_arrive_byte_for_byte() {
    let stage = Stage::new().await;
    let text: String = (0..300_000).map(|n| format!("{n:08} wörd 🦀\n")).collect();
    assert!(text.len() > 5_000_000);
    let reply = || Reply::new().text(Pieces::new(&*text).chars(2_000));
    both(&stage, reply, &text, "in deltas").await;
    both(&stage, || Reply::new().text(&*text), &text, "in one delta").await;
}
