//! What threads share. It stands here in one place so that `tests/publication` can put in its stead what a model checker
//! (`loom`) watches, and so check the very code of the lease and the table.

pub(crate) use std::collections::hash_map::RandomState;
pub(crate) use std::sync::atomic;

pub(crate) use parking_lot::RwLock;
