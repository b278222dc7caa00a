//! How a contender is started and asked: the same for all of them, and the `peer.json` of those of other people.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Answer, Ask};
use crate::result::Kind;

/// A contender, before it is started.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) how: String,
    pub(crate) kind: Kind,
    pub(crate) command: Vec<String>,
    /// What to type where it cannot be started.
    pub(crate) hint: Option<String>,
    /// Where it is started; a folder of its own where none is said.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) needs: Needs,
    pub(crate) talk: Talk,
    /// Whether its logins are measured: one of several that log in alike is enough.
    pub(crate) logins: bool,
    /// Whether another one can use the same database, to be the one that a logout is not sent to.
    pub(crate) second: bool,
}

/// The parts of the outside that a contender uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Needs {
    pub postgres: bool,
    pub redis: bool,
    pub node: bool,
}

/// What is said to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Talk {
    pub(crate) signup: Option<Call>,
    /// The floor has none.
    pub(crate) login: Option<(Call, Place)>,
    pub(crate) header: Option<Shown>,
    pub(crate) me: Uri,
    pub(crate) logout: Option<Call>,
    pub(crate) logout_bound: Option<Duration>,
    pub(crate) expires: Option<Duration>,
    pub(crate) refresh: Option<(Call, Place)>,
}

/// A request with words in it that are replaced.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    #[serde(deserialize_with = "method")]
    method: Method,
    #[serde(deserialize_with = "path")]
    path: Uri,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Call {
    /// A `POST` of JSON.
    pub(crate) fn post(path: &'static str, body: Option<Value>) -> Self {
        Self { method: Method::POST, path: Uri::from_static(path), body, headers: BTreeMap::new() }
    }

    /// The request, with these words in it, and these headers too.
    pub(crate) fn ask(&self, words: &Words<'_>, more: HeaderMap) -> Result<Ask, String> {
        let mut headers = more;
        for (name, value) in &self.headers {
            let (name, value) = header(name, &words.put_into(value))?;
            headers.insert(name, value);
        }
        let body = match &self.body {
            None => String::new(),
            Some(body) => {
                headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
                let mut body = body.clone();
                words.put_into_strings(&mut body);
                body.to_string()
            }
        };
        Ok(Ask { method: self.method.clone(), path: self.path.clone(), headers, body: body.into() })
    }
}

/// What stands in braces.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words<'w> {
    pub(crate) email: &'w str,
    pub(crate) password: &'w str,
    pub(crate) name: &'w str,
    pub(crate) token: &'w str,
    pub(crate) refresh: &'w str,
}

impl Words<'_> {
    fn put_into(&self, text: &str) -> String {
        text.replace("{email}", self.email)
            .replace("{password}", self.password)
            .replace("{name}", self.name)
            .replace("{token}", self.token)
            .replace("{refresh}", self.refresh)
    }

    fn put_into_strings(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.put_into(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.put_into_strings(value)),
            Value::Object(members) => members.values_mut().for_each(|value| self.put_into_strings(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Where an answer holds a token: `json:a.b`, `set-cookie:NAME` or `header:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Json(Vec<String>),
    Cookie(String),
    Header(HeaderName),
}

impl Place {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: expected json:MEMBER, set-cookie:NAME or header:NAME");
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
        match kind {
            "json" => Ok(Self::Json(name.split('.').map(String::from).collect())),
            "set-cookie" => Ok(Self::Cookie(name.to_owned())),
            "header" => name.parse().map(Self::Header).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    pub(crate) fn find(&self, answer: &Answer) -> Option<String> {
        match self {
            Self::Json(path) => {
                let body: Value = serde_json::from_slice(&answer.body).ok()?;
                let found = path.iter().try_fold(&body, |value, member| value.get(member))?;
                found.as_str().map(String::from)
            }
            Self::Cookie(name) => answer.headers.get_all(SET_COOKIE).iter().find_map(|cookie| {
                let (set, value) = cookie.to_str().ok()?.split(';').next()?.split_once('=')?;
                (set == name && !value.is_empty()).then(|| value.to_owned())
            }),
            Self::Header(name) => answer.headers.get(name)?.to_str().ok().map(String::from),
        }
    }
}

/// The header that shows a token: `authorization: Bearer {token}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    name: String,
    value: String,
}

impl Shown {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: expected NAME: VALUE with {{token}} in the value");
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        header(&name, &value)?;
        if value.contains("{token}") { Ok(Self { name, value }) } else { Err(wrong()) }
    }

    pub(crate) fn headers(&self, token: &str) -> Result<HeaderMap, String> {
        Ok(HeaderMap::from_iter([header(&self.name, &self.value.replace("{token}", token))?]))
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    // The value may hold a token: it is not repeated.
    let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no name of a header"))?;
    let value =
        HeaderValue::from_str(value).map_err(|_| format!("the value of {name} cannot be a header"))?;
    Ok((name, value))
}

fn method<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is no method")))
}

/// Of this server: an address in it would be asked elsewhere.
pub(crate) fn path<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Uri, D::Error> {
    let text = String::deserialize(from)?;
    let path = text.parse::<Uri>().ok().filter(|uri| text.starts_with('/') && uri.authority().is_none());
    path.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no path: expected /SOMETHING")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_put_in_wherever_strings_are() {
        let call: Call = serde_json::from_value(json!({
            "method": "POST", "path": "/login", "body": {"who": ["{email}", 7], "{name}": "{password}{token}"},
            "headers": {"x-csrf": "{refresh}"},
        }))
        .unwrap();
        let words = Words { email: "a@b", password: "p\"q", name: "n", token: "t", refresh: "r" };
        let ask = call.ask(&words, HeaderMap::new()).unwrap();
        assert_eq!(ask.body, Bytes::from(r#"{"who":["a@b",7],"{name}":"p\"qt"}"#));
        assert_eq!(ask.headers["x-csrf"], "r");
        assert_eq!(ask.headers["content-type"], "application/json");
        assert!(call.ask(&Words { refresh: "a\nb", ..words }, HeaderMap::new()).is_err());
    }

    #[test]
    fn a_token_is_found_where_it_was_said_to_be() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("other=1; Path=/"));
        headers.append("set-cookie", HeaderValue::from_static("id=a.b=; HttpOnly"));
        headers.append("x-token", HeaderValue::from_static("h"));
        let body = Bytes::from(r#"{"data":{"token":"j","number":1}}"#);
        let answer = Answer { status: StatusCode::OK, headers, body };
        let find = |place: &str| Place::parse(place).unwrap().find(&answer);
        assert_eq!(find("json:data.token").as_deref(), Some("j"));
        assert_eq!(find("set-cookie:id").as_deref(), Some("a.b="));
        assert_eq!(find("header:x-token").as_deref(), Some("h"));
        assert_eq!(
            (find("json:data.number"), find("json:data.no"), find("set-cookie:no")),
            (None, None, None)
        );
        for garbage in ["", "json", "json:", "query:token", "header:a b"] {
            assert!(Place::parse(garbage).is_err(), "{garbage}");
        }
    }

    #[test]
    fn a_call_goes_to_a_path_of_the_server_itself() {
        for garbage in ["http://192.0.2.1/x", "//192.0.2.1/x y", "me", "", "*"] {
            let call = json!({"method": "GET", "path": garbage});
            assert!(serde_json::from_value::<Call>(call).is_err(), "{garbage}");
        }
        assert!(Shown::parse("authorization: Bearer").is_err() && Shown::parse("a b: {token}").is_err());
        let shown = Shown::parse("cookie: id={token}").unwrap().headers("t").unwrap();
        assert_eq!(shown["cookie"], "id=t");
    }
}
