//! What the loop needs of its surroundings beside a clock: to wait, and to draw lots. A test brings its own.

use std::future::Future;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::link::Failed;

/// See the module.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Waits at least so long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
    /// Draws a number that nobody can guess.
    fn random(&self) -> u128;
}

/// The tokio runtime that this is polled on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tokio;

impl Runtime for Tokio {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).expect("the system has random bytes to give");
        u128::from_be_bytes(bytes)
    }
}

/// What comes of `future` within `limit`.
pub(super) async fn within<T>(
    runtime: &impl Runtime,
    limit: Duration,
    future: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    let (future, sleep) = (std::pin::pin!(future), std::pin::pin!(runtime.sleep(limit)));
    match select(future, sleep).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(Failed::Slow),
    }
}
