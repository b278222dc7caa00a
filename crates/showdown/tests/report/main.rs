//! The report and the comparison, as somebody reads them.

#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]
#![expect(unreachable_pub, reason = "the harness is shared with other suites")]

mod browser;
mod comparison;
mod contrast;
mod page;
mod sample;
mod sentences;
#[path = "../../../server/tests/common/skip.rs"]
mod skip;
