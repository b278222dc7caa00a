//! Two results beside each other.

use cloakroom_showdown::compare::{Comparison, Verdict, compare, html};
use cloakroom_showdown::result::Showdown;
use scraper::{ElementRef, Html, Selector};
use serde_json::{Value, json};

use super::sample::sample;

fn verdict(comparison: &Comparison, who: &str, what: &str) -> Verdict {
    let row = comparison.rows.iter().find(|row| row.contender == who && row.measure == what);
    row.unwrap_or_else(|| panic!("{who}: {what}")).verdict.clone()
}

fn because(why: &str) -> Verdict {
    Verdict::Incomparable(why.to_owned())
}

/// As if the token had become slower by so much.
pub(crate) fn slower(by: f64) -> Showdown {
    let mut showdown = sample(1);
    for closed in showdown
        .contenders
        .iter_mut()
        .filter(|one| one.id == "cloakroom-jwt-hs256-sqlite")
        .flat_map(|one| &mut one.closed)
    {
        closed.server_cpu *= by;
    }
    showdown
}

const WHO: &str = "Cloakroom JWT, HS256 (SQLite)";
const WHAT: &str = "server CPU per request, 64 connections";

#[test]
fn a_result_agrees_with_itself() {
    let comparison = compare(&sample(1), &sample(1));
    assert!(comparison.rows.len() > 300);
    assert!(comparison.rows.iter().all(|row| row.verdict == Verdict::Agree), "{:?}", comparison.answer());
    assert!(comparison.rows.iter().all(|row| row.ratio.is_none_or(|ratio| (ratio - 1.0).abs() < 1e-9)));
}

#[test]
fn a_difference_must_be_larger_than_the_spreads() {
    assert_eq!(verdict(&compare(&sample(1), &slower(1.01)), WHO, WHAT), Verdict::Agree);
    let comparison = compare(&sample(1), &slower(1.5));
    assert_eq!(verdict(&comparison, WHO, WHAT), Verdict::Differ);
    assert_eq!(comparison.rows.iter().filter(|row| row.verdict == Verdict::Differ).count(), 2);
}

#[test]
fn one_figure_has_no_spread_to_be_larger_than() {
    let mut second = sample(1);
    second.contenders[1].memory = Some(99_000_000);
    let comparison = compare(&sample(1), &second);
    assert_eq!(
        verdict(&comparison, "Classic JWT, HS256", "memory"),
        because("taken once, so its spread is not known")
    );
}

#[test]
fn another_machine_or_other_settings_are_no_comparison() {
    let mut second = sample(1);
    second.machine.cores = 64;
    let why = "other machine: number of cores";
    assert!(compare(&sample(1), &second).rows.iter().all(|row| row.verdict == because(why)));
    let mut second = sample(1);
    second.settings.seconds = 1.0;
    let why = "other settings: 10 s and 1 s a measurement";
    assert!(compare(&sample(1), &second).rows.iter().all(|row| row.verdict == because(why)));
}

#[test]
fn another_version_matters_to_those_who_rest_on_it() {
    let mut second = slower(1.5);
    second.machine.versions[0].1 = "0.2.0".to_owned();
    second.machine.versions[1].1 = "17.1".to_owned();
    let comparison = compare(&sample(1), &second);
    assert_eq!(verdict(&comparison, WHO, WHAT), Verdict::Differ);
    let why = because("other version: postgres 15.18 and 17.1");
    assert_eq!(verdict(&comparison, "Classic session (PostgreSQL)", WHAT), why);
    assert_eq!(
        comparison.remarks[..2],
        ["cloakroom: 0.1.0 in A, 0.2.0 in B", "postgres: 15.18 in A, 17.1 in B"]
    );
}

#[test]
fn who_or_what_is_in_one_only_is_shown() {
    let mut second = sample(1);
    second.contenders.remove(1);
    second.contenders[0].bytes = None;
    let comparison = compare(&sample(1), &second);
    assert_eq!(verdict(&comparison, "Classic JWT, HS256", "memory"), because("not in B"));
    assert_eq!(verdict(&comparison, "HTTP floor", "bytes of a request"), because("not in B"));
    let comparison = compare(&second, &sample(1));
    assert_eq!(verdict(&comparison, "Classic JWT, HS256", "memory"), because("not in A"));
}

#[test]
fn logouts_that_never_bit_are_told_and_their_times_do_not_agree() {
    let mut second = sample(1);
    let one = second.contenders.iter_mut().find(|one| one.name == WHO).unwrap();
    one.logout.as_mut().unwrap().bites_after.pop();
    let never = "1 of 5 tries never bit within the wait of 3 s";
    for (first, second, letter) in [(&sample(1), &second, "B"), (&second, &sample(1), "A")] {
        let comparison = compare(first, second);
        assert_eq!(
            verdict(&comparison, WHO, "a logout bites after"),
            because(&format!("{never} in {letter}"))
        );
        let said = comparison.remarks.iter().filter(|one| one.contains("never bit")).collect::<Vec<_>>();
        assert_eq!(said, [&format!("{letter}: logouts of {WHO}: {never}")]);
    }
}

