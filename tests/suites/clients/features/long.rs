//! The clients that only `cargo xtask test --long` installs.

super::for_subjects!(openai_python_2, openai_node_6, litellm, instructor, pydantic_ai, llm, opencode);
