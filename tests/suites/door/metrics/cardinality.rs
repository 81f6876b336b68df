//! What clients send chooses among the series that there are, and adds none.

use std::{collections::BTreeSet, net::SocketAddr};

use gateway_tests::pair::{DEADLINE, KEY, Pair};
use http_front::metrics::{labels::Label, series, series::Form};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::page::Page;
use crate::door::{builder, once, request, start};

/// Requests in one go on one connection.
const PIPELINED: usize = 250;
/// Connections at once.
const AT_ONCE: usize = 8;
/// How every answer begins.
const BEGIN: &[u8] = b"HTTP/1.1 ";

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    fn word(&mut self) -> String {
        (0..=self.next(20))
            .map(|_| char::from(b'a' + u8::try_from(self.next(26)).expect("a letter")))
            .collect()
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[usize::try_from(self.next(words.len() as u64)).expect("small")]
    }

    /// A request without a body, and with nothing that anybody has sent before.
    fn stranger(&mut self) -> String {
        let word = self.word();
        let method = match self.next(4) {
            0 => word.to_uppercase(),
            _ => self.of(&["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]).to_owned(),
        };
        let path = match self.next(6) {
            0 => format!("/v1/{word}"),
            1 => format!("/v1/models/{word}"),
            2 => "/v1/chat/completions".to_owned(),
            3 => format!("/v1/chat/completions?model={word}"),
            4 => format!("/{}/{word}/%0A{{route=\"{word}\"}}", self.word()).replace('"', "%22"),
            _ => self
                .of(&["/v1/models", "/v1/completions/", "/metrics", "/verify", "/internal/maintenance"])
                .to_owned(),
        };
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {word}\r\nAuthorization: Bearer sk-{word}\r\nX-Client-Request-Id: {word}\r\n\
             X-Request-Id: req_{word}\r\nUser-Agent: {word}\r\nX-{word}: {word}\r\nTraceparent: 00-{word}\r\n\r\n"
        )
    }

    /// A request for the model with the key, of which everything else is new.
    fn known(&mut self, served: &[String]) -> Vec<u8> {
        let names: Vec<&str> = served.iter().map(String::as_str).collect();
        let model = self.of(&names).to_owned();
        let body = json!({
            "model": model,
            "stream": self.next(2) == 0,
            "user": self.word(),
            "seed": self.next(1 << 40),
            "messages": [{"role": "user", "content": self.word()}],
            "metadata": {self.word(): self.word()},
        });
        let id = format!("X-Client-Request-Id: {}", self.word());
        let other = format!("X-{}: {}", self.word(), self.word());
        request(
            "POST",
            "/v1/chat/completions",
            &[&id, &other, "Connection: close"],
            body.to_string().as_bytes(),
        )
    }
}

/// Sends `count` requests on one connection after the other, and reads as many answers.
async fn strangers(addr: SocketAddr, mut dice: Dice, count: usize) {
    let mut left = count;
    while left > 0 {
        let batch = left.min(PIPELINED);
        left -= batch;
        let bytes: String = (0..batch).map(|_| dice.stranger()).collect();
        let stream = timeout(DEADLINE, TcpStream::connect(addr)).await.expect("a connection in time");
        let (mut reader, mut writer) = stream.expect("the front accepts").into_split();
        let writing = async { writer.write_all(bytes.as_bytes()).await.expect("the front reads") };
        let reading = async {
            let (mut text, mut seen) = (Vec::new(), 0);
            while seen < batch {
                let read = timeout(DEADLINE, reader.read_buf(&mut text)).await.expect("answers in time");
                assert!(read.expect("a connection") > 0, "closed behind {seen} of {batch}");
                seen += text.windows(BEGIN.len()).filter(|window| *window == BEGIN).count();
                // An answer's beginning may be cut in two.
                let keep = (1..BEGIN.len()).rev().find(|n| text.ends_with(&BEGIN[..*n])).unwrap_or(0);
                text.drain(..text.len() - keep);
            }
        };
        tokio::join!(writing, reading);
    }
}

/// The series of a page whose name, or whose labels, aren't of the closed sets.
fn open(page: &Page, served: &[String]) -> Vec<String> {
    page.names().into_iter().filter(|name| !is_closed(name, served)).collect()
}

