//! The pages: whole, harmless, and readable without seeing them.

use cloakroom_showdown::compare;
use cloakroom_showdown::report::html;
use cloakroom_showdown::result::{Contender, Logout, Showdown};
use cloakroom_showdown::table::tables;
use scraper::{ElementRef, Html, Selector};

use super::comparison::slower;
use super::sample::sample;

/// The report of a run, and two runs beside each other: that agree, and that do not.
fn pages() -> [String; 3] {
    let compared = |second: &Showdown| compare::html(("a.json", &sample(1)), ("b.json", second));
    [html(&sample(1)), compared(&sample(1)), compared(&slower(1.5))]
}

fn select<'a>(page: &'a Html, what: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(what).expect("a selector")).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Nothing of it was measured but what it is called.
fn empty() -> Showdown {
    let mut empty = sample(1);
    for one in &mut empty.contenders {
        *one = Contender {
            closed: Vec::new(),
            open: Vec::new(),
            bytes: None,
            memory: None,
            logout: None,
            outage: None,
            logins: Vec::new(),
            refreshes: Vec::new(),
            ..one.clone()
        };
    }
    empty
}

#[test]
fn it_is_well_formed() {
    let nobody = Showdown { contenders: Vec::new(), ..sample(1) };
    let compared = |one, other| compare::html(("a.json", one), ("b.json", other));
    let strange = [
        html(&empty()),
        html(&nobody),
        compared(&empty(), &sample(1)),
        compared(&sample(1), &nobody),
        compared(&nobody, &nobody),
    ];
    for source in pages().iter().chain(&strange) {
        let page = Html::parse_document(source);
        assert!(page.errors.is_empty(), "{:?}", page.errors);
        assert_eq!(select(&page, "h1").len(), 1);
    }
}

