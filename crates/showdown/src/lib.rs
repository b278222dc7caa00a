//! The comparison of sessions, JWTs and the hybrid of both, measured on the user's own machine.
//!
//! * [`result`]: what was measured, as it is written down beside the report
//! * [`report`]: that as a page to read
//! * [`compare`]: two of them, and whether they differ by more than chance
//!
//! It starts real servers as processes of their own and asks them over HTTP, as anybody could. It may not depend on the
//! rules or the stores: what it measures is what a client sees and what the kernel counts.

pub mod compare;
pub mod report;
pub mod result;
