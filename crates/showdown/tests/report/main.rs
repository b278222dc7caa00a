//! The report and the comparison, as somebody reads them.

mod comparison;
mod contrast;
mod page;
mod sample;
mod sentences;
