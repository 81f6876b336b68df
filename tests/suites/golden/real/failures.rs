//! Failures of the upstream.

use super::{asking, golden};
use gateway_tests::upstream::Reply;
use serde_json::json;

golden!(
    failure_before_the_first_byte,
    429,
    asking("Say hi.", &json!({ "stream": true })),
    [Reply::error(429, "slow down")]
);

golden!(
    failure_after_the_first_byte,
    200,
    asking("Say hi.", &json!({ "stream": true })),
    [Reply::new().text("Hi").failed("server_error", "Something went wrong.")]
);
