//! A comparison for a terminal.

use super::{Comparison, Row, Verdict};
use crate::report::numbers::times;

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
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// `212 figures agree within their spreads, 3 differ, 12 cannot be compared (not in B).`
    pub fn summary(&self) -> String {
        let count = |of: &Verdict| self.rows.iter().filter(|row| row.verdict == *of).count();
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        for row in &self.rows {
            if let Verdict::Incomparable(why) = &row.verdict {
                match reasons.iter_mut().find(|one| one.0 == why) {
                    Some(one) => one.1 += 1,
                    None => reasons.push((why, 1)),
                }
            }
        }
        let (agree, differ) = (count(&Verdict::Agree), count(&Verdict::Differ));
        let mut text = format!("{agree} agree within their spreads, {differ} differ");
        if !reasons.is_empty() {
            let said: Vec<String> =
                reasons.iter().map(|(why, count)| format!("{count}: {}", printable(why))).collect();
            text.push_str(&format!("; cannot be compared: {}", said.join("; ")));
        }
        text.push('.');
        text
    }
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

fn cells(row: &Row) -> [String; 6] {
    let show = |spread: &Option<super::Spread>| match spread {
        None => "–".to_owned(),
        Some(spread) => match row.unit.range(spread) {
            Some(range) => format!("{} ({range})", row.unit.show(spread.median)),
            None => row.unit.show(spread.median),
        },
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
        row.ratio.map_or_else(|| "–".to_owned(), times),
        says,
    ]
}

/// A result may come from somebody else: nothing in it may steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
