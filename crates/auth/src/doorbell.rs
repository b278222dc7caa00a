//! Rung when something was told to the feed: whoever follows it looks at once instead of at the next turn. Nothing
//! depends on it.

use tokio::sync::Notify;

/// However often it is rung before somebody comes, it is answered once.
#[derive(Debug, Default)]
pub struct Doorbell(Notify);

impl Doorbell {
    /// Says that there is something.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Resolves once it was rung since the last time.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}
