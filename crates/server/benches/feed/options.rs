//! What of it was asked for.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Spread,
    Sustained,
    Baselines,
    Cold,
    Rolling,
}

pub struct Options {
    /// None: all.
    parts: Vec<Part>,
    pub verifiers: Vec<usize>,
    pub revocations: usize,
    pub entries: usize,
}

impl Options {
    pub fn of(arguments: impl Iterator<Item = String>) -> Self {
        let mut options =
            Self { parts: Vec::new(), verifiers: vec![100, 1000], revocations: 300, entries: 1_000_000 };
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match argument.as_str() {
                "spread" => options.parts.push(Part::Spread),
                "sustained" => options.parts.push(Part::Sustained),
                "baselines" => options.parts.push(Part::Baselines),
                "cold" => options.parts.push(Part::Cold),
                "rolling" => options.parts.push(Part::Rolling),
                "--verifiers" => options.verifiers = value().split(',').map(number).collect(),
                "--revocations" => options.revocations = number(&value()),
                "--entries" => options.entries = number(&value()),
                // By cargo.
                "--bench" => {}
                other => panic!("{other}: see the head of benches/feed/main.rs"),
            }
        }
        options
    }

    pub fn asks_for(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }
}

fn number(text: &str) -> usize {
    text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| panic!("{text} is no number"))
}
