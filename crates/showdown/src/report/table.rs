//! Tables: of figures under a picture, and what they share.

use maud::{Markup, html};

use super::numbers::Unit;
use super::spread::Spread;

/// A table whose first column names the row. It scrolls by itself where the page is narrow.
pub(crate) fn figures(caption: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table.figures {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (at, cell) in row.iter().enumerate() {
                                @if at == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands where nothing was measured.
pub(crate) fn none() -> String {
    "–".to_owned()
}

/// `1.94 ms (1.8 ms to 2.1 ms)`
pub(crate) fn with_range(unit: Unit, spread: &Spread) -> String {
    match unit.range(spread) {
        Some(range) => format!("{} ({range})", unit.show(spread.median)),
        None => unit.show(spread.median),
    }
}

/// A picture in a sentence: who has the lowest and who the highest figure.
pub(crate) fn ranking<'a>(figures: impl Iterator<Item = (&'a str, f64)>, unit: Unit) -> String {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(|one, other| one.1.total_cmp(&other.1));
    match (figures.first(), figures.last()) {
        (Some(low), Some(high)) if figures.len() > 1 => format!(
            "{} contenders; lowest: {} with {}; highest: {} with {}.",
            figures.len(),
            low.0,
            unit.show(low.1),
            high.0,
            unit.show(high.1)
        ),
        (Some(only), _) => format!("{}: {}.", only.0, unit.show(only.1)),
        (None, _) => "Nothing was measured.".to_owned(),
    }
}
