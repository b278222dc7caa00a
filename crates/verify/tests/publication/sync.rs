//! In the place of `crate::sync`: what the model checker watches.

use std::hash::{BuildHasherDefault, DefaultHasher};

pub(crate) use loom::sync::atomic;
use loom::sync::{RwLockReadGuard, RwLockWriteGuard};

/// The same in each run: the model checker goes through all of them.
#[derive(Default)]
pub(crate) struct RandomState(BuildHasherDefault<DefaultHasher>);

impl RandomState {
    pub(crate) fn new() -> Self {
        Self::default()
    }
}

impl std::hash::BuildHasher for RandomState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.build_hasher()
    }
}

/// A lock that is not poisoned.
#[derive(Default)]
pub(crate) struct RwLock<T>(loom::sync::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().expect("no reader panics")
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().expect("no writer panics")
    }
}
