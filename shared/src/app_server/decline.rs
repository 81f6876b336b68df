//! The answer to a request of the child when nobody is there to say yes.
//!
//! Every request of the child gets an answer, or its turn hangs for ever. Approvals and questions are declined,
//! the clock is told, and what we don't know gets "method not found".

use crate::rpc::{ErrorObject, code};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The result for the child's request `method`, or the error where there is no such result.
pub fn answer(method: &str, now: SystemTime) -> Result<Value, ErrorObject> {
    match method {
        "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => {
            Ok(json!({ "decision": "decline" }))
        }
        "execCommandApproval" | "applyPatchApproval" => {
            Ok(json!({ "decision": { "denied": { "rejection": "Nobody is there to approve this." } } }))
        }
        "item/permissions/requestApproval" => Ok(json!({ "permissions": {}, "scope": "turn" })),
        "item/tool/requestUserInput" => Ok(json!({ "answers": {} })),
        "mcpServer/elicitation/request" => Ok(json!({ "action": "decline", "content": null })),
        "item/tool/call" => Ok(json!({
            "contentItems": [{ "type": "inputText", "text": "This tool is not available." }],
            "success": false,
        })),
        "currentTime/read" => {
            let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
            Ok(json!({ "currentTimeAt": seconds }))
        }
        other => Err(code::method_not_found(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn approvals_are_declined_and_the_unknown_is_not_found() {
        let now = UNIX_EPOCH + std::time::Duration::from_secs(7);
        assert_eq!(answer("item/commandExecution/requestApproval", now).unwrap()["decision"], "decline");
        assert!(answer("execCommandApproval", now).unwrap()["decision"]["denied"]["rejection"].is_string());
        assert_eq!(answer("currentTime/read", now).unwrap()["currentTimeAt"], 7);
        assert_eq!(answer("attestation/generate", now).unwrap_err().code, code::METHOD_NOT_FOUND);
    }
}
