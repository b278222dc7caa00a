//! What a line says: an account, or why it is none. A reason never quotes a value: any may be a hash in the wrong field.

use cloakroom_auth::email::Email;
use cloakroom_auth::password::{ForeignRefused, PhcString};
use cloakroom_auth::token;
use cloakroom_auth::user::{NewUser, Status, check_name, check_role};
use cloakroom_verify::{Timestamp, UserId};
use serde::Deserialize;

use crate::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    email: String,
    name: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    password_hash: Option<String>,
    hmac_sha256: Option<Hmac>,
    id: Option<String>,
    created_at: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hmac {
    salt: String,
    hash: String,
}

/// The account, and whether the line names its id; or the email as far as there is one, and the reason.
pub(super) fn read(text: &[u8], now: Timestamp) -> Result<(NewUser, bool), (Option<String>, String)> {
    let fields: Fields = json::read(text).map_err(|wrong| (None, wrong.to_string()))?;
    let email = Email::parse(&fields.email).map_err(|why| (None, format!("email: {why}")))?;
    let typed = email.typed.clone();
    account(fields, email, now).map_err(|reason| (Some(typed), reason))
}

fn account(fields: Fields, email: Email, now: Timestamp) -> Result<(NewUser, bool), String> {
    if let Some(name) = &fields.name {
        check_name(name).map_err(|why| format!("name: {why}"))?;
    }
    for role in &fields.roles {
        check_role(role).map_err(|why| format!("roles: {why}"))?;
    }
    let status = match fields.status.as_deref().map(Status::parse) {
        None => Status::Active,
        Some(Some(status)) => status,
        Some(None) => return Err(String::from("status: expected active or disabled")),
    };
    let created_at = match fields.created_at {
        None => now,
        Some(text) => time(&text, now)?,
    };
    let id = fields.id.map(|id| id.parse::<UserId>()).transpose();
    let id = id.map_err(|_| String::from("id: expected a UUID in lower case with hyphens"))?;
    let new = NewUser {
        id: id.unwrap_or_else(|| token::new_user_id(created_at)),
        email,
        name: fields.name,
        password_hash: hash(fields.password_hash.as_deref(), fields.hmac_sha256.as_ref())?,
        roles: fields.roles.into_iter().collect(),
        status,
        created_at,
    };
    Ok((new, id.is_some()))
}

fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let time: jiff::Timestamp =
        text.parse().map_err(|_| String::from("created_at: expected a time like 2024-05-17T09:30:00Z"))?;
    let time = Timestamp::from_millis(time.as_millisecond());
    if time > now || time < Timestamp::from_millis(0) {
        return Err(String::from("created_at: expected a time from 1970 to now"));
    }
    Ok(time)
}

fn hash(text: Option<&str>, hmac: Option<&Hmac>) -> Result<PhcString, String> {
    let told = |field: &str, why: ForeignRefused| format!("{field}: {why}");
    match (text, hmac) {
        (None, None) => Ok(PhcString::no_password()),
        (Some(text), None) => PhcString::import(text).map_err(|why| told("password_hash", why)),
        (None, Some(Hmac { salt, hash })) => {
            PhcString::import_hmac(salt, hash).map_err(|why| told("hmac_sha256", why))
        }
        (Some(_), Some(_)) => Err(String::from("password_hash and hmac_sha256: expected one of them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "92fa225d03773974cc7de16849afecfc0b55d1ed6b194b7169d3f0771351c532";

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }

    fn line(more: &str) -> String {
        format!(r#"{{"email":"Alice@Example.com"{more}}}"#)
    }

    #[test]
    fn a_line_says_everything_or_only_an_email() {
        let (bare, named) = read(line("").as_bytes(), now()).unwrap();
        assert_eq!((bare.email.typed.as_str(), bare.created_at, named), ("Alice@Example.com", now(), false));
        assert_eq!((bare.password_hash, bare.status), (PhcString::no_password(), Status::Active));
        let id = "0b9d2a6e-3f54-4f0e-9d2f-6a1c6f0b7d11";
        let full = line(&format!(
            r#","name":"Alice","roles":["a"],"hmac_sha256":{{"salt":"s","hash":"{HEX}"}},"id":"{id}","created_at":"2024-05-17T09:30:00+02:00","status":"disabled""#
        ));
        let (full, named) = read(full.as_bytes(), now()).unwrap();
        assert_eq!((full.id.to_string().as_str(), named, full.status), (id, true, Status::Disabled));
        assert_eq!(full.created_at, Timestamp::from_seconds(1_715_931_000));
        assert!(full.password_hash.as_str().starts_with("$hmac-sha256$"));
    }

    #[test]
    fn a_refusal_names_the_field_and_quotes_nothing() {
        for (more, field) in [
            (r#","hunter2":1"#, "hunter2: this field is not known"),
            (r#","passwordHash":"hunter2""#, "passwordHash: this field is not known"),
            (r#","password_hash":{"hunter2":1}"#, "password_hash: this field has the wrong type"),
            (r#","password_hash":"hunter2""#, "password_hash: not a hash of a known kind"),
            (r#","password_hash":"salt:hunter2""#, "password_hash: a text salt:hash does not say"),
            (r#","hmac_sha256":{"salt":"s","hash":"hunter2"}"#, "hmac_sha256: not a readable"),
            (r#","hmac_sha256":{"salt":"s"}"#, "hash: this field is missing"),
            (r#","password_hash":"!","hmac_sha256":{"salt":"s","hash":"hunter2"}"#, "expected one of them"),
            (r#","name":"hunter2\u001b""#, "name: "),
            (r#","roles":["Hunter2"]"#, "roles: "),
            (r#","id":"hunter2""#, "id: "),
            (r#","created_at":"hunter2""#, "created_at: "),
            (r#","created_at":"2100-01-01T00:00:00Z""#, "created_at: expected a time from 1970 to now"),
            (r#","status":"hunter2""#, "status: "),
            (r#","email":"hunter2""#, "email: this field is there twice"),
            (r#"}, "hunter2""#, "not JSON"),
        ] {
            let (_, reason) = read(line(more).as_bytes(), now()).expect_err(more);
            assert!(reason.contains(field), "{more}: {reason}");
            let quoted = reason.strip_prefix("hunter2: ").unwrap_or(&reason);
            assert!(!quoted.to_lowercase().contains("hunter2"), "{more}: {reason}");
        }
        for (text, why) in
            [("[]", "not a JSON object"), (r#"{"email":"x"}"#, "email: "), ("\u{1F98A}", "not JSON")]
        {
            let (email, reason) = read(text.as_bytes(), now()).expect_err(text);
            assert!(email.is_none() && reason.contains(why), "{reason}");
        }
    }
}
