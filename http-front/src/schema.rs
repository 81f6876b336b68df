//! placeholder
pub mod calls;
pub mod output;
pub mod tool;
#[derive(Debug)]
pub struct Refusal {
    pub path: String,
    pub message: String,
}
