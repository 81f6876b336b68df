//! Every client through every feature, and the table of `docs/compatibility.md` that this makes.
//!
//! A client is one program that goes through all features and prints what it saw, a line each. The model is one
//! script ([`model`]) that knows a feature by the prompt; what client and upstream saw is judged in [`judge`], and comes
//! to the client's row of the table ([`table`]). `UPDATE_DOCS=1` writes the row in place of comparing it.

mod feature;
mod judge;
mod long;
mod model;
mod subject;
mod table;

use std::{collections::BTreeMap, sync::Arc};

use gateway_tests::{
    pair::{DEADLINE, Pair},
    upstream::{Gate, Outcome, Recorded, Upstream},
};
use serde_json::Value;

use crate::process::{Ended, logs};
use feature::{Feature, Report};
use judge::Judge;
use subject::Subject;

async fn check(name: &str) {
    let subject = Subject::named(name);
    let begun = Gate::new();
    let upstream = Upstream::start(model::Model::new(&begun)).await.expect("an upstream");
    let pair = Pair::real(&upstream).await.expect("a ready pair");

    let features: Vec<&str> = Feature::ALL.iter().map(|feature| feature.name()).collect();
    let features = Value::from(features).to_string();
    let image = judge::image();
    let mut variables = vec![("FEATURES", features.as_str()), ("IMAGE", image.as_str())];
    let opencode = subject.opencode().map(|path| path.to_string_lossy().into_owned());
    variables.extend(opencode.as_deref().map(|path| ("OPENCODE", path)));
    variables.extend(subject.variables);
    let gone = Gate::new();
    let told = [("begun", &begun), ("gone", &gone)];
    let watch = async {
        begun.wait().await;
        hung_up(&upstream).await;
        gone.open();
        std::future::pending().await
    };
    let Ended { status, out, err } = tokio::select! {
        ended = subject.program.run(&pair, "features", &variables, &told) => ended,
        never = watch => never,
    };
    assert!(status.success(), "{name} failed ({status})\n{out}\n{err}{}", logs(&pair));

    let reports: BTreeMap<Feature, Report> = out.lines().filter_map(Report::parse).collect();
    let judge = Judge { subject, upstream: &upstream };
    let mut faults = Vec::new();
    let cells: Vec<judge::Cell> = Feature::ALL
        .into_iter()
        .map(|feature| {
            let report = reports.get(&feature).unwrap_or(&Report::Nothing);
            judge.cell(feature, report).unwrap_or_else(|fault| {
                faults.push(format!("{}: {fault}", feature.name()));
                judge::Cell::Works("FAILED".to_owned())
            })
        })
        .collect();
    faults.extend(upstream.problems());
    faults.extend(upstream.strays());
    assert!(faults.is_empty(), "{name}\n{}\n{err}{}", faults.join("\n"), logs(&pair));
    table::check(subject, &cells);
}

/// Waits until the far end has noticed that the stream was given up. The program waits for that: by its own end, any
/// stream would be given up.
async fn hung_up(upstream: &Upstream) {
    let given_up = |request: &Arc<Recorded>| model::feature_of(request) == Some(Feature::Cancellation);
    let request = upstream.requests().into_iter().find(given_up).expect("it has begun");
    let outcome = upstream.wait_outcome(request.seq, DEADLINE).await.expect("a hang-up ends the turn");
    assert!(matches!(outcome, Outcome::PeerClosed { .. }), "{outcome:?}");
}

/// One test for each name of [`subject::ALL`].
macro_rules! for_subjects {
    ($($name:ident),*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                $crate::features::check(stringify!($name)).await;
            }
        )*
    };
}
use for_subjects;

for_subjects!(openai_python, openai_node, langchain_python, langchain_node, ai_sdk_compatible, ai_sdk_openai);
