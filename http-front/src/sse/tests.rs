//! What we write, read by decoders that behave as the clients' own do.

mod decoders;

use super::*;
use decoders::{ALL, go};
use proptest::prelude::*;

/// One thing of a stream.
#[derive(Debug, Clone)]
enum Part {
    Frame(String),
    KeepAlive,
}

fn stream(parts: &[Part]) -> BytesMut {
    let mut out = BytesMut::new();
    for part in parts {
        match part {
            Part::Frame(text) => json(&mut out, text),
            Part::KeepAlive => out.extend_from_slice(KEEP_ALIVE),
        }
    }
    out.extend_from_slice(DONE);
    out
}

/// `bytes` cut at `places`, as the wire may cut it.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = places.iter().map(|place| place.index(bytes.len())).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn part() -> impl Strategy<Value = Part> {
    let text = ".*|[\r\n\u{2028}\u{85}:d at{}\"\\\\]{0,20}";
    prop_oneof![2 => text.prop_map(Part::Frame), 1 => Just(Part::KeepAlive)]
}

proptest! {
    /// Whatever the text holds, wherever comments stand and wherever the wire cuts: one frame is one event with
    /// exactly that text, and nothing else is an event, for each of the clients.
    #[test]
    fn every_client_reads_each_frame_once(
        parts in prop::collection::vec(part(), 0..10),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        with_id in any::<bool>(),
    ) {
        let mut bytes = if with_id { BytesMut::from("id: 7\n") } else { BytesMut::new() };
        bytes.extend_from_slice(&stream(&parts));
        let wanted: Vec<String> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Frame(text) => Some(serde_json::to_string(text).unwrap()),
                Part::KeepAlive => None,
            })
            .chain(["[DONE]".to_owned()])
            .collect();
        for (client, decode) in ALL {
            prop_assert_eq!(&decode(&cut(&bytes, &places)), &wanted, "{}", client);
        }
    }
}

/// The comment is a line that every one of them skips, before the first frame and between frames.
#[test]
fn a_comment_is_no_event() {
    for bytes in [&b": keep-alive\ndata: 1\n\n"[..], b": keep-alive\n: keep-alive\ndata: 1\n\n: keep-alive\n"]
    {
        for (client, decode) in ALL {
            assert_eq!(decode(&[bytes]), ["1"], "{client}");
        }
    }
}

/// Why there is no empty line behind it.
#[test]
fn a_comment_with_an_empty_line_is_an_event_to_some() {
    let before = b": keep-alive\n\ndata: 1\n\n";
    assert_eq!(go(&[before]), ["", "1"]);
    let after_an_id = b"id: 7\ndata: 1\n\n: keep-alive\n\ndata: 2\n\n";
    let broken: Vec<&str> = ALL
        .iter()
        .filter(|(_, decode)| decode(&[after_an_id]) != ["1", "2"])
        .map(|(client, _)| *client)
        .collect();
    assert_eq!(broken, ["openai-go", "openai-python 1.x"]);
}
