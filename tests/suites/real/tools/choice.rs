//! `tool_choice`.
