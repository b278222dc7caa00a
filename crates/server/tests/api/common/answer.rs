use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are ASCII"))
    }

    pub fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all("set-cookie").iter();
        cookies.map(|cookie| cookie.to_str().expect("cookies are ASCII")).collect()
    }

    pub fn text_at(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.body)).to_owned()
    }

    /// Fails unless this is the problem that the contract names, whole.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("https://cloakroom.dev/problems/{code}"));
        assert_eq!(self.body["request_id"].as_str(), self.header("x-request-id"));
        assert_eq!(
            self.header("www-authenticate").is_some(),
            status == 401 || self.challenges(),
            "{}",
            self.text
        );
        assert_eq!(self.header("retry-after").is_some(), status == 429 || status == 503);
        assert_eq!(self.cookies(), Vec::<&str>::new(), "a problem never touches a cookie");
    }

    /// 422, naming the field.
    #[track_caller]
    pub fn assert_field(&self, field: &str, code: &str) {
        self.assert_problem(422, "validation_failed");
        let error = &self.body["errors"][0];
        assert_eq!(
            (error["field"].as_str(), error["code"].as_str()),
            (Some(field), Some(code)),
            "{}",
            self.text
        );
    }

    fn challenges(&self) -> bool {
        self.header("www-authenticate").is_some_and(|challenge| challenge.contains("invalid_request"))
    }

    /// The body with what differs from run to run replaced.
    pub fn shape(&self) -> Value {
        let mut body = self.body.clone();
        scrub(&mut body);
        body
    }
}

fn scrub(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(scrub),
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::String(text) => {
            let replacement = match text.as_str() {
                token if token.starts_with("cks_") => Some("cks_.."),
                token if token.starts_with("ckr_") => Some("ckr_.."),
                token if token.starts_with("eyJ") => Some("eyJ.."),
                id if id.len() == 36 && id.matches('-').count() == 4 => Some("<id>"),
                _ => None,
            };
            if let Some(replacement) = replacement {
                *text = replacement.to_owned();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
