//! What was measured, for a terminal: a table for each measure. The middle of all rounds counts; in brackets, how far they
//! lie apart.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};

use crate::report::ending::Never;
use crate::report::facts::took;
use crate::report::noise::noise;
use crate::report::{Spread, answer};
use crate::result::{Closed, Contender, Open, Outage, Showdown};

/// All tables, with their titles.
pub fn tables(showdown: &Showdown) -> String {
    let mut parts =
        vec![answer(showdown).into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join("\n")];
    for connections in &showdown.settings.connections {
        let title = match connections {
            1 => String::from("As many requests as one connection can send, one after the other"),
            several => {
                format!("As many requests as {several} connections can send, one after the other on each")
            }
        };
        parts.push(titled(&title, &closed(showdown, *connections)));
    }
    for rate in &showdown.settings.rates {
        let title = format!("{rate} requests a second, each timed from when it was due");
        parts.push(titled(&title, &open(showdown, *rate)));
    }
    parts.push(titled("What else it costs, and what a logout is worth", &rest(showdown)));
    if showdown.contenders.iter().any(|contender| contender.outage.is_some()) {
        parts.push(titled("The database is stopped for a while", &outages(showdown)));
    }
    let took = took(showdown).map(|took| format!("It took {took}."));
    let notes = [noise(showdown)].into_iter().chain(took).chain(showdown.notes.iter().cloned());
    parts.push(notes.map(|note| format!("* {note}")).collect::<Vec<_>>().join("\n"));
    parts.join("\n\n")
}

fn titled(title: &str, table: &Table) -> String {
    format!("{title}\n{}", table.trim_fmt())
}

fn closed(showdown: &Showdown, connections: u32) -> Table {
    let mut table = table(&[
        "CONTENDER",
        "REQUESTS/s",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "SERVER CPU µs",
        "x FLOOR",
        "DATABASE CPU µs",
        "CONNECTIONS",
        "QUERIES",
        "FAILED",
    ]);
    let of = |contender: &Contender| -> Vec<Closed> {
        contender.closed.iter().filter(|one| one.connections == connections).cloned().collect()
    };
    let floor = showdown.contenders.first();
    let floor = floor.and_then(|floor| Spread::of(of(floor).iter().map(|one| one.server_cpu)));
    for contender in &showdown.contenders {
        let all = of(contender);
        let spread = |figure: fn(&Closed) -> f64| Spread::of(all.iter().map(figure));
        let maybe = |figure: fn(&Closed) -> Option<f64>| Spread::of(all.iter().filter_map(figure));
        let cpu = spread(|one| one.server_cpu);
        let ratio = cpu.zip(floor).and_then(|(cpu, floor)| cpu.ratio_to(&floor));
        row(
            &mut table,
            contender,
            [
                told(spread(|one| one.per_second), 0),
                told(spread(|one| one.latency.p50), 0),
                told(spread(|one| one.latency.p99), 0),
                told(spread(|one| one.latency.p999), 0),
                told(cpu, 1),
                ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                told(maybe(|one| one.database_cpu), 1),
                plain(maybe(|one| one.database_connections.map(f64::from)), 0),
                plain(maybe(|one| one.queries), 3),
                count(all.iter().map(|one| one.failed).sum()),
            ],
        );
    }
    table
}

fn open(showdown: &Showdown, rate: u32) -> Table {
    let mut table = table(&[
        "CONTENDER",
        "ANSWERS/s",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "LONGEST µs",
        "SERVER CPU µs",
        "FAILED",
    ]);
    for contender in &showdown.contenders {
        let all: Vec<&Open> = contender.open.iter().filter(|one| one.rate == rate).collect();
        let spread = |figure: fn(&Open) -> f64| Spread::of(all.iter().map(|one| figure(one)));
        row(
            &mut table,
            contender,
            [
                told(spread(|one| one.per_second), 0),
                told(spread(|one| one.latency.p50), 0),
                told(spread(|one| one.latency.p99), 0),
                told(spread(|one| one.latency.p999), 0),
                told(spread(|one| one.latency.max), 0),
                told(spread(|one| one.server_cpu), 1),
                count(all.iter().map(|one| one.failed).sum()),
            ],
        );
    }
    table
}

