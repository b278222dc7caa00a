//! The answer in three sentences. Each follows from the figures: other figures, another sentence.

use super::ending::{Ending, Promise};
use super::fate::Fate;
use super::numbers::{Unit, times};
use super::spread::{self, Spread};
use crate::result::{Contender, Kind, Showdown};

/// What checking costs and gives in the classic designs, what Cloakroom makes of it, and what an outage does.
pub fn answer(showdown: &Showdown) -> [String; 3] {
    let busy = spread::busiest(showdown);
    let priced = |kind| busy.map(|busy| priced(showdown, kind, busy)).unwrap_or_default();
    let (classic, ours) = (priced(Kind::Classic), priced(Kind::Cloakroom));
    [
        classic_sentence(&classic, busy),
        our_sentence(&ours, &classic, floor(showdown, busy)),
        outage_sentence(showdown),
    ]
}

/// Somebody, and what a request costs them.
#[derive(Clone, Copy)]
struct Priced<'a> {
    who: &'a Contender,
    cpu: Spread,
    ending: Option<Ending>,
}

/// In the order in which they are shown.
fn priced(showdown: &Showdown, kind: Kind, busy: u32) -> Vec<Priced<'_>> {
    let of = showdown.contenders.iter().filter(|one| one.kind == kind);
    of.filter_map(|who| {
        Some(Priced { who, cpu: spread::cpu(who, busy)?, ending: who.logout.as_ref().map(Ending::of) })
    })
    .collect()
}

/// Of those that cannot be told from the cheapest the first, so that chance does not choose another one each time.
fn cheapest<'a, 'b>(of: impl Iterator<Item = &'b Priced<'a>> + Clone) -> Option<&'b Priced<'a>>
where
    'a: 'b,
{
    let least = of.clone().min_by(|one, other| one.cpu.median.total_cmp(&other.cpu.median))?;
    of.clone().find(|one| one.cpu.overlaps(&least.cpu))
}

fn floor(showdown: &Showdown, busy: Option<u32>) -> Option<Spread> {
    spread::cpu(showdown.contenders.first().filter(|one| one.kind == Kind::Floor)?, busy?)
}

/// The one whose logout bites soonest; of those with which it does at once, the cheapest.
fn surest<'a, 'b>(of: &'b [Priced<'a>]) -> Option<&'b Priced<'a>> {
    let after = |one: &Priced<'_>| match one.ending {
        Some(Ending::Bites { never: None, promise: Promise::Kept { bound: 0.0 }, .. }) => Some(0.0),
        Some(Ending::Bites { after, .. }) => Some(after.median),
        Some(Ending::Expires { .. } | Ending::Unseen { .. }) | None => None,
    };
    let soonest = of.iter().filter_map(after).min_by(f64::total_cmp)?;
    cheapest(of.iter().filter(move |one| after(one) == Some(soonest)))
}

