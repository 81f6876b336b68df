//! Text, and an image for the model.

use super::{asking, golden};
use gateway_tests::upstream::{Reply, Usage};
use serde_json::json;

/// A PNG of one pixel.
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

golden!(plain_json, 200, asking("Say hi.", &json!({})), [Reply::new().text("Hi.")]);

golden!(
    stream_with_usage,
    200,
    asking("Say hi.", &json!({ "stream": true, "stream_options": { "include_usage": true } })),
    [Reply::new().text("Hi.").completed(Usage::new(11, 3, 7, 2))]
);

golden!(
    image,
    200,
    asking(
        json!([{ "type": "text", "text": "What is it?" }, { "type": "image_url", "image_url": { "url": PNG } }]),
        &json!({})
    ),
    [Reply::new().text("A point.")]
);
