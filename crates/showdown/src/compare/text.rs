//! A comparison in words, and for a terminal.

use super::{Comparison, Row, Verdict};
use crate::report::numbers::times;
use crate::report::table::{none, with_range};

impl Comparison {
    /// Remarks, a table, and how many figures agree. Without `everything` the table holds only what differs.
    pub fn text(&self, everything: bool) -> String {
        let mut text = String::new();
        for remark in &self.remarks {
            text.push_str(&format!("{}\n", printable(remark)));
        }
        let shown: Vec<&Row> =
            self.rows.iter().filter(|row| everything || row.verdict == Verdict::Differ).collect();
        if !shown.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&table(&shown));
            text.push_str("\n\n");
        }
        text.push_str(&self.answer().join(" "));
        text.push('\n');
        text
    }

    /// Whether the runs agree, what differs, and what nothing can be said of: as many sentences as there is to say.
    pub fn answer(&self) -> Vec<String> {
        let counts = Counts::of(&self.rows);
        let both = counts.agree + counts.differ;
        let mut said = Vec::new();
        if both > 0 {
            said.push(format!("The runs agree on {} of {both} figures.", counts.agree));
            said.push(match counts.differ {
                0 => "None differs by more than the spreads of both runs.".to_owned(),
                1 => format!(
                    "1 differs by more than the spreads of both runs: {}.{}",
                    self.most(),
                    self.chance()
                ),
                more => format!(
                    "{more} differ by more than the spreads of both runs: most of all {}.{}",
                    self.most(),
                    self.chance()
                ),
            });
        }
        let reasons = counts.reasons.iter().map(|(why, count)| format!("{} ({count})", printable(why)));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        match (both, counts.rest()) {
            (0, 0) => said.push("There is no figure in either run.".to_owned()),
            (0, _) => said.push(format!("No figure of these runs can be compared: {reasons}.")),
            (_, 0) => {}
            (_, rest) => said.push(format!("{rest} more cannot be compared: {reasons}.")),
        }
        said
    }

    /// How much of that is no difference at all.
    fn chance(&self) -> String {
        let apart = self.apart_by_chance();
        if apart < 1.0 {
            return String::new();
        }
        format!(
            " Between two runs of the same thing about {apart:.0} would, by chance: spreads of few rounds are narrow."
        )
    }

    /// How many figures of runs between which nothing has changed lie apart by chance. Where figures of one source are put
    /// in order, every order is as likely as another; in two of them all of A stand before all of B, or after them.
    fn apart_by_chance(&self) -> f64 {
        let compared = self.rows.iter().filter(|row| matches!(row.verdict, Verdict::Agree | Verdict::Differ));
        let several = compared.filter_map(|row| row.first.zip(row.second));
        // What is always the same differs by no chance.
        several
            .filter(|(first, second)| {
                first.count > 1 && second.count > 1 && (first.varies() || second.varies())
            })
            .map(|(first, second)| 2.0 / choose(first.count + second.count, first.count))
            .sum()
    }

    /// The largest difference in each direction.
    fn most(&self) -> String {
        let differ = || self.rows.iter().filter(|row| row.verdict == Verdict::Differ);
        let ratio = |row: &&Row| row.ratio.unwrap_or(1.0);
        let up =
            differ().max_by(|one, other| ratio(one).total_cmp(&ratio(other))).filter(|row| ratio(row) > 1.0);
        let down =
            differ().min_by(|one, other| ratio(one).total_cmp(&ratio(other))).filter(|row| ratio(row) < 1.0);
        let said = [up, down].into_iter().flatten().map(|row| {
            format!("{} of “{}” to {}", row.measure, printable(&row.contender), times(ratio(&row)))
        });
        let said = said.collect::<Vec<_>>();
        // A ratio to nothing is none.
        if said.is_empty() { "from nothing to something".to_owned() } else { said.join(", and ") }
    }
}

/// In how many ways so many can be taken out of so many.
fn choose(of: usize, taken: usize) -> f64 {
    (1..=taken).map(|n| (of - taken + n) as f64 / n as f64).product()
}

/// How many say what.
#[derive(Default)]
struct Counts<'a> {
    agree: usize,
    differ: usize,
    reasons: Vec<(&'a str, usize)>,
}

impl<'a> Counts<'a> {
    fn of(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            match &row.verdict {
                Verdict::Agree => counts.agree += 1,
                Verdict::Differ => counts.differ += 1,
                Verdict::Incomparable(why) => match counts.reasons.iter_mut().find(|one| one.0 == why) {
                    Some(one) => one.1 += 1,
                    None => counts.reasons.push((why, 1)),
                },
            }
        }
        counts
    }

    fn rest(&self) -> usize {
        self.reasons.iter().map(|one| one.1).sum()
    }
}

/// `44 agree, 2 differ, 1 cannot be compared`
pub(super) fn summary<'a>(rows: impl IntoIterator<Item = &'a Row>) -> String {
    let counts = Counts::of(rows);
    let parts = [
        (counts.agree, if counts.agree == 1 { "agrees" } else { "agree" }),
        (counts.differ, if counts.differ == 1 { "differs" } else { "differ" }),
        (counts.rest(), "cannot be compared"),
    ];
    let said = parts.into_iter().filter(|(count, _)| *count > 0);
    said.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

fn table(rows: &[&Row]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["WHO", "WHAT", "A", "B", "B/A", "SAYS"]);
    for row in rows {
        table.add_row(cells(row));
    }
    table.trim_fmt()
}

/// Who, what, A, B, B/A, and what follows.
pub(super) fn cells(row: &Row) -> [String; 6] {
    let show = |spread: &Option<super::Spread>| {
        spread.as_ref().map_or_else(none, |spread| with_range(row.unit, spread))
    };
    let says = match &row.verdict {
        Verdict::Agree => "agree".to_owned(),
        Verdict::Differ => "DIFFER".to_owned(),
        Verdict::Incomparable(why) => format!("cannot be compared: {}", printable(why)),
    };
    [
        printable(&row.contender),
        row.measure.clone(),
        show(&row.first),
        show(&row.second),
        row.ratio.map_or_else(none, times),
        says,
    ]
}

/// A result may come from somebody else: nothing in it may steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rounds_and_three_lie_apart_in_one_of_ten_orders() {
        assert_eq!((choose(6, 3), choose(10, 5), choose(4, 2)), (20.0, 252.0, 6.0));
    }
}
