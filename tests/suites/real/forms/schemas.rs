//! `response_format: json_schema`.
