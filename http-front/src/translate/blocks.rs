//! Stub.
/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Started.
    pub started: u64,
    /// Flushed.
    pub flushed: u64,
    /// Aborted.
    pub aborted: u64,
}
impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.started += other.started;
        self.flushed += other.flushed;
        self.aborted += other.aborted;
    }
}
impl Counts {
    /// Blocks that were written.
    pub fn written(n: usize) -> Self {
        Self { started: n as u64, flushed: n as u64, aborted: 0 }
    }
}
/// Piece.
#[derive(Debug)]
pub enum Piece {
    /// Text.
    Text(String),
    /// Call.
    Call {
        /// Name.
        name: String,
        /// Arguments.
        arguments: String,
    },
}
/// Blocks.
#[derive(Debug, Clone)]
pub struct Blocks;
impl Blocks {
    /// Push.
    pub fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        out.push(Piece::Text(text.to_owned()));
    }
    /// Finish.
    pub fn finish(&mut self, _: &mut Vec<Piece>) {}
    /// Counts.
    pub fn take_counts(&mut self) -> Counts {
        Counts::default()
    }
}
/// A block.
pub fn block(name: &str, arguments: &str) -> String {
    format!("{name}{arguments}")
}
