//! The report: one HTML file that can be read anywhere and asks nobody for anything.
//!
//! Every claim in it follows from the figures it shows. [`answer`] is the three sentences at its top.

pub(crate) mod chart;
mod classic;
pub(crate) mod ending;
pub(crate) mod facts;
mod fate;
mod matrix;
pub(crate) mod measures;
pub(crate) mod noise;
pub(crate) mod numbers;
mod page;
pub(crate) mod scale;
pub(crate) mod shell;
pub(crate) mod spread;
pub(crate) mod table;
mod words;

pub use page::html;
pub use spread::Spread;
pub use words::answer;
