//! SIGHUP: what is read from files is read again, and logs are opened again. Nothing else changes.

use tokio::sync::watch;

/// Tells those who read or write files that an operator asked for it.
#[derive(Debug)]
pub struct Reload(watch::Sender<u64>);

impl Default for Reload {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Reload {
    /// Asks everybody.
    pub fn ask(&self) {
        self.0.send_modify(|asked| *asked += 1);
    }

    /// Changes whenever it was asked for.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
