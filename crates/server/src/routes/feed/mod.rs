//! The feed: what verifiers in other services ask of this one. Their key needs the scope `feed`.

pub mod snapshot;
pub mod stream;
pub mod sync;
pub mod touch;
