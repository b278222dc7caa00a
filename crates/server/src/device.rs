//! What to call the device of a login when its user does not say.
//!
//! A User-Agent is a guess and can be forged: the label is for its owner's eyes, nothing is decided by it.

use http::HeaderMap;
use http::header::USER_AGENT;

/// How much of a User-Agent is kept.
const AT_MOST: usize = 256;

/// The User-Agent, cut short, without control characters.
pub fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().filter(|character| !character.is_control()).take(AT_MOST).collect())
}

/// `Firefox on Linux`, `curl`, or `Unknown device`.
pub fn label(user_agent: Option<&str>) -> String {
    let Some(text) = user_agent.filter(|text| !text.is_empty()) else {
        return String::from("Unknown device");
    };
    match (first(text, BROWSERS), first(text, SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        // `curl/8.5.0`, `okhttp/4.12`: the product without its version.
        (None, None) => text.split(['/', ' ']).next().unwrap_or(text).chars().take(64).collect(),
    }
}

/// The order matters: every Edge says Chrome, every Chrome says Safari.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

fn first(text: &str, names: &[(&str, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_after_its_browser_and_system() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0";
        let safari =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1";
        assert_eq!(label(Some(firefox)), "Firefox on Linux");
        assert_eq!(label(Some(edge)), "Edge on Windows");
        assert_eq!(label(Some(safari)), "Safari on iPhone");
        assert_eq!(label(Some("curl/8.5.0")), "curl");
        assert_eq!(label(None), "Unknown device");
        assert_eq!(label(Some(&"x".repeat(200))).len(), 64);
    }

    #[test]
    fn control_characters_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, http::HeaderValue::from_bytes(b"a\tb").unwrap());
        assert_eq!(user_agent(&headers).as_deref(), Some("ab"));
    }
}
