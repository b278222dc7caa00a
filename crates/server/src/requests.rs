//! What is counted at a door, by route.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Counts of answers. Labels are taken from a list of routes, never from what a client sent.
#[derive(Debug)]
pub(crate) struct Requests {
    answered: Family<Answered, Counter>,
    seconds: Family<Timed, Histogram>,
    /// One for each path of ours, and one for all others.
    routes: Vec<Counted>,
}

/// Which route a request is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route(usize);

/// A route, and its usual counters, which are found without a look at their labels.
#[derive(Debug)]
struct Counted {
    path: &'static str,
    /// `GET` that was answered with 200.
    got: OnceLock<Counter>,
    seconds: OnceLock<Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    route: &'static str,
}

impl Requests {
    pub(crate) fn new(registry: &mut Registry, paths: &[&'static str]) -> Self {
        let answered = Family::default();
        registry.register("http_requests", "Requests answered", answered.clone());
        let seconds = Family::<Timed, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.000_05, 4.0, 10))
        });
        registry.register_with_unit("http_duration", "Time to answer", Unit::Seconds, seconds.clone());
        let counted = |path| Counted { path, got: OnceLock::new(), seconds: OnceLock::new() };
        let routes = paths.iter().copied().chain(["other"]).map(counted).collect();
        Self { answered, seconds, routes }
    }

    /// The route of a path: one of ours, or the one for all others.
    pub(crate) fn route(&self, path: &str) -> Route {
        let others = self.routes.len() - 1;
        Route(self.routes[..others].iter().position(|route| matches(route.path, path)).unwrap_or(others))
    }

    pub(crate) fn answered(&self, method: &Method, route: Route, status: StatusCode, took: Duration) {
        let Counted { path, got, seconds } = &self.routes[route.0];
        let labels = || Answered { method: name(method), route: path, status: status.as_u16() };
        if *method == Method::GET && status == StatusCode::OK {
            got.get_or_init(|| self.answered.get_or_create_owned(&labels())).inc();
        } else {
            self.answered.get_or_create(&labels()).inc();
        }
        let seconds = seconds.get_or_init(|| self.seconds.get_or_create_owned(&Timed { route: path }));
        seconds.observe(took.as_secs_f64());
    }
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

fn matches(route: &str, path: &str) -> bool {
    match route.split_once('{') {
        None => route == path,
        Some((before, rest)) => {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            let id = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            id.is_some_and(|id| !id.is_empty() && !id.contains('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    const PATHS: [&str; 3] = ["/v1/me", "/v1/sessions", "/v1/sessions/{id}"];

    #[test]
    fn a_client_cannot_make_labels() {
        let requests = Requests::new(&mut Registry::default(), &PATHS);
        let path_of = |path| requests.routes[requests.route(path).0].path;
        assert_eq!(path_of("/v1/sessions/0190"), "/v1/sessions/{id}");
        assert_eq!(path_of("/v1/sessions"), "/v1/sessions");
        for other in ["/v1/me/", "/v1/sessions/", "/v1/sessions/a/b", "/.env"] {
            assert_eq!(path_of(other), "other", "{other}");
        }
    }

    #[test]
    fn the_usual_answers_and_the_others_are_counted_alike() {
        let mut registry = Registry::default();
        let requests = Requests::new(&mut registry, &PATHS);
        let me = requests.route("/v1/me");
        for (method, status) in
            [(Method::GET, 200), (Method::GET, 200), (Method::GET, 401), (Method::HEAD, 200)]
        {
            requests.answered(&method, me, StatusCode::from_u16(status).unwrap(), Duration::from_millis(1));
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            r#"http_requests_total{method="GET",route="/v1/me",status="200"} 2"#,
            r#"http_requests_total{method="GET",route="/v1/me",status="401"} 1"#,
            r#"http_requests_total{method="HEAD",route="/v1/me",status="200"} 1"#,
            r#"http_duration_seconds_count{route="/v1/me"} 4"#,
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }
}