fn rest(showdown: &Showdown) -> Table {
    let mut table = table(&[
        "CONTENDER",
        "BYTES OUT",
        "BYTES BACK",
        "MEMORY MB",
        "A LOGOUT BITES AFTER ms",
        "NEVER BIT",
        "AT THE LATEST ms",
        "ACCEPTED AFTER IT",
        "LOGINS/s",
        "REFRESHES/s",
    ]);
    for contender in &showdown.contenders {
        let bytes = |one: fn(&crate::result::Bytes) -> u64| {
            contender.bytes.as_ref().map_or_else(String::new, |bytes| one(bytes).to_string())
        };
        let logout = contender.logout.as_ref();
        let bites = match logout {
            Some(logout) if logout.bites_after.is_empty() => String::from("never"),
            Some(logout) => told(Spread::of(logout.bites_after.iter().copied()), 1),
            None => String::new(),
        };
        let latest = logout.and_then(|logout| logout.bound.or(logout.expiry));
        row(
            &mut table,
            contender,
            [
                bytes(|bytes| bytes.sent),
                bytes(|bytes| bytes.received),
                contender.memory.map_or_else(String::new, |memory| format!("{:.1}", memory as f64 / 1e6)),
                bites,
                logout.and_then(Never::of).map_or_else(String::new, Never::share),
                latest.map_or_else(String::new, |latest| format!("{latest:.0}")),
                logout.map_or_else(String::new, |logout| logout.stale_accepts.to_string()),
                told(Spread::of(contender.logins.iter().copied()), 1),
                told(Spread::of(contender.refreshes.iter().copied()), 1),
            ],
        );
    }
    table
}

fn outages(showdown: &Showdown) -> Table {
    let mut table = table(&["CONTENDER", "STOPPED s", "ANSWERS MEANWHILE", "BACK AFTER ms"]);
    for contender in &showdown.contenders {
        let Some(Outage { seconds, during, recovery }) = &contender.outage else { continue };
        let answers = during.iter().map(|(status, times)| match status {
            0 => format!("{times} x none"),
            status => format!("{times} x {status}"),
        });
        row(
            &mut table,
            contender,
            [
                format!("{seconds:.1}"),
                answers.collect::<Vec<_>>().join(", "),
                recovery.map_or_else(|| String::from("not within 10 s"), |recovery| format!("{recovery:.0}")),
            ],
        );
    }
    table
}

fn table(names: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(names);
    table
}

fn row<const N: usize>(table: &mut Table, contender: &Contender, cells: [String; N]) {
    let right = cells.into_iter().map(|cell| Cell::new(cell).set_alignment(CellAlignment::Right));
    table.add_row(std::iter::once(Cell::new(&contender.name)).chain(right));
}

/// The middle, and the ends where there are several.
fn told(spread: Option<Spread>, digits: usize) -> String {
    match spread {
        None => String::new(),
        Some(Spread { min, max, .. }) if min.total_cmp(&max).is_eq() => format!("{min:.digits$}"),
        Some(Spread { min, median, max, .. }) => {
            format!("{median:.digits$} ({min:.digits$}-{max:.digits$})")
        }
    }
}

/// The middle alone.
fn plain(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(String::new, |spread| format!("{:.digits$}", spread.median))
}

fn count(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_rounds_is_shown_with_its_ends() {
        let spread = |figures: &[f64]| told(Spread::of(figures.iter().copied()), 1);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), "2.0 (1.0-3.0)");
        assert_eq!(spread(&[1.0, 2.0]), "1.5 (1.0-2.0)");
        assert_eq!((spread(&[4.0]), spread(&[])), (String::from("4.0"), String::new()));
    }
}
