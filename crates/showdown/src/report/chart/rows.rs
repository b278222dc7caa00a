//! One row a contender, all on one axis: the frame of most pictures.

use maud::{Markup, html};

use super::{kind, percent, short, within};
use crate::result::Kind;

const HEADING: u32 = 30;
const ROW: u32 = 42;
const LEGEND: u32 = 24;
const AXIS: u32 = 24;
/// How much of the width is the axis; the rest is for figures.
const PLOT: f64 = 0.78;

/// A picture.
pub(crate) struct Rows<'a> {
    /// Unique on the page.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it says, for those who do not see it.
    pub says: String,
    /// Where the axis is labelled: percent and label.
    pub ticks: Vec<(f64, String)>,
    /// From top to bottom.
    pub rows: Vec<Row<'a>>,
    /// What patterns mean: class and word.
    pub legend: Vec<(&'static str, &'static str)>,
    /// A line across the bars of all rows.
    pub guide: Option<f64>,
}

/// A row.
pub(crate) struct Row<'a> {
    /// Which kind of contender.
    pub kind: Kind,
    /// Whose.
    pub name: &'a str,
    /// The figure that counts.
    pub value: String,
    /// From back to front.
    pub marks: Vec<Mark>,
}

/// A mark on the axis of a row, all in percent.
pub(crate) enum Mark {
    /// A bar, filled as the class says.
    Bar { from: f64, to: f64, class: &'static str },
    /// From the smallest to the largest figure.
    Range { from: f64, to: f64 },
    /// From one figure to another of the same distribution.
    Span { from: f64, to: f64 },
    /// Time that goes on: a line with dashes.
    Dashes { from: f64, to: f64 },
    /// A figure.
    Dot { at: f64 },
    /// A figure of another sort.
    Ring { at: f64 },
    /// A limit.
    Tick { at: f64 },
    /// The end of something.
    Diamond { at: f64 },
    /// The bar goes on past the axis.
    Cut,
}

impl Rows<'_> {
    /// As SVG.
    pub(crate) fn svg(&self) -> Markup {
        let top = if self.legend.is_empty() { 0 } else { LEGEND };
        let bottom = top + self.height();
        let (title, says) = (format!("{}-title", self.id), format!("{}-says", self.id));
        html! {
            svg id=(self.id) class="rows" role="img" aria-labelledby={ (title) " " (says) }
                width="100%" height=(bottom + AXIS) {
                title id=(title) { (self.title) }
                desc id=(says) { (self.says) }
                (patterns(&self.id))
                g.legend { (legend(&self.id, &self.legend)) }
                @for (at, _) in &self.ticks {
                    line.rule x1=(across(*at)) x2=(across(*at)) y1=(top) y2=(bottom) {}
                }
                @for (at, label) in roomy(&self.ticks) {
                    text.tick x=(across(*at)) y=(bottom + 16) text-anchor=(anchor(*at)) { (label) }
                }
                (self.body(top))
            }
        }
    }

    fn height(&self) -> u32 {
        let headings = self.rows.chunk_by(|one, next| one.kind == next.kind).count();
        u32::try_from(headings).unwrap_or(0) * HEADING + u32::try_from(self.rows.len()).unwrap_or(0) * ROW
    }

    fn body(&self, top: u32) -> Markup {
        let mut y = top;
        let groups = self.rows.chunk_by(|one, next| one.kind == next.kind).map(|group| {
            let begin = y;
            y += HEADING + u32::try_from(group.len()).unwrap_or(0) * ROW;
            (begin, group)
        });
        html! {
            @for (begin, group) in groups {
                @if let Some(first) = group.first() { text.kind x="0" y=(begin + 20) { (kind(first.kind).0) } }
                @for (at, row) in (0u32..).zip(group) { (self.row(row, begin + HEADING + at * ROW)) }
            }
        }
    }

    fn row(&self, row: &Row<'_>, y: u32) -> Markup {
        html! {
            g class=(kind(row.kind).1) {
                text.name x="0" y=(y + 12) { (short(&within(row.kind, row.name), 46)) }
                text.value x="100%" y=(y + 30) text-anchor="end" { (row.value) }
                @for mark in &row.marks { (mark.svg(&self.id, y + 26)) }
                @if let Some(at) = self.guide {
                    line.guide x1=(across(at)) x2=(across(at)) y1=(y + 16) y2=(y + 36) {}
                }
            }
        }
    }
}

