//! The comparison as a table: a column for each classic design and each of Cloakroom's, with one store at a time.

use maud::{Markup, html};

use super::chart::{kind, within};
use super::classic::{Cell, rows};
use crate::result::{Contender, Kind, Showdown};

/// A table for each store; `None` where neither a classic design nor Cloakroom was measured.
pub(crate) fn tables(showdown: &Showdown) -> Option<Markup> {
    let of = |kind: Kind| showdown.contenders.iter().filter(move |one| one.kind == kind);
    let all: Vec<&Contender> = of(Kind::Classic).chain(of(Kind::Cloakroom)).collect();
    let stores: Vec<Option<&str>> =
        showdown.settings.stores.iter().map(|store| Some(store.as_str())).collect();
    let stores = if stores.is_empty() { vec![None] } else { stores };
    // Whoever keeps nothing anywhere stands in each.
    let of_store = |store: Option<&str>| -> Vec<&Contender> {
        let here = |one: &&Contender| store_of(showdown, one).is_none_or(|of| Some(of) == store);
        all.iter().copied().filter(here).collect()
    };
    let tables: Vec<_> = stores
        .into_iter()
        .map(|store| (store, of_store(store)))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    let ((first, columns), others) = tables.split_first()?;
    Some(html! {
        (table(showdown, *first, columns))
        @for (store, columns) in others {
            details {
                summary { "The same with " (store.map_or("no store", spelled)) }
                (table(showdown, *store, columns))
            }
        }
    })
}

/// The store that an id names: the first one, since `redis-postgres` is Redis for sessions.
fn store_of<'s>(showdown: &'s Showdown, one: &Contender) -> Option<&'s str> {
    let stores = showdown.settings.stores.iter();
    let named = stores.filter_map(|store| Some((one.id.find(&format!("-{store}"))?, store.as_str())));
    named.min().map(|(_, store)| store)
}

fn spelled(store: &str) -> &str {
    match store {
        "sqlite" => "SQLite",
        "postgres" => "PostgreSQL",
        "redis" => "Redis",
        other => other,
    }
}

fn table(showdown: &Showdown, store: Option<&str>, columns: &[&Contender]) -> Markup {
    let rows = rows(showdown);
    let caption = store.map_or_else(String::new, |store| format!(" with {}", spelled(store)));
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "The comparison" (caption) } {
            // Roles, since the rows become blocks on narrow screens and some browsers then forget what they were.
            table.matrix role="table" {
                caption { "What each design costs and what it gives, as measured in this run" (caption) }
                thead role="rowgroup" {
                    tr.kinds role="row" {
                        td role="cell" {}
                        @for group in columns.chunk_by(|one, next| one.kind == next.kind) {
                            @for one in &group[..1] {
                                th role="columnheader" scope="colgroup" colspan=(group.len()) class=(kind(one.kind).1) {
                                    (kind(one.kind).0)
                                }
                            }
                        }
                    }
                    tr role="row" {
                        td role="cell" {}
                        @for one in columns {
                            th role="columnheader" scope="col" class=(kind(one.kind).1) {
                                (within(one.kind, &one.name))
                            }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for (name, of) in &rows {
                        @let cells: Vec<Option<Cell>> = columns.iter().map(|one| of(one)).collect();
                        @if cells.iter().any(Option::is_some) {
                            tr role="row" {
                                th role="rowheader" scope="row" { (name) }
                                @for (one, cell) in columns.iter().zip(&cells) {
                                    td role="cell" class={ (kind(one.kind).1) @if cell.is_none() { " empty" } }
                                        data-who=(who(one)) { (show(cell.as_ref())) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where the heads are out of sight, a name says whose it is.
fn who(one: &Contender) -> String {
    match one.kind {
        Kind::Cloakroom if !one.name.contains("Cloakroom") => format!("Cloakroom: {}", one.name),
        Kind::Cloakroom | Kind::Floor | Kind::Classic | Kind::Peer => one.name.clone(),
    }
}

fn show(cell: Option<&Cell>) -> Markup {
    html! {
        @match cell {
            Some(Cell { figure, remark }) => div {
                (figure)
                @if let Some(remark) = remark { small { (remark) } }
            },
            None => div { "–" },
        }
    }
}
