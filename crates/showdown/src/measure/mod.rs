//! One question each, asked of a contender that runs.

pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod outage;
pub(crate) mod refresh;
pub(crate) mod throughput;
