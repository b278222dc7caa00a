//! A small picture of one contender's distribution.

use maud::{Markup, html};

use super::percent;
use crate::report::numbers::Unit;
use crate::report::scale::Scale;
use crate::report::spread::Spread;
use crate::report::table;
use crate::result::Contender;

/// `(share, microseconds)`.
pub(crate) type Curve = Vec<(f64, f64)>;

/// The shares that are labelled: what lies right of one is a tenth of what lies right of the one before.
const SHARES: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];
/// The axis ends here.
const NINES: f64 = 4.0;
/// More points than this cannot be seen.
const POINTS: usize = 80;
const TOP: u32 = 16;
const HEIGHT: u32 = 120;

/// A picture.
pub(crate) struct Panel<'a> {
    /// Unique on the page.
    pub id: String,
    /// Its colour.
    pub class: &'static str,
    /// Whose.
    pub name: &'a str,
    /// The id of the table with its figures.
    pub table: &'a str,
    /// Upwards.
    pub scale: &'a Scale,
    /// One a round.
    pub curves: &'a [Curve],
    /// The floor's, to compare.
    pub floor: &'a [Curve],
}

impl Panel<'_> {
    /// As SVG.
    pub(crate) fn svg(&self) -> Markup {
        let (title, says) = (format!("{}-title", self.id), format!("{}-says", self.id));
        let bottom = TOP + HEIGHT;
        html! {
          div.panel {
            p aria-hidden="true" { (self.name) }
            svg id=(self.id) class={ "panel " (self.class) } role="img" aria-labelledby={ (title) " " (says) }
                aria-details=(self.table) width="100%" height=(bottom + 20) {
                title id=(title) { "Latency of " (self.name) }
                desc id=(says) { (self.says()) }
                @for tick in self.scale.ticks() {
                    line.rule x1="0" x2="100%" y1=(self.y(tick)) y2=(self.y(tick)) {}
                }
                @for (share, label) in SHARES {
                    line.rule x1=(percent(x(share))) x2=(percent(x(share))) y1=(TOP) y2=(bottom) {}
                    text.tick x=(percent(x(share))) y=(bottom + 15) text-anchor="middle" { (label) }
                }
                // Stretched to any width, while letters outside and the lines' strength stay as they are.
                svg x="0" y=(TOP) width="100%" height=(HEIGHT) viewBox="0 0 100 100" preserveAspectRatio="none"
                    aria-hidden="true" {
                    @if let Some(curve) = self.floor.first() { path.reference d=(self.path(curve)) {} }
                    @for curve in self.curves { path.curve d=(self.path(curve)) {} }
                }
                // After the lines, so that these do not strike them through.
                @for tick in self.scale.ticks() {
                    text class="tick halo" x="0" y=(self.y(tick) - 3.0) { (Unit::Micros.show(tick)) }
                }
            }
          }
        }
    }

    fn says(&self) -> String {
        let at = |share: f64| over(self.curves, share).map(|spread| Unit::Micros.show(spread.median));
        let said = SHARES.into_iter().filter_map(|(share, label)| Some(format!("{label} {}", at(share)?)));
        said.collect::<Vec<_>>().join(", ")
    }

    fn y(&self, value: f64) -> f64 {
        f64::from(TOP) + f64::from(HEIGHT) * (1.0 - self.scale.at(value) / 100.0)
    }

    fn path(&self, curve: &Curve) -> String {
        let every = curve.len().div_ceil(POINTS).max(1);
        let points = curve.iter().enumerate().filter(|(at, _)| at % every == 0 || at + 1 == curve.len());
        let mut path = String::new();
        for (_, &(share, micros)) in points {
            let step = if path.is_empty() { 'M' } else { 'L' };
            path.push_str(&format!("{step}{:.2} {:.2}", x(share), 100.0 - self.scale.at(micros)));
        }
        path
    }
}

/// The same figures in rows.
pub(crate) fn table(id: &str, found: &[(&Contender, Vec<Curve>)]) -> Markup {
    let rows = found.iter().map(|(one, curves)| {
        let mut row = vec![one.name.clone()];
        for (share, _) in SHARES {
            row.push(
                over(curves, share)
                    .map_or_else(table::none, |spread| table::with_range(Unit::Micros, &spread)),
            );
        }
        row
    });
    let mut heads = vec!["Who"];
    heads.extend(SHARES.map(|(_, label)| label));
    html! { div id=(id) { (table::figures("Latency by share of answers", &heads, rows)) } }
}

/// What the rounds say of a share: the first point at or past it.
fn over(curves: &[Curve], share: f64) -> Option<Spread> {
    Spread::of(
        curves
            .iter()
            .filter_map(|curve| curve.iter().find(|point| point.0 >= share - 1e-9).map(|point| point.1)),
    )
}

fn x(share: f64) -> f64 {
    let left = (1.0 - share).max(10f64.powf(-NINES));
    (-left.log10() / NINES).clamp(0.0, 1.0) * 100.0
}
