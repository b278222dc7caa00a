//! What a page is made of whatever it shows: its head, its style, and that it asks nobody for anything.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// A page.
pub(crate) struct Shell<'a> {
    /// Of the window.
    pub title: &'a str,
    /// The command that made it.
    pub kicker: &'a str,
    /// The question.
    pub heading: &'a str,
    /// What was measured, where and when.
    pub line: &'a str,
    /// What stands before the answer.
    pub banner: Markup,
    /// Heading and body.
    pub answer: (&'a str, Markup),
    /// What to know when reading.
    pub notes: &'a [String],
    /// The rest.
    pub sections: &'a [Section],
    /// The last word.
    pub footer: &'a str,
}

/// A part of a page that the contents lead to.
pub(crate) struct Section {
    pub id: &'static str,
    pub heading: &'static str,
    pub body: Markup,
}

impl Shell<'_> {
    /// The whole document.
    pub(crate) fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content=(self.kicker);
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#answer" { "To the answer" }
                    header {
                        p.kicker { (self.kicker) }
                        h1 { (self.heading) }
                        p.where { (self.line) }
                    }
                    main { (self.main()) }
                    footer { p { (self.footer) } }
                }
            }
        }
        .into_string()
    }

    fn main(&self) -> Markup {
        let (heading, answer) = &self.answer;
        html! {
            (self.banner)
            section #answer aria-labelledby="answer-heading" {
                h2 #answer-heading { (heading) }
                (answer)
            }
            @if !self.notes.is_empty() {
                aside.notes aria-label="Notes" {
                    h2 { "What to know when reading" }
                    ul { @for note in self.notes { li { (note) } } }
                }
            }
            nav aria-label="Contents" {
                ul { @for section in self.sections { li { a href={ "#" (section.id) } { (section.heading) } } } }
            }
            @for section in self.sections {
                section id=(section.id) aria-labelledby={ (section.id) "-heading" } {
                    h2 id={ (section.id) "-heading" } { (section.heading) }
                    (section.body)
                }
            }
        }
    }
}

/// Nothing may be fetched, run, framed or sent, whatever got into the page; the style is known by its hash.
fn policy() -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}