#[test]
fn the_answer_is_plain() {
    assert_eq!(
        compare(&sample(1), &sample(1)).answer(),
        ["The runs agree on 712 of 712 figures.", "None differs by more than the spreads of both runs."]
    );
    let mut second = slower(0.5);
    second.contenders.truncate(14);
    assert_eq!(
        compare(&sample(1), &second).answer(),
        [
            "The runs agree on 587 of 589 figures.",
            "2 differ by more than the spreads of both runs: most of all server CPU per request, 1 connection of \
             “Cloakroom JWT, HS256 (SQLite)” to 0.5×. Between two runs of the same thing about 39 would, by chance: spreads of few rounds are narrow.",
            "123 more cannot be compared: not in B (123).",
        ]
    );
    let nobody = Showdown { contenders: Vec::new(), ..sample(1) };
    assert_eq!(compare(&nobody, &nobody).answer(), ["There is no figure in either run."]);
}

#[test]
fn as_a_page_everything_is_there_and_what_differs_is_marked() {
    let source = html(("a.json", &sample(1)), ("b.json", &slower(1.5)));
    let page = Html::parse_document(&source);
    let select = |what: &str| page.select(&Selector::parse(what).unwrap()).collect::<Vec<_>>();
    let text = |one: &ElementRef<'_>| one.text().collect::<Vec<_>>().join(" ");
    assert!(text(&select("#answer")[0]).contains("The runs agree on 710 of 712 figures."));
    // Of the two measures that differ, those that differ and nobody else.
    let headings: Vec<String> = select("#differs h3").iter().map(text).collect();
    assert_eq!(headings, ["Server CPU per request, 1 connection", "Server CPU per request, 64 connections"]);
    for (mark, many) in [("diamond", 1), ("dot", 0)] {
        assert_eq!(select(&format!("#differs-0 > g:not(.legend) .{mark}")).len(), many, "{mark}");
    }
    let said = text(&select("#differs-0 desc")[0]);
    assert_eq!(said, format!("B differs: {WHO} 1.5×. 1 differs"));
    // Everybody is in the main figures, marked in one of them.
    let main = select("#main figure").into_iter().find(|one| text(one).contains("requests per second, 64"));
    let main = main.unwrap();
    let marks = |what: &str| main.select(&Selector::parse(what).unwrap()).count();
    assert_eq!((marks("g .dot"), marks("g:not(.legend) .diamond")), (sample(1).contenders.len() + 1, 0));
    assert_eq!(select("#main g:not(.legend) > svg .diamond").len(), 2, "CPU at two numbers of connections");
    // And every figure in a table.
    assert_eq!(select("#everything tbody tr").len(), 712);
    assert_eq!(
        select("#everything tbody td:last-child").iter().filter(|one| text(one) == "DIFFER").count(),
        2
    );
    let runs = text(&select("#runs")[0]);
    assert!(
        runs.contains("a.json") && runs.contains("b.json") && runs.contains(&sample(1).command),
        "{runs}"
    );
}

#[test]
fn for_a_program() {
    let json: Value = serde_json::from_str(&compare(&sample(1), &slower(1.5)).json()).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 712);
    let row = rows.iter().find(|row| row["contender"] == WHO && row["measure"] == WHAT).unwrap();
    assert_eq!(
        (&row["verdict"], &row["unit"], &row["kind"]),
        (&json!("differ"), &json!("micros"), &json!("cloakroom"))
    );
    assert_eq!(row["first"]["count"], 3);
    assert!((row["ratio"].as_f64().unwrap() - 1.5).abs() < 1e-9, "{row}");
}

#[test]
fn for_a_terminal() {
    let mut second = slower(1.5);
    second.partial = true;
    second.notes = vec!["ended \u{1b}[2J by hand".to_owned()];
    let text = compare(&Showdown { notes: Vec::new(), ..sample(1) }, &second).text(false);
    insta::assert_snapshot!(text, @"
    A: A load of 0.08 on 2 cores before it began. The rounds lie apart, at 64 connections: requests per second of the floor by 4.4 %, of the median contender by 4.1 %, at most by 6.9 % (“Express 4 + jsonwebtoken”); CPU per request of the floor by 1.4 %, of the median contender by 3.3 %, at most by 4.3 % (“Cloakroom JWT, HS256 (PostgreSQL)”).
    B is partial: it was ended before everything was measured
    B: A load of 0.08 on 2 cores before it began. The rounds lie apart, at 64 connections: requests per second of the floor by 4.4 %, of the median contender by 4.1 %, at most by 6.9 % (“Express 4 + jsonwebtoken”); CPU per request of the floor by 1.4 %, of the median contender by 3.3 %, at most by 4.3 % (“Cloakroom JWT, HS256 (PostgreSQL)”).
    B: ended �[2J by hand

     WHO                            WHAT                                    A                             B                             B/A   SAYS
     Cloakroom JWT, HS256 (SQLite)  server CPU per request, 1 connection    30.4 µs (30.1 µs to 31.7 µs)  45.5 µs (45.1 µs to 47.5 µs)  1.5×  DIFFER
     Cloakroom JWT, HS256 (SQLite)  server CPU per request, 64 connections  5.79 µs (5.7 µs to 5.82 µs)   8.68 µs (8.55 µs to 8.73 µs)  1.5×  DIFFER

    The runs agree on 710 of 712 figures. 2 differ by more than the spreads of both runs: most of all server CPU per request, 64 connections of “Cloakroom JWT, HS256 (SQLite)” to 1.5×. Between two runs of the same thing about 47 would, by chance: spreads of few rounds are narrow.
    ");
}