fn classic_sentence(classic: &[Priced<'_>], busy: Option<u32>) -> String {
    let (Some(cheap), Some(busy)) = (cheapest(classic.iter()), busy) else {
        return "The classic designs were not measured in this run.".to_owned();
    };
    let begin = format!(
        "Of the classic designs, “{}” costs least, {} of CPU per request at {}",
        cheap.who.name,
        Unit::Micros.show(cheap.cpu.median),
        super::chart::throughput::plural(busy),
    );
    let logout = logout(cheap);
    match (cheap.ending, surest(classic)) {
        (Some(Ending::Bites { .. }), _) => format!("{begin}, and {logout}."),
        (Some(Ending::Expires { .. } | Ending::Unseen { .. }) | None, Some(sure)) => format!(
            "{begin}, but {logout}; with “{}”, for {}, it {}.",
            sure.who.name,
            price(&sure.cpu, &cheap.cpu, "the CPU", "the same CPU"),
            sure.ending.map_or_else(String::new, |ending| ending.long()),
        ),
        (Some(Ending::Expires { .. } | Ending::Unseen { .. }) | None, None) => {
            format!("{begin}, and {logout}; no other was seen to end a login.")
        }
    }
}

fn logout(of: &Priced<'_>) -> String {
    of.ending
        .map_or_else(|| "its logout was not tried".to_owned(), |ending| format!("a logout {}", ending.long()))
}

fn our_sentence(ours: &[Priced<'_>], classic: &[Priced<'_>], floor: Option<Spread>) -> String {
    let bites = |one: &&Priced<'_>| matches!(one.ending, Some(Ending::Bites { .. }));
    let Some(best) = cheapest(ours.iter().filter(bites)).or_else(|| cheapest(ours.iter())) else {
        return "Cloakroom was not measured in this run.".to_owned();
    };
    let of_floor = floor
        .and_then(|floor| best.cpu.ratio_to(&floor))
        .map_or_else(String::new, |ratio| format!(" ({} an answer without any check)", times(ratio)));
    let beside = cheapest(classic.iter()).map_or_else(String::new, |cheap| {
        let dearer = "what the cheapest classic design costs";
        format!(", {}", price(&best.cpu, &cheap.cpu, dearer, "as much as the cheapest classic design"))
    });
    let logout = logout(best);
    let of = if best.who.name.contains("Cloakroom") { "" } else { "Cloakroom's " };
    format!(
        "With {of}“{}” a request costs {}{of_floor}{beside}, and {logout}{}.",
        best.who.name,
        Unit::Micros.show(best.cpu.median),
        broken(ours, best)
    )
}

/// Whoever else of Cloakroom did not keep a promise: the best one must not hide it.
fn broken(ours: &[Priced<'_>], but: &Priced<'_>) -> String {
    let others = ours.iter().filter(|one| one.who.id != but.who.id);
    let late = others.filter(|one| one.ending.is_some_and(|ending| ending.broken()));
    let said = late.filter_map(|one| Some(format!("; with “{}” it {}", one.who.name, one.ending?.long())));
    said.collect()
}

/// Within the spread nothing is claimed.
fn price(this: &Spread, base: &Spread, multiple: &str, same: &str) -> String {
    match this.ratio_to(base) {
        Some(ratio) if !this.overlaps(base) => format!("{} {multiple}", times(ratio)),
        Some(_) | None => format!("{same} within the spread of the rounds"),
    }
}

fn outage_sentence(showdown: &Showdown) -> String {
    let fates: Vec<(&Contender, Fate, f64)> = showdown
        .contenders
        .iter()
        .filter(|one| one.kind != Kind::Floor)
        .filter_map(|one| one.outage.as_ref().map(|outage| (one, Fate::of(outage), outage.seconds)))
        .filter(|(_, fate, _)| fate.requests > 0)
        .collect();
    let Some(seconds) = fates.first().map(|one| one.2) else {
        return "What happens when the database stops was not measured in this run.".to_owned();
    };
    let all = |of: &dyn Fn(&Fate) -> bool| -> Vec<&str> {
        fates.iter().filter(|(_, fate, _)| of(fate)).map(|(one, ..)| one.name.as_str()).collect()
    };
    // Whoever denies a login is named for that alone: it is what a reader must know first.
    let groups = [
        (all(&|fate| fate.denied == 0.0 && fate.answered > 0.99), "went on answering"),
        (
            all(&|fate| fate.denied == 0.0 && fate.answered <= 0.99 && fate.answered >= 0.01),
            "answered in part",
        ),
        (all(&|fate| fate.denied == 0.0 && fate.answered < 0.01), "failed"),
        (all(&|fate| fate.denied > 0.0), "told people that they are not logged in"),
    ];
    let said: Vec<String> = groups
        .into_iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, what)| format!("{} {what}", list(&names)))
        .collect();
    format!(
        "While the database was stopped for {}, {}.",
        Unit::Millis.show(seconds * 1000.0),
        said.join("; ")
    )
}

/// At most three by name.
fn list(names: &[&str]) -> String {
    let named: Vec<String> = names.iter().take(3).map(|name| format!("“{name}”")).collect();
    match (named.as_slice(), names.len()) {
        ([], _) => String::new(),
        ([only], _) => only.clone(),
        ([first @ .., last], count) if count <= 3 => format!("{} and {last}", first.join(", ")),
        (some, count) => format!("{} and {} more", some.join(", "), count - some.len()),
    }
}