#[test]
fn ids_are_unique_and_every_reference_has_its_end() {
    for source in pages() {
        let page = Html::parse_document(&source);
        let mut ids: Vec<&str> = select(&page, "[id]").iter().filter_map(|one| one.value().id()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        for link in select(&page, "a[href]") {
            let to = link.value().attr("href").unwrap().strip_prefix('#').expect("a place on the page");
            assert!(ids.contains(&to), "{to}");
        }
        for attribute in ["aria-labelledby", "aria-details"] {
            for one in select(&page, &format!("[{attribute}]")) {
                for to in one.value().attr(attribute).unwrap().split(' ') {
                    assert!(ids.contains(&to), "{to}");
                }
            }
        }
        for pattern in source.split("url(#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(ids.contains(&pattern), "{pattern}");
        }
    }
}

#[test]
fn it_asks_nobody_for_anything() {
    for source in pages() {
        assert!(!source.contains("http://") && !source.contains("https://") && !source.contains("@import"));
        let page = Html::parse_document(&source);
        for what in
            ["script", "link", "img", "iframe", "object", "base", "form", "[src]", "[style]", "foreignObject"]
        {
            assert!(select(&page, what).is_empty(), "{what}");
        }
        let policy =
            select(&page, "meta[http-equiv=Content-Security-Policy]")[0].value().attr("content").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn every_picture_has_a_title_a_description_and_a_table() {
    for (source, least) in pages().iter().zip([13, 7, 9]) {
        let page = Html::parse_document(source);
        let pictures = select(&page, "svg[role=img]");
        assert!(pictures.len() >= least, "{}", pictures.len());
        // Those without the role are parts of a picture, and are told to nobody.
        assert!(select(&page, "svg:not([role]):not([aria-hidden])").is_empty());
        for picture in pictures {
            let said = |what: &str| {
                picture.select(&Selector::parse(what).unwrap()).next().map(text).unwrap_or_default()
            };
            assert!(!said("title").is_empty() && !said("desc").is_empty(), "{:?}", picture.value().id());
            let figure =
                picture.ancestors().filter_map(ElementRef::wrap).find(|one| one.value().name() == "figure");
            let tables = figure.unwrap().select(&Selector::parse("table caption").unwrap()).count();
            assert_eq!(tables, 1, "{:?}", picture.value().id());
        }
    }
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</title><script>alert(1)</script>\" onload='x' & <b> javascript:";
    let mut showdown = sample(1);
    for one in &mut showdown.contenders {
        for name in [&mut one.name, &mut one.id, &mut one.how] {
            hostile.clone_into(name);
        }
    }
    let machine = &mut showdown.machine;
    for fact in [&mut machine.processor, &mut machine.system, &mut showdown.command, &mut showdown.began_at] {
        hostile.clone_into(fact);
    }
    machine.versions = vec![(hostile.to_owned(), hostile.to_owned())];
    showdown.settings.stores = vec![hostile.to_owned()];
    showdown.notes = vec![hostile.to_owned()];
    for source in [html(&showdown), compare::html((hostile, &showdown), (hostile, &sample(1)))] {
        let page = Html::parse_document(&source);
        assert!(page.errors.is_empty(), "{:?}", page.errors);
        for what in ["script", "b", "[onload]"] {
            assert!(select(&page, what).is_empty(), "{what}");
        }
        assert!(text(select(&page, ".notes")[0]).contains(hostile));
    }
}

#[test]
fn strange_figures_make_no_broken_picture() {
    let mut showdown = sample(1);
    for one in &mut showdown.contenders {
        for closed in &mut one.closed {
            (closed.per_second, closed.server_cpu, closed.latency.p50) = (0.0, -1.0, 1e300);
        }
        for open in &mut one.open {
            open.latency.curve = vec![(0.0, 0.0), (2.0, -5.0)];
        }
    }
    let compared = |one, other| compare::html(("a.json", one), ("b.json", other));
    for source in [html(&showdown), compared(&showdown, &sample(1)), compared(&sample(1), &showdown)] {
        assert!(!source.contains("NaN") && !source.contains("inf%") && !source.contains("\"inf"));
        assert!(Html::parse_document(&source).errors.is_empty());
    }
}

#[test]
fn a_run_that_was_ended_early_says_so() {
    let banner = |partial| {
        let page = Html::parse_document(&html(&Showdown { partial, ..sample(1) }));
        select(&page, ".banner").len()
    };
    assert_eq!((banner(true), banner(false)), (1, 0));
}

#[test]
fn logouts_that_never_bit_are_counted_in_the_page_and_in_the_terminal() {
    let mut showdown = sample(1);
    let one = showdown.contenders.iter_mut().find(|one| one.id == "cloakroom-session-sqlite").unwrap();
    one.logout.as_mut().unwrap().bites_after.truncate(3);
    let page = Html::parse_document(&html(&showdown));
    let rows: Vec<String> = select(&page, "#logout tbody tr").into_iter().map(text).collect();
    let row = |name: &str| rows.iter().find(|row| row.starts_with(name)).unwrap();
    assert!(row("Cloakroom session (SQLite)").contains(" 5 2 of 5 3 s 2 s "), "{rows:?}");
    assert!(row("Cloakroom session (PostgreSQL)").contains(" 5 0 3 s 2 s "), "{rows:?}");
    assert!(row("Classic JWT, HS256").contains(" 1 1 of 1 2 s "), "{rows:?}");
    // One ring in the picture, one in its legend.
    assert_eq!(select(&page, "#logout circle.ring").len(), 2);
    assert!(text(select(&page, "#logout-times .cloakroom .value")[0]).contains("2 of 5 never"));
    let cells: Vec<String> = select(&page, ".matrix td").into_iter().map(text).collect();
    assert!(cells.iter().any(|cell| cell.starts_with("2 of 5 never else after ")), "{cells:?}");

    let printed = tables(&showdown);
    let line = |name: &str| {
        let of = printed.split("What else it costs").nth(1).unwrap();
        of.lines().find(|line| line.trim().starts_with(name)).unwrap().to_owned()
    };
    assert!(line("Cloakroom session (SQLite)").contains(" 2 of 5 "), "{printed}");
    assert!(!line("Cloakroom session (PostgreSQL)").contains(" of "), "{printed}");

    // Older files do not say how often it was tried: nothing is made up of that.
    let logout: Logout = serde_json::from_str(
        r#"{"bites_after": [1.0, 2.0], "bound": 2000.0, "expiry": null, "stale_accepts": 0}"#,
    )
    .unwrap();
    assert_eq!((logout.tries, logout.never()), (0, 0));
}

#[test]
fn how_noisy_the_machine_was_and_how_long_it_took_is_told() {
    let told = |showdown: &Showdown| {
        let page = Html::parse_document(&html(showdown));
        [text(select(&page, ".notes")[0]), text(select(&page, "#run")[0]), tables(showdown)]
    };
    for told in told(&sample(1)) {
        assert!(told.contains("A load of 0.08 on 2 cores before it began."), "{told}");
        let apart =
            "requests per second of the floor by 4.4 %, of the median contender by 4.1 %, at most by 6.9 %";
        assert!(told.contains(apart), "{told}");
    }
    for told in &told(&sample(1))[1..] {
        assert!(told.contains("24.1 min (25 min expected)"), "{told}");
    }
    let mut once = sample(1);
    once.contenders.iter_mut().for_each(|one| one.closed.retain(|closed| closed.round == 1));
    for told in told(&once) {
        assert!(told.contains("How far rounds lie apart is not known: there was one."), "{told}");
    }
}

#[test]
fn what_is_needed_to_repeat_it_is_there() {
    let showdown = sample(77);
    let page = Html::parse_document(&html(&showdown));
    let run = text(select(&page, "#run")[0]);
    for fact in [&showdown.command, &showdown.machine.processor, &showdown.machine.system] {
        assert!(run.contains(fact.as_str()), "{fact}");
    }
    assert!(
        run.contains("Seed 77") && run.contains("postgres 15.18") && run.contains("Load before 0.08"),
        "{run}"
    );
}

#[test]
fn the_comparison_holds_what_was_measured() {
    let page = Html::parse_document(&html(&sample(1)));
    // One for each store; the first is open.
    assert_eq!(select(&page, ".matrix").len(), 2);
    let rows = select(&page, "#comparison > .scroll .matrix tr");
    let shown: Vec<String> = rows.into_iter().map(text).collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    Classic designs Cloakroom
    JWT, HS256 Session (SQLite) Hybrid, EdDSA (SQLite) Session (SQLite) Session, always fresh (SQLite) JWT, HS256 (SQLite) Hybrid, EdDSA (SQLite)
    Latency, 1 connection 75.4 µs p99 159 µs 80.4 µs p99 159 µs 107 µs p99 219 µs 74.2 µs p99 144 µs 73.1 µs p99 150 µs 75.1 µs p99 142 µs 73.8 µs p99 134 µs
    Latency at 5k/s 74 µs p99 141 µs 82.1 µs p99 181 µs 105 µs p99 223 µs 73.4 µs p99 141 µs 73.1 µs p99 121 µs 72.6 µs p99 155 µs 73.3 µs p99 136 µs
    Requests per second, 64 connections 118k/s 114k/s to 119k/s 88.3k/s 87.5k/s to 88.5k/s 24.4k/s 23.7k/s to 24.6k/s 168k/s 166k/s to 169k/s 147k/s 140k/s to 148k/s 168k/s 166k/s to 168k/s 163k/s 155k/s to 166k/s
    Server CPU per request 8.2 µs 1.75× the floor 11 µs 2.34× the floor 40.4 µs 8.62× the floor 5.6 µs 1.19× the floor 6.56 µs 1.4× the floor 5.79 µs 1.23× the floor 5.77 µs 1.23× the floor
    Bytes of a request and its answer 760 B 420 + 340 498 B 158 + 340 760 B 420 + 340 498 B 158 + 340 498 B 158 + 340 760 B 420 + 340 760 B 420 + 340
    Memory of the server 12 MB 14 MB 12.5 MB 28 MB 29 MB 27 MB 27 MB
    A logout bites after at its expiry 15 min 373 µs at once, as promised at its expiry 15 min 846 µs promised 2 s 461 µs at once, as promised 3.45 ms promised 2 s 2.01 ms promised 2 s
    Accepted after a logout 48,211 requests 0 requests 48,211 requests 14 requests 0 requests 14 requests 14 requests
    Logins per second 129/s 128/s to 132/s 127/s 126/s to 132/s 125/s 125/s to 131/s 126/s 125/s to 132/s 127/s 122/s to 128/s 127/s 126/s to 127/s 129/s 126/s to 130/s
    Refreshes per second – – – – – – 7.75k/s 7.58k/s to 7.82k/s
    ");
}
