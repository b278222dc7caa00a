//! What is easy to guess at fifteen characters and more.
//!
//! Lists of leaked passwords hold almost none that long, so most of the work is done by rules: what a guesser does
//! to reach the length. Each refusal says its reason.

/// Long passwords that people choose: leaked ones, song and film lines, phrases from password advice.
const COMMON: &str = include_str!("blocklist.txt");

/// Short passwords that people lengthen.
const BASES: &[&str] = &[
    "password",
    "passwort",
    "motdepasse",
    "contrasena",
    "qwerty",
    "qwertz",
    "azerty",
    "letmein",
    "welcome",
    "iloveyou",
    "admin",
    "administrator",
    "login",
    "master",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "princess",
    "sunshine",
    "superman",
    "batman",
    "shadow",
    "secret",
    "changeme",
    "default",
    "trustno",
    "hello",
    "cloakroom",
    "abc",
    "test",
    "testing",
    "user",
    "guest",
    "root",
    "summer",
    "winter",
    "spring",
    "autumn",
];

const ROWS: &[&str] = &[
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1234567890",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
];

/// Why this password is easy to guess; `None`: not as far as we can tell. `context`: words about its owner.
pub(super) fn reason(password: &str, context: &[&str]) -> Option<&'static str> {
    let plain: String =
        password.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let folded: String = plain.chars().map(unleet).collect();
    if COMMON.lines().any(|line| line == plain || line == folded) {
        return Some("it is among the passwords that are tried first");
    }
    let characters: Vec<char> = password.chars().flat_map(char::to_lowercase).collect();
    if repeats(&characters) {
        return Some("it repeats a short piece");
    }
    if is_walk(&plain) || is_walk(&folded) {
        return Some("it follows the keyboard, the alphabet or the numbers");
    }
    let words: Vec<String> = context.iter().flat_map(|text| words(text)).collect();
    let without_context = without(&folded, words.iter().map(String::as_str));
    let without_bases = without(&folded, BASES.iter().copied());
    if folded.len() > without_context.len() && is_padding(&without(&without_context, BASES.iter().copied())) {
        return Some("it is made of your email or name");
    }
    if folded.len() > without_bases.len() && is_padding(&without_bases) {
        return Some("it is a common password made longer");
    }
    None
}

/// What is left of a password once its guessable words are gone: few letters, or only digits (a year, a count).
fn is_padding(rest: &str) -> bool {
    rest.chars().count() < 6 || rest.chars().map(releet).all(|c| c.is_ascii_digit()) || is_walk(rest)
}

/// Whether a piece of at most a third of the whole is said again and again.
fn repeats(characters: &[char]) -> bool {
    (1..=characters.len() / 3)
        .any(|unit| characters.iter().enumerate().all(|(at, c)| *c == characters[at % unit]))
        || (characters.len() >= 16 && characters.len().is_multiple_of(2) && {
            let (first, second) = characters.split_at(characters.len() / 2);
            first == second
        })
}

/// Whether it is made of long runs along the rows of a keyboard, up or down.
fn is_walk(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let run = ROWS.iter().map(|row| run_length(rest, row)).max().unwrap_or(0);
        if run < 4.min(rest.len()) {
            return false;
        }
        rest = &rest[run..];
    }
    true
}

/// How many bytes at the beginning of `text` follow the row, forwards or backwards, from anywhere in it.
fn run_length(text: &str, row: &str) -> usize {
    let backwards: String = row.chars().rev().collect();
    let longest = |row: &str| {
        let starts = row.char_indices().map(|(at, _)| &row[at..]);
        starts
            .map(|tail| tail.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count())
            .max()
            .unwrap_or(0)
    };
    longest(row).max(longest(&backwards))
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric());
    parts.filter(|word| word.chars().count() >= 3).map(|word| word.chars().map(unleet).collect()).collect()
}

fn without<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> String {
    let mut words: Vec<_> = words.collect();
    // The longest first, so that "administrator" does not leave "istrator".
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.into_iter().fold(text.to_owned(), |text, word| text.replace(word, ""))
}

fn unleet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    }
}

fn releet(c: char) -> char {
    match c {
        'o' => '0',
        'i' => '1',
        'e' => '3',
        'a' => '4',
        's' => '5',
        't' => '7',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: &[&str] = &["alice.liddell@example.com", "Alice Liddell"];

    #[test]
    fn what_a_guesser_does_to_reach_the_length_is_refused_with_its_reason() {
        for (password, why) in [
            ("correcthorsebatterystaple", "first"),
            ("Correct Horse Battery Staple!", "first"),
            ("aaaaaaaaaaaaaaaaa", "repeats"),
            ("abcabcabcabcabcabc", "repeats"),
            ("hunter22!hunter22!", "repeats"),
            ("zxcvbnmasdfghjkl", "keyboard"),
            ("1234567890123456", "keyboard"),
            ("abcdefghijklmnopq", "keyboard"),
            ("0987654321qwertyuiop", "keyboard"),
            ("Passw0rd-2019-2020", "common"),
            ("P4ssw0rd!!!!!!2026", "common"),
            ("welcomewelcome2026", "common"),
            ("alice.liddell.1999", "email"),
            ("AliceLiddell2026!!", "email"),
        ] {
            let reason = reason(password, CONTEXT).unwrap_or_else(|| panic!("{password} was accepted"));
            assert!(reason.contains(why), "{password}: {reason}");
        }
    }

    #[test]
    fn honest_passwords_are_not_caught_in_it() {
        for good in [
            "fifteen charact",
            "the kettle sings at dawn",
            "8402 7731 5590 6624",
            "alice saw a rabbit run by",
            "tr0ub4dor&3 and friends",
        ] {
            assert_eq!(reason(good, CONTEXT), None, "{good}");
        }
    }
}
