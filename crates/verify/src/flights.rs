//! Questions under way: each is asked once for all who wait for its answer, and no answer is served again.

use std::future::Future;
use std::hash::Hash;

use quick_cache::sync::Cache;

/// Answers that are on their way to those who wait; questions under way are not counted.
const ANSWERED: usize = 1_000;

pub(crate) struct Flights<K, V>(Cache<K, V>);

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    pub(crate) fn new() -> Self {
        Self(Cache::new(ANSWERED))
    }

    /// The answer to `question`: of whoever asks it already, or of `ask`. If whoever asks is given up, the next one
    /// who waits asks.
    pub(crate) async fn once(&self, question: &K, ask: impl Future<Output = V>) -> V {
        let turn = match self.0.get_value_or_guard_async(question).await {
            Ok(answer) => return answer,
            Err(turn) => turn,
        };
        let answer = ask.await;
        // It fails only where the question is no longer listed, and even then those who wait have the answer.
        let _ = turn.insert(answer.clone());
        self.0.remove_if(question, |_| true);
        answer
    }
}
