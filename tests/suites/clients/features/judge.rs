//! What a feature must have come to, at the client and at the upstream; and the cell of the table that it makes.

use std::{collections::BTreeSet, sync::Arc};

use gateway_tests::upstream::{Recorded, Upstream};
use serde_json::{Value, json};

use super::{
    feature::{Feature, Report},
    model,
    subject::Subject,
};

/// A PNG of one red pixel.
const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A cell of the table.
pub(super) enum Cell {
    /// What is to be said of a feature that works.
    Works(String),
    /// The client has no such thing; why.
    NotOffered(String),
}

/// Who is judged, and by which upstream.
pub(super) struct Judge<'a> {
    pub(super) subject: &'a Subject,
    pub(super) upstream: &'a Upstream,
}

/// The picture as the programs get it, in base64.
pub(super) fn image() -> String {
    IMAGE.to_owned()
}

impl Judge<'_> {
    /// The cell of a feature, or what is wrong with it.
    pub(super) fn cell(&self, feature: Feature, report: &Report) -> Result<Cell, String> {
        let saw = match report {
            Report::Saw(saw) => saw,
            Report::NotOffered(reason) => return Ok(Cell::NotOffered(reason.clone())),
            Report::Failed(why) => return Err(why.clone()),
            Report::Nothing => return Err("the program says nothing of it".to_owned()),
        };
        let requests: Vec<_> = self
            .upstream
            .requests()
            .into_iter()
            .filter(|request| model::feature_of(request) == Some(feature))
            .collect();
        let yes = "yes".to_owned();
        match feature {
            Feature::Plain => text(saw, model::TEXT).and(asked(&requests, 1)).map(|()| yes),
            Feature::Stream => stream(saw).and_then(|cell| asked(&requests, 1).map(|()| cell)),
            Feature::Tools => {
                text(saw, model::TOOLS_TEXT).and(calls(saw, 2)).and(asked(&requests, 3)).map(|()| yes)
            }
            Feature::Parallel => {
                text(saw, model::PARALLEL_TEXT).and(calls(saw, 2)).and(asked(&requests, 2)).map(|()| yes)
            }
            Feature::Structured => structured(saw, &requests),
            Feature::Images => {
                text(saw, model::IMAGE_TEXT).and(asked(&requests, 1)).and(pictured(&requests)).map(|()| yes)
            }
            Feature::Usage => usage(saw, requests.len()),
            Feature::Errors => asked(&requests, 1).and_then(|()| error(saw)),
            Feature::Retries => text(saw, model::TEXT).and(asked(&requests, 2)).map(|()| yes),
            Feature::Cancellation => asked(&requests, 1).map(|()| yes),
        }
        .map(Cell::Works)
        .map_err(|fault| format!("{}: {fault}; the client saw {saw}", self.subject.title))
    }
}

fn text(saw: &Value, wanted: &str) -> Result<(), String> {
    if saw["text"] == wanted { Ok(()) } else { Err(format!("not the text {wanted:?}")) }
}

fn calls(saw: &Value, wanted: u64) -> Result<(), String> {
    if saw["calls"] == wanted { Ok(()) } else { Err(format!("not {wanted} calls")) }
}

fn asked(requests: &[Arc<Recorded>], wanted: usize) -> Result<(), String> {
    if requests.len() == wanted {
        return Ok(());
    }
    Err(format!("the upstream was asked {} times in place of {wanted}", requests.len()))
}

fn stream(saw: &Value) -> Result<String, String> {
    let texts: Vec<&str> = saw["texts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if texts.concat() != model::TEXT {
        return Err("the pieces are not the text".to_owned());
    }
    Ok(if texts.len() > 1 { "yes" } else { "shown in one piece" }.to_owned())
}

/// In which of the two ways the client asked for an object.
fn structured(saw: &Value, requests: &[Arc<Recorded>]) -> Result<String, String> {
    let objects = saw["objects"].as_array().map_or(&[][..], Vec::as_slice);
    if objects.is_empty() || objects.iter().any(|object| *object != model::trip()) {
        return Err("not the object".to_owned());
    }
    asked(requests, objects.len())?;
    let mut ways = BTreeSet::new();
    for request in requests {
        let body = request.json();
        let format = &body["text"]["format"];
        // A call that must be made has its schema here, too.
        if format["type"] != "json_schema" || format["strict"] != true {
            return Err(format!("asked with the format {format}"));
        }
        let tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
        ways.insert(if tools { "by a required call" } else { "by `json_schema`" });
    }
    Ok(ways.into_iter().collect::<Vec<_>>().join(", "))
}

/// The very bytes, in the message that asks.
fn pictured(requests: &[Arc<Recorded>]) -> Result<(), String> {
    let wanted = format!("data:image/png;base64,{IMAGE}");
    let items = requests.iter().flat_map(|request| request.input());
    let parts = items.filter_map(|item| item["content"].as_array()).flatten();
    let images: Vec<&Value> = parts.filter(|part| part["type"] == "input_image").collect();
    match images.as_slice() {
        [image] if image["image_url"] == wanted.as_str() => Ok(()),
        images => Err(format!("the upstream saw the images {images:?}")),
    }
}

/// Every count that the client shows is the upstream's; which are shown is the client's affair.
fn usage(saw: &Value, requests: usize) -> Result<String, String> {
    let counts = json!({"input": 11, "output": 7, "total": 18, "cached": 3, "reasoning": 2});
    let counts = counts.as_object().expect("an object");
    let mut missing = BTreeSet::new();
    let mut ways = 0;
    for way in ["whole", "stream"] {
        let Some(shown) = saw[way].as_object() else { continue };
        ways += 1;
        for (name, count) in counts {
            match shown.get(name).filter(|shown| !shown.is_null()) {
                Some(shown) if shown == count => {}
                Some(shown) => return Err(format!("{name} is {shown} in place of {count} ({way})")),
                None => {
                    missing.insert(name.as_str());
                }
            }
        }
    }
    if ways == 0 || ways != requests {
        return Err(format!("{ways} counts of {requests} requests"));
    }
    Ok(if missing.is_empty() {
        "yes".to_owned()
    } else {
        format!("without {}", missing.into_iter().collect::<Vec<_>>().join(", "))
    })
}

/// The class, with what of status and code it tells.
fn error(saw: &Value) -> Result<String, String> {
    let class = saw["class"].as_str().ok_or("no class")?;
    let status = &saw["status"];
    let code = &saw["code"];
    if !(status.is_null() || *status == 400) || !(code.is_null() || *code == "bad_thing") {
        return Err("not the status and code of the refusal".to_owned());
    }
    let told = match (status.is_null(), code.is_null()) {
        (false, false) => "",
        (false, true) => ", without the code",
        (true, false) => ", without the status",
        (true, true) => ", without status and code",
    };
    Ok(format!("`{class}`{told}"))
}
