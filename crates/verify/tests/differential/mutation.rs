//! How an honest token goes wrong: as attackers, careless issuers and lax libraries would have it.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::select;

use crate::token::{ALGORITHMS, Draft, Member, NOW, Part, Signer, Twist};

/// Honest tokens, and tokens with up to three things changed.
pub(crate) fn drafts() -> impl Strategy<Value = Draft> {
    // RSA signs slowly: fewer of those.
    let issuer = prop_oneof![3 => Just(0), 3 => Just(1), 1 => Just(2), 3 => Just(3)];
    let changes = prop::collection::vec(change(), 0..=3);
    (issuer, changes).prop_map(|(issuer, changes)| {
        let mut draft = Draft::honest(issuer);
        changes.into_iter().for_each(|change| change.apply(&mut draft));
        draft
    })
}

#[derive(Debug, Clone)]
enum Change {
    Header(Edit),
    Claims(Edit),
    Signer(Signer),
    Inside(Part, Twist),
    Outside(Part, Twist),
}

/// A change to the members of an object. Places count modulo their number.
#[derive(Debug, Clone)]
enum Edit {
    Remove(usize),
    Swap(usize, usize),
    Double(usize),
    /// The same name in another spelling.
    EscapeName(usize),
    /// The same string in another spelling; of another type: left alone.
    EscapeValue(usize),
    /// A second value under the same name, before or after the first.
    Second(usize, String, bool),
    /// Replaced where it is, added where it is not.
    Set(String, String),
}

impl Change {
    fn apply(self, draft: &mut Draft) {
        match self {
            Self::Header(edit) => edit.apply(&mut draft.header),
            Self::Claims(edit) => edit.apply(&mut draft.claims),
            Self::Signer(signer) => draft.signer = signer,
            Self::Inside(part, twist) => draft.inside = Some((part, twist)),
            Self::Outside(part, twist) => draft.outside = Some((part, twist)),
        }
    }
}

impl Edit {
    fn apply(self, members: &mut Vec<Member>) {
        let count = members.len().max(1);
        let held = |at: usize| members.get(at % count).cloned();
        match self {
            Self::Remove(at) if !members.is_empty() => drop(members.remove(at % count)),
            Self::Swap(one, other) if !members.is_empty() => members.swap(one % count, other % count),
            Self::Double(at) => members.extend(held(at)),
            Self::EscapeName(at) if !members.is_empty() => {
                members[at % count].0 = escaped(&members[at % count].0);
            }
            Self::EscapeValue(at) if !members.is_empty() => {
                members[at % count].1 = escaped(&members[at % count].1);
            }
            Self::Second(at, value, before) => {
                if let Some((name, _)) = held(at) {
                    members.insert(if before { 0 } else { members.len() }, (name, value));
                }
            }
            Self::Set(name, value) => match members.iter_mut().find(|(held, _)| *held == name) {
                Some(member) => member.1 = value,
                None => members.push((name, value)),
            },
            Self::Remove(_) | Self::Swap(..) | Self::EscapeName(_) | Self::EscapeValue(_) => {}
        }
    }
}

/// A JSON string with every character escaped.
fn escaped(json: &str) -> String {
    let Ok(text) = serde_json::from_str::<String>(json) else { return String::from(json) };
    let mut escaped = String::from("\"");
    for unit in text.encode_utf16() {
        write!(escaped, "\\u{unit:04x}").expect("a string takes anything");
    }
    escaped.push('"');
    escaped
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => header_edit().prop_map(Change::Header),
        10 => claims_edit().prop_map(Change::Claims),
        1 => select(vec![Signer::Neighbour, Signer::Stranger, Signer::Confused, Signer::Nobody])
            .prop_map(Change::Signer),
        2 => (part(), twist()).prop_map(|(part, twist)| Change::Inside(part, twist)),
        2 => (part(), twist()).prop_map(|(part, twist)| Change::Outside(part, twist)),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    select(vec![Part::Header, Part::Payload, Part::Signature])
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        6 => select(vec![
            Twist::Padding,
            Twist::TrailingBits,
            Twist::PlainAlphabet,
            Twist::SpaceBefore,
            Twist::NewlineAfter,
            Twist::Empty,
            Twist::Twice,
            Twist::Dropped,
            Twist::SwappedWithNext,
            Twist::GarbageAfterJson,
        ]),
        2 => Just(Twist::SpaceInJson),
        1 => (1_usize..20).prop_map(Twist::Cut),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(at, bit)| Twist::Flip(at, bit)),
        1 => any::<usize>().prop_map(Twist::NotUtf8),
    ]
}

