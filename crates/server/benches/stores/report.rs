//! Tables, ratios and goals. Figures of a contender are the middle ones of its passes.

use std::fmt::Display;

use crate::contender::{Contender, Measured};

/// Where this was taken.
pub fn machine() {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    println!("{cores} cores; load average at the start: {load}\n");
}

pub fn table(title: &str, connections: usize, contenders: &[Contender<'_>]) {
    println!("{title}, {connections} connections\n");
    println!(
        "|  | a second | least to most | p50 us | p99 us | server CPU us | store CPU us | asked of the store \
         | commits | its connections |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for contender in contenders {
        let passes = &contender.measured[&connections];
        let of = |one: fn(&Measured) -> f64| middle(passes.iter().map(one));
        let rates = sorted(passes.iter().map(|pass| pass.per_second));
        let store_cpu: Vec<_> = passes.iter().filter_map(|pass| pass.store_cpu).collect();
        let store_cpu = (!store_cpu.is_empty()).then(|| middle(store_cpu.into_iter()));
        let counted = &contender.counted[&connections];
        let cells = [
            whole(of(|pass| pass.per_second)),
            format!("{} to {}", whole(rates[0]), whole(rates[rates.len() - 1])),
            whole(of(|pass| pass.p50.into())),
            whole(of(|pass| pass.p99.into())),
            format!("{:.1}", of(|pass| pass.server_cpu)),
            or_nothing(store_cpu.map(|cpu| format!("{cpu:.1}"))),
            or_nothing(counted.asked.map(|asked| format!("{asked:.3}"))),
            or_nothing(counted.commits.map(|commits| format!("{commits:.3}"))),
            or_nothing(counted.connections),
        ];
        println!("| {} | {} |", contender.name, cells.join(" | "));
    }
    println!();
}

/// How many times as many a second as another one, pass by pass.
pub fn ratio(what: &str, rates: &[f64], others: &[f64], goal: Option<f64>) {
    let ratios = sorted(rates.iter().zip(others).map(|(rate, other)| rate / other));
    let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
    let middle = middle(ratios.into_iter());
    let judged = match goal {
        Some(goal) if middle >= goal => format!(", goal {goal}: reached"),
        Some(goal) => format!(", goal {goal}: **missed**"),
        None => String::new(),
    };
    println!("- {what}: {middle:.2} x ({least:.2} to {most:.2}){judged}");
}

/// The rates of the contender of this name, if it is there and was measured so.
pub fn rates(contenders: &[Contender<'_>], name: &str, connections: usize) -> Option<Vec<f64>> {
    let contender = contenders.iter().find(|contender| contender.name == name)?;
    Some(contender.measured.get(&connections)?.iter().map(|pass| pass.per_second).collect())
}

pub fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let values = sorted(values);
    values[values.len() / 2]
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn or_nothing(value: Option<impl Display>) -> String {
    value.map_or_else(|| String::from("-"), |value| value.to_string())
}
