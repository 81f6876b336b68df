//! The runs.

use super::Stage;

/// Checks of schemathesis that a run leaves out; it makes all others, new ones too.
const LEFT_OUT: &[&str] = &[
    // What the document doesn't allow must be refused. It allows less than the service does on purpose: texts are short,
    // schemas are samples, and members that it doesn't name are ignored, as clients send them by habit. Here such a
    // request must be refused with a 4xx or answered as the document says.
    "negative_data_rejection",
    // They follow what one request makes and another one reads or deletes: nothing here is made to be read.
    "use_after_free",
    "ensure_resource_availability",
    // It needs things that belong to somebody.
    "object_level_authorization",
];
/// Answers of the model that the runs must come to, and requests that must be refused.
const COMPLETED: usize = 1000;
const REFUSED: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_our_document_says() {
    let stage = Stage::new().await;
    let left_out = LEFT_OUT.join(",");
    let checks = ["--checks", "all", "--exclude-checks", &left_out];
    stage.run(&[&checks[..], &["--mode", "all", "--max-examples", "200"]].concat()).await;
    let allowed = ["--mode", "positive", "--phases", "fuzzing", "--max-examples"];
    for (path, examples) in [("/v1/chat/completions", "1500"), ("/v1/completions", "300")] {
        stage.run(&[&checks[..], &allowed, &[examples, "--include-path", path]].concat()).await;
    }
    let (completed, refused) = stage.judged();
    println!("{completed} answers of the model, {refused} requests refused");
    assert!(completed >= COMPLETED, "{completed} answers of the model");
    assert!(refused >= REFUSED, "{refused} requests were refused");
    assert_eq!((stage.upstream.problems(), stage.upstream.strays()), (vec![], vec![]));
}
