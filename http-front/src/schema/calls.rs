//! placeholder
use super::Refusal;
use serde_json::Value;
pub struct Callable<'a> {
    pub name: &'a str,
    pub parameters: &'a Value,
}
#[derive(Debug)]
pub struct Calls {
    pub schema: Value,
}
pub fn convert(_: &[Callable<'_>], _many: bool) -> Result<Calls, (usize, Refusal)> {
    Ok(Calls { schema: Value::Null })
}
impl Calls {
    pub fn read(&self, _: &str) -> Option<Vec<(usize, String)>> {
        None
    }
}
