//! The payloads, member for member as codex-cli 0.169.0 writes them (`suites/fake_child/members.txt` holds the names).

use serde_json::{Value, json};

/// Token counts of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    input: u64,
    cached: u64,
    output: u64,
    reasoning: u64,
}

impl Usage {
    pub(crate) fn new(input: u64, cached: u64, output: u64, reasoning: u64) -> Self {
        Self { input, cached, output, reasoning }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            cached: self.cached + other.cached,
            output: self.output + other.output,
            reasoning: self.reasoning + other.reasoning,
        }
    }

    fn total(self) -> u64 {
        self.input + self.output
    }

    fn counts(self) -> Value {
        json!({
            "totalTokens": self.total(),
            "inputTokens": self.input,
            "cachedInputTokens": self.cached,
            "cacheWriteInputTokens": 0,
            "outputTokens": self.output,
            "reasoningOutputTokens": self.reasoning,
        })
    }

    /// The params of `rawResponse/completed`, but for the ids of thread and turn.
    pub(crate) fn raw_response(self, response_id: &str) -> Value {
        json!({
            "responseId": response_id,
            "usage": self.counts(),
            "usageMetadata": {
                "amount": null,
                "metadata": {
                    "input_tokens": self.input,
                    "input_tokens_details": { "cached_tokens": self.cached },
                    "output_tokens": self.output,
                    "output_tokens_details": { "reasoning_tokens": self.reasoning },
                    "total_tokens": self.total(),
                },
            },
        })
    }
}

/// The params of `thread/tokenUsage/updated`, but for the ids.
pub(crate) fn token_usage(total: Usage, last: Usage) -> Value {
    json!({ "tokenUsage": { "total": total.counts(), "last": last.counts(), "modelContextWindow": 258_400 } })
}

/// What a thread says of itself.
#[derive(Debug, Clone)]
pub(crate) struct ThreadCard {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) cwd: String,
    pub(crate) ephemeral: bool,
    pub(crate) forked_from: Option<String>,
    pub(crate) created_at: u64,
}

impl ThreadCard {
    /// The `thread` member.
    pub(crate) fn thread(&self) -> Value {
        json!({
            "id": self.id,
            "environments": [],
            "extra": null,
            "sessionId": self.id,
            "forkedFromId": self.forked_from,
            "attachedToThreadId": null,
            "parentThreadId": null,
            "preview": "",
            "ephemeral": self.ephemeral,
            "section": null,
            "sectionEnteredAt": null,
            "projectId": null,
            "historyMode": "paginated",
            "modelProvider": "fake",
            "model": self.model,
            "reasoningEffort": null,
            "createdAt": self.created_at,
            "updatedAt": self.created_at,
            "recencyAt": self.created_at,
            "status": { "type": "idle" },
            "path": null,
            "cwd": self.cwd,
            "cliVersion": super::VERSION,
            "originator": "fake-codex",
            "source": "vscode",
            "canAcceptDirectInput": true,
            "threadSource": null,
            "agentNickname": null,
            "agentRole": null,
            "gitInfo": null,
            "name": null,
            "daybreakEnabled": null,
            "turns": [],
        })
    }

    /// The result of `thread/start`, `thread/fork` and `thread/resume`.
    pub(crate) fn started(&self) -> Value {
        json!({
            "thread": self.thread(),
            "model": self.model,
            "modelProvider": "fake",
            "serviceTier": null,
            "disabledPluginIds": [],
            "cwd": self.cwd,
            "runtimeWorkspaceRoots": [],
            "instructionSources": [],
            "approvalPolicy": "on-request",
            "approvalsReviewer": "user",
            "sandbox": { "type": "readOnly", "networkAccess": false },
            "activePermissionProfile": { "id": ":read-only", "extends": null },
            "reasoningEffort": null,
            "multiAgentMode": "explicitRequestOnly",
        })
    }
}

/// A turn that has begun; the answer to `turn/start` has no `startedAt`, `turn/started` has.
pub(crate) fn turn_begun(id: &str, started_at: Option<u64>) -> Value {
    json!({
        "id": id,
        "rootTurnId": id,
        "items": [],
        "itemsView": "notLoaded",
        "status": "inProgress",
        "error": null,
        "startedAt": started_at,
        "completedAt": null,
        "durationMs": null,
    })
}

/// A turn at its end. `last` is the final message, which only a completed turn shows.
pub(crate) fn turn_ended(
    id: &str,
    status: &str,
    error: &Value,
    last: Option<&Value>,
    from: u64,
    to: u64,
) -> Value {
    json!({
        "id": id,
        "rootTurnId": id,
        "items": last.into_iter().collect::<Vec<_>>(),
        "itemsView": if last.is_some() { "summary" } else { "notLoaded" },
        "status": status,
        "error": error,
        "startedAt": from / 1000,
        "completedAt": to / 1000,
        "durationMs": to.saturating_sub(from),
    })
}

/// The `error` of a failed turn and of the `error` notification.
pub(crate) fn turn_error(kind: &Value, message: &str, details: Option<&str>) -> Value {
    json!({ "message": message, "codexErrorInfo": kind, "additionalDetails": details, "misalignment": null })
}

