//! How large the schemas of a request are. Pure.
//!
//! Reading one costs much more than its bytes, and it is done while others wait.

use crate::{error::ApiError, openai::chat::ChatRequest};
use serde_json::Value;
use std::io::{self, Write};

/// Counts what is written.
#[derive(Default)]
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes as compact JSON.
fn size(value: &Value) -> usize {
    let mut count = Count::default();
    serde_json::to_writer(&mut count, value).expect("JSON is written to a counter");
    count.0
}

/// Checks all schemas together.
///
/// # Errors
/// 400 with the part of the request in which they are too many bytes.
pub(super) fn check(request: &ChatRequest<'_>, limit: usize) -> Result<(), ApiError> {
    let tools = request.tools.iter().flatten().filter_map(|tool| tool.function.as_ref());
    let functions = request.functions.iter().flatten();
    let parameters = tools.chain(functions).filter_map(|function| function.parameters.as_ref());
    let given = if request.functions.is_some() { "functions" } else { "tools" };
    let answer =
        request.response_format.as_ref().and_then(|format| format.json_schema.as_ref()?.schema.as_ref());
    let schemas =
        parameters.map(|schema| (given, schema)).chain(answer.map(|schema| ("response_format", schema)));
    let mut total = 0;
    for (param, schema) in schemas {
        total += size(schema);
        if total > limit {
            let text = format!(
                "The schemas of a request may have {limit} bytes together. PROXY_MAX_SCHEMA_BYTES sets this bound."
            );
            return Err(ApiError::invalid(param, text));
        }
    }
    Ok(())
}