/// What can be done to any object.
fn structure() -> impl Strategy<Value = Edit> {
    let at = || any::<usize>();
    prop_oneof![
        2 => at().prop_map(Edit::Remove),
        3 => (at(), at()).prop_map(|(one, other)| Edit::Swap(one, other)),
        1 => at().prop_map(Edit::Double),
        3 => at().prop_map(Edit::EscapeName),
        3 => at().prop_map(Edit::EscapeValue),
        1 => (at(), any_value(), any::<bool>()).prop_map(|(at, value, before)| Edit::Second(at, value, before)),
    ]
}

fn set(name: &'static str, values: impl Strategy<Value = String>) -> impl Strategy<Value = Edit> {
    values.prop_map(move |value| Edit::Set(format!("\"{name}\""), value))
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(values).prop_map(String::from)
}

fn header_edit() -> impl Strategy<Value = Edit> {
    let algorithms = ALGORITHMS.into_iter().chain(["none", "None", "eddsa", "Ed25519", "ES384", "HS512", ""]);
    let algorithms: Vec<String> = algorithms.map(|name| format!("\"{name}\"")).collect();
    prop_oneof![
        2 => structure(),
        2 => set("alg", select(algorithms)),
        3 => set("typ", one_of(&[
            r#""AT+JWT""#, r#""application/at+jwt""#, r#""Application/At+Jwt""#, r#""JWT""#, r#""at+jwt ""#,
            r#""at+jwt;x=1""#, r#""application/application/at+jwt""#, r#""""#, "null", r#"["at+jwt"]"#,
        ])),
        1 => set("kid", prop_oneof![
            one_of(&[r#""@@""#, r#""@ ""#, r#""""#, r#""../../dev/null""#, "null", "7", r#"["@"]"#]),
            any_value(),
        ]),
        1 => (one_of(&["crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "x5t", "cty", "enc", "exp", "x", ""]),
            prop_oneof![any_value(), one_of(&[r#"["b64"]"#, "false", r#""DEF""#, r#"{"kty":"oct","k":"AA"}"#])])
            .prop_map(|(name, value)| Edit::Set(format!("\"{name}\""), value)),
    ]
}

fn claims_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => structure(),
        2 => set("iss", one_of(&[
            r#""https://auth.example.com/""#, r#""HTTPS://auth.example.com""#, r#""https:\/\/auth.example.com""#,
            r#"["https://auth.example.com"]"#, r#""https://evil.test""#, "null", r#""""#,
        ])),
        3 => set("aud", one_of(&[
            r#""cloakroom""#, r#"["x","cloakroom"]"#, r#"["cloakroom","cloakroom"]"#, r#"["\u0063loakroom"]"#,
            r#"[["cloakroom"]]"#, "[]", r#"["cloakroom",1]"#, r#"["Cloakroom"]"#, r#"["cloakroom "]"#, "null",
            r#"{"cloakroom":1}"#, r#"["cloakroom",null]"#, r#"["x"]"#,
        ])),
        2 => set("exp", time()),
        3 => set("nbf", time()),
        1 => set("iat", time()),
        1 => set("auth_time", time()),
        1 => (select(&["sub", "jti", "sid"][..]), id())
            .prop_map(|(name, value)| Edit::Set(format!("\"{name}\""), value)),
        1 => set("rv", one_of(&[
            r#""000000070000000a""#, r#""7fffffffffffffff""#, r#""ffffffffffffffff""#, r#""00000007AAAAAAAA""#,
            r#""7""#, "7", r#""+000000700000000""#,
        ])),
        1 => set("roles", one_of(&[
            "[]", r#"["admin","admin"]"#, r#"[""]"#, r#"["\u0061dmin","é"]"#, r#""admin""#, "[1]", "null",
            r#"[["admin"]]"#, r#"{"0":"admin"}"#,
        ])),
        2 => (select(&["email", "name", "client_id"][..]), prop_oneof![any_text(), any_value()])
            .prop_map(|(name, value)| Edit::Set(format!("\"{name}\""), value)),
        3 => (prop_oneof![one_of(&["x", "azp", "scope", "amr", "", "Exp", "exp ", "__proto__"]), "[a-z]{1,3}"], any_value())
            .prop_map(|(name, value)| Edit::Set(format!("\"{name}\""), value)),
    ]
}

/// Times on either side of every edge, each far enough from it that it does not matter when the case is run.
fn time() -> impl Strategy<Value = String> {
    let now = *NOW;
    let around =
        [now + 900, now - 30, now + 30, now - 90, now + 90, now + 86_400, 0, 1, -1, -30, i64::MIN, i64::MAX];
    let spelt = [
        format!("{}.0", now + 900),
        format!("{}.5", now + 900),
        format!("\"{}\"", now + 900),
        format!("[{now}]"),
        format!("{}e0", now + 900),
        format!("0{now}"),
        format!("+{now}"),
    ];
    let odd = [
        "18446744073709551615",
        "18446744073709551616",
        "1.9e9",
        "19E8",
        "1e400",
        "-0",
        "-0.0",
        "null",
        "true",
        "{}",
        "\"\"",
        "0x7fffffff",
        "NaN",
        "9223372036854775808",
    ];
    prop_oneof![
        2 => select(around.to_vec()).prop_map(|time| time.to_string()),
        1 => select(spelt.into_iter().chain(odd.map(String::from)).collect::<Vec<_>>()),
    ]
}

fn id() -> impl Strategy<Value = String> {
    one_of(&[
        r#""0a0b0c0d-0e0f-0a0b-0c0d-0e0f0a0b0c0d""#,
        r#""0A0B0C0D-0e0f-0a0b-0c0d-0e0f0a0b0c0d""#,
        r#""0a0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d""#,
        r#""{0a0b0c0d-0e0f-0a0b-0c0d-0e0f0a0b0c0d}""#,
        r#""urn:uuid:0a0b0c0d-0e0f-0a0b-0c0d-0e0f0a0b0c0d""#,
        r#"" 0a0b0c0d-0e0f-0a0b-0c0d-0e0f0a0b0c0d""#,
        r#""\u0030a0b0c0d-0e0f-0a0b-0c0d-0e0f0a0b0c0d""#,
        r#""""#,
        "null",
        "7",
        r#"["x"]"#,
    ])
}

/// A string that needs escapes, or none.
fn any_text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| serde_json::to_string(&text).expect("a string"))
}

/// JSON of any kind, and a little that is none.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => one_of(&["null", "true", "0", "-1", "1.5", "1e3", r#""""#, r#""x""#, r#""\ud83d\ude00""#]),
        1 => one_of(&["1e999", r#""\ud800""#, "01", "nul", "", "'x'", r#""\x""#, "\"\t\"", "[1,]", r#"{"a":1,"a":2}"#]),
        2 => any_text(),
        1 => any::<i64>().prop_map(|number| number.to_string()),
    ];
    let nested = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            inner.prop_map(|value| format!(r#"{{"a":{value}}}"#)),
        ]
    });
    prop_oneof![
        20 => nested,
        1 => Just(format!("{}{}", "[".repeat(200), "]".repeat(200))),
    ]
}
