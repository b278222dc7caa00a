//! Numbers as people read them: three digits that count, and a unit that fits.

use serde::Serialize;

use super::spread::Spread;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// A second.
    PerSecond,
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// From 0 to 1.
    Share,
}

impl Unit {
    /// In words and digits: `1.94 ms`.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{}/s", thousands(value)),
            Self::Micros => time(value),
            Self::Millis => time(value * 1000.0),
            Self::Bytes => bytes(value),
            Self::Count => digits(value),
            Self::Share => share(value),
        }
    }

    /// The ends of a spread: `1.8 ms to 2.1 ms`; nothing where there was one figure.
    pub(crate) fn range(self, spread: &Spread) -> Option<String> {
        let (min, max) = (self.show(spread.min), self.show(spread.max));
        (spread.count > 1 && min != max).then(|| format!("{min} to {max}"))
    }
}

/// `1.25×`.
pub(crate) fn times(ratio: f64) -> String {
    format!("{}×", digits(ratio))
}

/// Never "100 %" or "0 %" where something is missing.
fn share(value: f64) -> String {
    let percent = value * 100.0;
    match percent {
        _ if percent > 99.9 && percent < 100.0 => "over 99.9 %".to_owned(),
        _ if percent > 0.0 && percent < 0.1 => "under 0.1 %".to_owned(),
        _ => format!("{} %", trimmed(percent, 1)),
    }
}

fn time(micros: f64) -> String {
    if micros < 999.5 {
        return format!("{} µs", digits(micros));
    }
    if micros < 999_500.0 {
        return format!("{} ms", digits(micros / 1000.0));
    }
    let (size, unit) = match micros {
        _ if micros < 60e6 => (1e6, "s"),
        _ if micros < 3600e6 => (60e6, "min"),
        _ if micros < 48.0 * 3600e6 => (3600e6, "h"),
        _ => (86_400e6, "d"),
    };
    format!("{} {unit}", digits(micros / size))
}

fn bytes(value: f64) -> String {
    let (size, unit) = match value {
        _ if value < 1e3 => (1.0, "B"),
        _ if value < 999_500.0 => (1e3, "kB"),
        _ if value < 999.5e6 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    format!("{} {unit}", digits(value / size))
}

fn thousands(value: f64) -> String {
    match value {
        _ if value < 999.5 => digits(value),
        _ if value < 999_500.0 => format!("{}k", digits(value / 1e3)),
        _ => format!("{}M", digits(value / 1e6)),
    }
}

fn digits(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 999.5 => grouped(value),
        _ if size >= 99.95 => trimmed(value, 0),
        _ if size >= 9.995 => trimmed(value, 1),
        _ => trimmed(value, 2),
    }
}

fn trimmed(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// `1,234`
fn grouped(value: f64) -> String {
    let text = format!("{:.0}", value.abs());
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in text.char_indices() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_for_people() {
        let shown = [0.424, 81.23, 999.9, 1940.0, 1_000_000.0, 900e6, 7200e6, 604_800e6].map(time);
        assert_eq!(shown, ["0.42 µs", "81.2 µs", "1 ms", "1.94 ms", "1 s", "15 min", "2 h", "7 d"]);
    }

    #[test]
    fn counts_for_people() {
        let rates =
            [0.5, 12.34, 999.0, 999.9, 74_210.0, 1_234_567.0].map(|value| Unit::PerSecond.show(value));
        assert_eq!(rates, ["0.5/s", "12.3/s", "999/s", "1k/s", "74.2k/s", "1.23M/s"]);
        let sizes = [0.0, 812.0, 1500.0, 28_200_000.0, 25e9].map(|value| Unit::Bytes.show(value));
        assert_eq!(sizes, ["0 B", "812 B", "1.5 kB", "28.2 MB", "25 GB"]);
        assert_eq!(Unit::Count.show(1_234_567.0), "1,234,567");
        assert_eq!(times(1.254), "1.25×");
    }

    #[test]
    fn a_share_never_hides_what_is_missing() {
        let shares = [0.0, 0.0001, 0.5, 0.99951, 0.99999, 1.0].map(share);
        assert_eq!(shares, ["0 %", "under 0.1 %", "50 %", "over 99.9 %", "over 99.9 %", "100 %"]);
    }
}
