//! The file: what was chosen, each with its reason; the rest is as by default.

use std::fmt::Write;

use cloakroom_verify::Strategy;

use super::answers::Answers;
use super::choice::Choice;
use crate::config::{Freshness, PublicUrl};

pub(super) fn toml(answers: &Answers, choice: &Choice, public_url: Option<&PublicUrl>) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
    };
    say("# Written by `cloakroom init`. Every setting and its default: `cloakroom config show`.");
    say(&format!("# Asked for: {}.", wishes(answers)));
    wrapped(&choice.reason()).iter().for_each(|line| say(&format!("# {line}")));
    say("");
    say(&match public_url {
        Some(url) => format!("public_url = \"{}\"", url.as_str()),
        None => {
            with("# public_url = \"https://auth.example.com\"", "needed: where the world finds this server")
        }
    });
    say("\n[server]");
    say(&with("listen = \"127.0.0.1:8080\"", "TLS ends at a proxy in front of it"));
    say(&with("# trusted_proxies = [\"127.0.0.1\"]", "whose X-Forwarded-For is believed"));
    say(&with("# allowed_origins = [\"https://app.example.com\"]", "whose pages may call us"));
    say("\n[store]");
    say(&with("url = \"sqlite:cloakroom.db\"", "postgres://... when one machine is not enough"));
    say("\n[strategies]");
    say(&format!("default = \"{}\"", choice.default));
    say(&format!("allowed = [{}]", words(&choice.allowed)));
    say("\n[session]");
    say(&match choice.freshness {
        Freshness::Bounded => with("freshness = \"bounded\"", "a check needs no I/O; see feed.bound"),
        Freshness::Always => {
            with("freshness = \"always\"", "a check asks the database: 503 while it is down")
        }
    });
    say(&duration("idle_timeout", choice.session.idle));
    say(&duration("absolute_timeout", choice.session.absolute));
    say(&with(&duration("remember", choice.session.remember), "the same for who asked to be remembered"));
    let most = format!("max_per_user = {}", choice.max_per_user);
    say(&with(&most, "one login more ends the one that was used least lately"));
    if choice.allowed.len() > 1 {
        say("\n[token]");
        say(&with(&duration("lifetime", choice.access_token), "of an access token"));
        say(&with("# audience = [\"shop\"]", "the services that accept it"));
        say("\n[refresh]");
        say(&duration("idle_timeout", choice.refresh.idle));
        say(&duration("absolute_timeout", choice.refresh.absolute));
    }
    say("\n[feed]");
    say(&with(&duration("bound", choice.bound), "within this a revocation bites everywhere"));
    text
}

/// A setting and why, in two columns.
fn with(setting: &str, why: &str) -> String {
    format!("{setting:<44} # {why}")
}

fn duration(key: &str, value: &str) -> String {
    format!("{key} = \"{value}\"")
}

/// Lines of at most a hundred characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let full = lines.last().is_some_and(|line| line.len() + word.len() >= 100);
        match lines.last_mut() {
            Some(line) if !full && !line.is_empty() => *line = format!("{line} {word}"),
            Some(line) if !full => word.clone_into(line),
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn wishes(answers: &Answers) -> String {
    let wishes = [
        (answers.instant_revocation, "revocation within seconds"),
        (answers.several_services, "several services"),
        (answers.mobile_clients, "mobile clients"),
        (answers.public_api, "a public API"),
        (answers.regulated, "strict rules"),
    ];
    let wished: Vec<_> = wishes.into_iter().filter_map(|(wished, name)| wished.then_some(name)).collect();
    if wished.is_empty() { String::from("nothing in particular") } else { wished.join(", ") }
}

fn words(strategies: &[Strategy]) -> String {
    strategies.iter().map(|strategy| format!("\"{strategy}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Inputs, Mode};

    #[test]
    fn whatever_is_answered_the_file_can_be_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloakroom.toml");
        let url: PublicUrl = "https://auth.example.com".parse().unwrap();
        for bits in 0..32_u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let answers = Answers {
                instant_revocation: bit(0),
                several_services: bit(1),
                mobile_clients: bit(2),
                public_api: bit(3),
                regulated: bit(4),
            };
            let choice = Choice::of(&answers);
            std::fs::write(&path, toml(&answers, &choice, Some(&url))).unwrap();
            let inputs = Inputs {
                mode: Mode::Production,
                file: Some(path.clone()),
                environment: Vec::new(),
                flags: Vec::new(),
            };
            let (config, _) = Config::load(&inputs).unwrap_or_else(|error| panic!("{answers:?}: {error}"));
            assert_eq!(config.strategies.default, choice.default);
            assert_eq!(config.strategies.allowed, choice.allowed);
            assert_eq!(config.session.freshness, choice.freshness);
        }
    }

    #[test]
    fn without_a_public_url_it_says_that_one_is_needed() {
        let answers = super::super::answers::Preset::Saas.answers();
        let text = toml(&answers, &Choice::of(&answers), None);
        assert!(text.contains("# public_url") && text.contains("needed"), "{text}");
    }
}