/// An `agentMessage` item.
pub(crate) fn message_item(id: &str, text: &str, from: u64, to: Option<u64>) -> Value {
    json!({
        "type": "agentMessage",
        "moderation": null,
        "id": id,
        "text": text,
        "phase": null,
        "memoryCitation": null,
        "delivery": null,
        "questions": null,
        "startedAtMs": from,
        "completedAtMs": to,
    })
}

/// The raw item of a model's message.
pub(crate) fn raw_message(id: &str, text: &str, turn: &str) -> Value {
    json!({
        "type": "message",
        "status": "completed",
        "id": id,
        "role": "assistant",
        "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        "internal_chat_message_metadata_passthrough": { "turn_id": turn, "content_item_kinds": ["unknown"] },
    })
}

/// A `reasoning` item.
pub(crate) fn reasoning_item(id: &str, text: Option<&str>, from: u64, to: Option<u64>) -> Value {
    json!({
        "type": "reasoning",
        "id": id,
        "summary": text.into_iter().collect::<Vec<_>>(),
        "content": [],
        "startedAtMs": from,
        "completedAtMs": to,
    })
}

/// The raw item of a model's reasoning.
pub(crate) fn raw_reasoning(id: &str, text: &str, turn: &str) -> Value {
    json!({
        "type": "reasoning",
        "id": id,
        "summary": [{ "type": "summary_text", "text": text }],
        "content": null,
        "encrypted_content": "fake",
        "internal_chat_message_metadata_passthrough": { "turn_id": turn },
    })
}

/// The raw item of a function call.
pub(crate) fn raw_call(call_id: &str, name: &str, arguments: &str, turn: &str) -> Value {
    json!({
        "type": "function_call",
        "status": "completed",
        "id": format!("fc_{call_id}"),
        "name": name,
        "arguments": arguments,
        "call_id": call_id,
        "internal_chat_message_metadata_passthrough": { "turn_id": turn },
    })
}

/// The raw item of a call's output.
pub(crate) fn raw_output(call_id: &str, output: &str, turn: &str, now_ms: u64) -> Value {
    json!({
        "type": "function_call_output",
        "id": format!("fco_{call_id}"),
        "call_id": call_id,
        "output": output,
        "internal_chat_message_metadata_passthrough": { "turn_id": turn, "create_time": now_ms / 1000 },
    })
}

/// A `dynamicToolCall` item; `content` and `success` are known at its end.
pub(crate) fn call_item(call: &Call, outcome: Option<(&Value, bool)>, to: Option<u64>) -> Value {
    json!({
        "type": "dynamicToolCall",
        "id": call.id,
        "namespace": null,
        "tool": call.tool,
        "arguments": call.arguments,
        "status": match outcome { None => "inProgress", Some((_, true)) => "completed", Some((_, false)) => "failed" },
        "contentItems": outcome.map(|(content, _)| content),
        "success": outcome.map(|(_, success)| success),
        "durationMs": to.map(|to| to.saturating_sub(call.started_ms)),
        "startedAtMs": call.started_ms,
        "completedAtMs": to,
    })
}

/// A function call that waits for its client.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    pub(crate) started_ms: u64,
}

/// The params of `account/rateLimits/updated`: a notification that belongs to no thread.
pub(crate) fn rate_limits(used_up_until: Option<u64>) -> Value {
    let primary = used_up_until
        .map(|resets_at| json!({ "usedPercent": 100, "windowDurationMins": 300, "resetsAt": resets_at }));
    json!({ "rateLimits": {
        "limitId": "codex",
        "limitName": null,
        "normalModelSlug": null,
        "primary": primary,
        "secondary": null,
        "credits": null,
        "individualLimit": null,
        "spendControlReached": null,
        "planType": null,
        "rateLimitReachedType": null,
    } })
}

/// The params of a server request that isn't `item/tool/call`, with what the schema requires.
pub(crate) fn server_request(method: &str, thread: &str, turn: &str, cwd: &str, now_ms: u64) -> Value {
    let item = format!("item_{turn}");
    match method {
        "currentTime/read" => json!({ "threadId": thread }),
        "item/commandExecution/requestApproval" => json!({
            "threadId": thread, "turnId": turn, "itemId": item, "startedAtMs": now_ms,
            "command": "true", "cwd": cwd, "reason": "fake-codex asks",
        }),
        "item/permissions/requestApproval" => json!({
            "threadId": thread, "turnId": turn, "itemId": item, "startedAtMs": now_ms, "cwd": cwd, "permissions": {},
        }),
        "item/tool/requestUserInput" => json!({
            "threadId": thread, "turnId": turn, "itemId": item, "isBlocking": true, "questions": [],
        }),
        "mcpServer/elicitation/request" => json!({
            "threadId": thread, "turnId": turn, "serverName": "fake", "mode": "form",
            "message": "fake-codex asks", "requestedSchema": { "type": "object", "properties": {} },
        }),
        "execCommandApproval" => json!({
            "conversationId": thread, "callId": item, "command": ["true"], "cwd": cwd, "parsedCmd": [],
        }),
        "applyPatchApproval" => json!({ "conversationId": thread, "callId": item, "fileChanges": {} }),
        "account/chatgptAuthTokens/refresh" => json!({ "reason": "unauthorized" }),
        _ => json!({ "threadId": thread, "turnId": turn, "itemId": item, "startedAtMs": now_ms }),
    }
}