fn is_closed(sample: &str, served: &[String]) -> bool {
    let (name, rest) = sample.split_once('{').unwrap_or((sample, ""));
    let is = |series: &&&series::Series| {
        let durations = ["_bucket", "_sum", "_count"];
        series.name == name
            || series.form == Form::Histogram
                && durations.iter().any(|end| name.strip_suffix(end) == Some(series.name))
    };
    let all = series();
    let Some(series) = all.iter().find(is) else { return false };
    let pairs: Vec<(&str, &str)> = rest
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(label, value)| (label, value.trim_matches('"')))
        .filter(|(label, _)| *label != "le")
        .collect();
    // With one worker its processes have no label for it.
    let labels = series.labels.iter().filter(|label| **label != Label::ProcessWorker).count();
    pairs.len() == labels
        && pairs.iter().all(|(name, value)| {
            let label = series.labels.iter().find(|label| label.name() == *name);
            label.is_some_and(|label| {
                label.values().iter().any(|known| known == value)
                    || *label == Label::Model && served.iter().any(|model| model == value)
                    || *label == Label::Worker && *value == "worker"
                    || *label == Label::Version && [env!("CARGO_PKG_VERSION"), "0.169.0"].contains(value)
            })
        })
}

/// The models that are served, by their names and those of aliases.
async fn served(pair: &Pair) -> Vec<String> {
    let answer = once(pair, &request("GET", "/v1/models", &[], b"")).await;
    let list = answer.json();
    let names = list["data"].as_array().expect("a list").iter();
    names.map(|model| model["id"].as_str().expect("a name").to_owned()).collect()
}

async fn flood(requests: usize, known: usize) {
    let pair = start(builder()).await;
    let served = served(&pair).await;
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let asked: Vec<Vec<u8>> = (0..known).map(|_| dice.known(&served)).collect();
    let (some, more) = (requests - known, AT_ONCE);
    let floods = (0..more).map(|n| strangers(pair.addr, Dice(0x9e37_79b9 + n as u64), some / more));
    let asking = async {
        for batch in asked.chunks(AT_ONCE) {
            let answers = batch.iter().map(|bytes| once(&pair, bytes));
            for answer in futures_util::future::join_all(answers).await {
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
    };
    tokio::join!(futures_util::future::join_all(floods), asking);
    let page = Page::whole(&pair).await;
    let counted = page.sum("codex_http_requests_total", &[]);
    assert!(counted >= (requests - more) as f64, "{counted} of {requests}");
    assert_eq!(open(&page, &served), [""; 0]);
    assert!(page.sum("http_requests_total", &["method=\"other\""]) > 100.0, "methods were random");
    assert_eq!(page.sum("http_requests_total", &["/chat/completions", "status=\"200\""]), known as f64);
    // Twice as many bring no more of them; what is there is few enough to be stored for long.
    let names = page.names();
    strangers(pair.addr, Dice(77), requests / 20).await;
    let later = Page::whole(&pair).await.names();
    let mut fresh: BTreeSet<&String> = later.difference(&names).collect();
    // It is there once codex has told it.
    fresh.retain(|name| !name.starts_with("codex_worker_rss_bytes"));
    assert!(fresh.is_empty(), "{fresh:?}");
    assert!(names.len() < 2_500, "{} series", names.len());
    assert!(!page.text.contains(KEY));
}

#[tokio::test]
async fn what_clients_send_adds_no_series() {
    flood(20_000, 300).await;
}

mod long {
    #[tokio::test]
    async fn what_very_many_clients_send_adds_no_series() {
        super::flood(100_000, 1_000).await;
    }
}

#[test]
fn what_is_closed_is_told_from_what_is_open() {
    let served = ["gpt-x".to_owned()];
    for (sample, wanted) in [
        ("codex_streams_active", true),
        ("codex_tokens_total{model=\"gpt-x\",type=\"prompt\"}", true),
        ("codex_tokens_total{model=\"gpt-y\",type=\"prompt\"}", false),
        ("codex_tokens_total{model=\"gpt-x\"}", false),
        ("codex_stream_ttfb_ms_bucket{model=\"none\",route=\"none\",le=\"5\"}", true),
        ("codex_streams_active_bucket", false),
        ("http_requests_total{method=\"BREW\",route=\"none\",status=\"405\"}", false),
        ("http_requests_total{method=\"other\",route=\"none\",status=\"405\"}", true),
        ("something_else", false),
    ] {
        assert_eq!(is_closed(sample, &served), wanted, "{sample}");
    }
}
