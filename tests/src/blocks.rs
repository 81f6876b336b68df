//! The blocks of code in documents, whose commands and queries tests run.

/// The blocks that are fenced with exactly this, by the number of the line that each begins at.
pub fn blocks(text: &str, fence: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, number) in text.lines().zip(1..) {
        match &mut open {
            Some(_) if line.trim() == "```" => blocks.extend(open.take()),
            Some((_, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line.trim() == format!("```{fence}") => open = Some((number, String::new())),
            None => {}
        }
    }
    blocks
}