impl Mark {
    fn svg(&self, id: &str, y: u32) -> Markup {
        let at = across;
        html! {
            @match self {
                Self::Bar { from, to, class } => {
                    rect class={ "bar " (class) } fill=[hatched(id, class)] x=(at(*from)) y=(y - 6)
                        width=(at((to - from).max(0.2))) height="12" rx="2" {}
                }
                Self::Range { from, to } => {
                    line.range x1=(at(*from)) x2=(at(*to)) y1=(y) y2=(y) {}
                    line.range x1=(at(*from)) x2=(at(*from)) y1=(y - 4) y2=(y + 4) {}
                    line.range x1=(at(*to)) x2=(at(*to)) y1=(y - 4) y2=(y + 4) {}
                }
                Self::Span { from, to } => { line.range x1=(at(*from)) x2=(at(*to)) y1=(y) y2=(y) {} }
                Self::Dashes { from, to } => {
                    line.dashes x1=(at(*from)) x2=(at(*to)) y1=(y) y2=(y) {}
                }
                Self::Dot { at: x } => { circle.dot cx=(at(*x)) cy=(y) r="5" {} }
                Self::Ring { at: x } => { circle.ring cx=(at(*x)) cy=(y) r="4.5" {} }
                Self::Tick { at: x } => { line.limit x1=(at(*x)) x2=(at(*x)) y1=(y - 9) y2=(y + 9) {} }
                // An inner picture, since a path knows no percentages.
                Self::Diamond { at: x } => {
                    svg x=(at(*x)) y=(y) overflow="visible" aria-hidden="true" {
                        path.diamond d="M0-6L6 0L0 6L-6 0Z" {}
                    }
                }
                Self::Cut => {
                    svg x=(across(100.0)) y=(y) overflow="visible" aria-hidden="true" {
                        path.cut d="M-26 8L-20-8M-20 8L-14-8" {}
                    }
                }
            }
        }
    }
}

/// Stripes tell a part of a bar from another without a colour. Each picture has its own: an id is unique on a page.
fn patterns(id: &str) -> Markup {
    html! {
        defs {
            pattern id={ (id) "-stripes" } width="5" height="5" patternUnits="userSpaceOnUse"
                patternTransform="rotate(45)" {
                rect.under width="5" height="5" {}
                rect.stripe width="2" height="5" {}
            }
            pattern id={ (id) "-dots" } width="5" height="5" patternUnits="userSpaceOnUse" {
                rect.under width="5" height="5" {}
                circle.denied cx="2.5" cy="2.5" r="1.2" {}
            }
        }
    }
}

fn hatched(id: &str, class: &str) -> Option<String> {
    match class {
        "database" | "received" | "failed" => Some(format!("url(#{id}-stripes)")),
        "wrong" => Some(format!("url(#{id}-dots)")),
        _ => None,
    }
}

fn legend(id: &str, entries: &[(&'static str, &'static str)]) -> Markup {
    // Words have no width before they are drawn: six pixels a letter are enough.
    let mut next = 0;
    let placed = entries.iter().map(|(class, word)| {
        let x = next;
        next += 28 + 6 * u32::try_from(word.len()).unwrap_or(0);
        (x, class, word)
    });
    html! {
        @for (x, class, word) in placed {
            @match *class {
                "dot" => circle.dot cx=(x + 6) cy="8" r="5" {},
                "ring" => circle.ring cx=(x + 6) cy="8" r="4.5" {},
                "limit" => line.limit x1=(x + 6) x2=(x + 6) y1="0" y2="16" {},
                "diamond" => path.diamond d=(format!("M{} 2l6 6l-6 6l-6-6Z", x + 6)) {},
                "range" => line.range x1=(x) x2=(x + 12) y1="8" y2="8" {},
                "guide" => line.guide x1=(x + 6) x2=(x + 6) y1="0" y2="16" {},
                _ => rect class={ "bar " (class) } fill=[hatched(id, class)] x=(x) y="2" width="12" height="12" rx="2" {},
            }
            text.tick x=(x + 18) y="12" { (word) }
        }
    }
}

/// Every one, every second, every third: as many as a narrow screen has room for.
fn roomy(ticks: &[(f64, String)]) -> Vec<&(f64, String)> {
    const ROOM: f64 = 18.0;
    // The first begins where others have their middle.
    let first = ticks.first().map_or(0.0, |tick| 12.0 + 2.0 * tick.1.chars().count() as f64);
    let every = |step: usize| -> Vec<&(f64, String)> { ticks.iter().step_by(step).collect() };
    let fits = |kept: &Vec<&(f64, String)>| {
        let gaps = kept.windows(2).map(|pair| pair[1].0 - pair[0].0);
        gaps.enumerate().all(|(at, gap)| gap >= if at == 0 { first.max(ROOM) } else { ROOM })
    };
    (1..=ticks.len()).map(every).find(fits).unwrap_or_default()
}

/// On the part of the width that is the axis.
fn across(at: f64) -> String {
    percent(at * PLOT)
}

fn anchor(at: f64) -> &'static str {
    if at < 4.0 { "start" } else { "middle" }
}
