//! An application behind real proxies that ask `GET /v1/verify`, by the files that the documentation shows.

mod upstream;

use std::io::Read;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::common::{nginx, *};
use super::load::until;
use super::proxy::{self, Proxy};
use upstream::{Arrived, Upstream};

const NGINX: &str = include_str!("../../../../../examples/forward-auth/nginx.conf");
const CADDY: &str = include_str!("../../../../../examples/forward-auth/Caddyfile");
const IDENTITY: [&str; 6] =
    ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Auth-Session", "X-Auth-Strategy"];

#[derive(Clone, Copy)]
enum Front {
    Nginx,
    Caddy,
}

struct World {
    front: Proxy,
    server: Server,
    upstream: Upstream,
    place: Place,
    _config: Place,
}

impl World {
    /// `None`, said loudly, where the proxy is missing.
    fn behind(front: Front) -> Option<Self> {
        let program = match front {
            Front::Nginx => proxy::program("nginx", "forward-auth by nginx", "apt-get install nginx-light")?,
            Front::Caddy => proxy::program("caddy", "forward-auth by Caddy", "apt-get install caddy")?,
        };
        let (listen, upstream) = (proxy::free(), Upstream::start());
        let (place, config) = (Place::new(), Place::new());
        let public_url = format!("public_url=http://{listen}");
        let server = place.dev(&["--set", &public_url, "--set", "server.trusted_proxies=[\"127.0.0.1\"]"]);
        let addresses = [("8080", listen), ("8081", server.listen), ("3000", upstream.listen)];
        let command = match front {
            Front::Nginx => {
                config.write("nginx.conf", &proxy::at_addresses(NGINX, addresses));
                nginx::command(&program, config.path())
            }
            Front::Caddy => {
                let admin = proxy::at_addresses(CADDY, [("2019", proxy::free())]);
                config.write("Caddyfile", &proxy::at_addresses(&admin, addresses));
                proxy::caddy(&program, &config, "run")
            }
        };
        let front = Proxy::start(&command, listen);
        Some(Self { front, server, upstream, place, _config: config })
    }

    fn listen(&self) -> SocketAddr {
        self.front.listen
    }

    /// A request to the application, with these headers.
    fn ask(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        request(self.listen(), method, "/orders?of=mine", headers, body).unwrap()
    }

    /// What the application is sent when this is asked.
    #[track_caller]
    fn passes(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Arrived {
        let reply = self.ask(method, headers, body);
        assert_eq!(reply.status, 200, "{headers:?} {reply:?}");
        let [arrived] = <[_; 1]>::try_from(self.upstream.arrived()).expect("it arrived once");
        assert_eq!((arrived.method.as_str(), arrived.body.as_str()), (method, body));
        arrived
    }

    #[track_caller]
    fn is_refused(&self, status: u16, method: &str, headers: &[(&str, &str)], body: &str) {
        let reply = self.ask(method, headers, body);
        assert_eq!(reply.status, status, "{headers:?} {reply:?}");
        assert!(self.upstream.arrived().is_empty(), "{headers:?}: it arrived");
    }

    fn alice(&self) -> Alice {
        self.account("alice", None)
    }

    /// Signs up and logs in through the proxy.
    fn account(&self, name: &str, display: Option<&str>) -> Alice {
        let email = format!("{name}@example.com");
        let signup = json!({"email": email, "password": PASSWORD, "name": display});
        let signup = try_post(self.listen(), "/v1/signup", &signup).unwrap();
        assert_eq!(signup.status, 201, "{signup:?}");
        let login = |strategy: &str| {
            let login = json!({"email": email, "password": PASSWORD, "strategy": strategy});
            let login = try_post(self.listen(), "/v1/login", &login).unwrap();
            assert_eq!(login.status, 200, "{login:?}");
            login
        };
        let (session, jwt) = (login("session"), login("jwt"));
        let cookie = session.head.split_once("cloakroom=").expect("the cookie is set").1;
        Alice {
            cookie: format!("cloakroom={}", cookie.split(';').next().unwrap()),
            bearer: format!("Bearer {}", jwt.body["access_token"].as_str().unwrap()),
            user: session.body["user"].clone(),
            session: session.body["session"]["id"].as_str().unwrap().to_owned(),
        }
    }
}

/// Somebody with a session in a cookie and an access token.
struct Alice {
    cookie: String,
    bearer: String,
    user: Value,
    session: String,
}

impl Alice {
    fn cookie(&self) -> (&str, &str) {
        ("cookie", &self.cookie)
    }

    /// What the application must hear of the session, in the order of [`IDENTITY`].
    fn by_session(&self) -> [&str; 6] {
        let (id, email) = (self.user["id"].as_str().unwrap(), self.user["email"].as_str().unwrap());
        [id, email, "", "", &self.session, "session"]
    }
}

/// Each identity header once and as it must be, by any spelling; one that is empty may be missing.
#[track_caller]
fn assert_identity(arrived: &Arrived, expected: [&str; 6]) {
    for (name, value) in IDENTITY.into_iter().zip(expected) {
        let found = arrived.any_spelling_of(name);
        assert!(found == [value] || (value.is_empty() && found.is_empty()), "{name}: {found:?}");
    }
}

/// One test behind each proxy.
macro_rules! behind_each {
    (fn $name:ident($world:ident) $body:block) => {
        mod $name {
            use super::*;

            fn test($world: World) $body

            #[test]
            fn nginx() {
                if let Some(world) = World::behind(Front::Nginx) {
                    test(world);
                }
            }

            #[test]
            fn caddy() {
                if let Some(world) = World::behind(Front::Caddy) {
                    test(world);
                }
            }
        }
    };
}

/// Every way in which a client could write these headers itself, as lines of a request.
fn spoofs() -> Vec<Vec<(String, &'static str)>> {
    let spelled =
        |spell: fn(&str) -> String| IDENTITY.iter().map(|name| (spell(name), "admin")).collect::<Vec<_>>();
    let mut all = vec![
        spelled(str::to_owned),
        spelled(str::to_ascii_lowercase),
        spelled(str::to_ascii_uppercase),
        spelled(|name| name.replace('-', "_")),
        spelled(|name| name.to_ascii_uppercase().replace('-', "_")),
        // `X_Auth-Session` and the like.
        spelled(|name| name.replacen('-', "_", 1)),
    ];
    // Twice; beside its alias; and as one that the proxy must take away on its way to the application.
    all.push([spelled(str::to_owned), spelled(str::to_owned)].concat());
    all.push([spelled(str::to_owned), spelled(|name| name.replace('-', "_"))].concat());
    let remove =
        "close, Remote-User, Remote-Email, Remote-Name, Remote-Groups, X-Auth-Session, X-Auth-Strategy";
    all.push(vec![(String::from("Connection"), remove)]);
    all.push([spelled(str::to_owned), vec![(String::from("Connection"), remove)]].concat());
    all
}

behind_each! {
    fn who_shows_nothing_never_reaches_the_application(world) {
        world.is_refused(401, "GET", &[], "");
        world.is_refused(401, "POST", &[("content-type", "application/json")], "{}");
        world.is_refused(401, "GET", &[("cookie", "cloakroom=cks_garbage")], "");
        world.is_refused(401, "GET", &[("authorization", "Bearer garbage")], "");
        for lines in spoofs() {
            let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            world.is_refused(401, "GET", &lines, "");
        }
    }
}

behind_each! {
    fn the_application_hears_who_it_is_and_nothing_that_the_client_wrote(world) {
        let alice = world.alice();
        assert_identity(&world.passes("GET", &[alice.cookie()], ""), alice.by_session());
        assert_identity(&world.passes("HEAD", &[alice.cookie()], ""), alice.by_session());
        for lines in spoofs() {
            let spoof = lines.iter().map(|(name, value)| (name.as_str(), *value));
            let lines: Vec<_> = spoof.chain([alice.cookie()]).collect();
            assert_identity(&world.passes("GET", &lines, ""), alice.by_session());
        }
    }
}

behind_each! {
    fn the_application_sees_no_credential_and_the_other_cookies(world) {
        let alice = world.alice();
        for (cookies, left) in [
            (alice.cookie.clone(), ""),
            (format!("{}; b=2", alice.cookie), "b=2"),
            (format!("a=1; {}; b=2", alice.cookie), "a=1; b=2"),
            (format!("a=1; mycloakroom=3; cloakroom-refresh=ckr_x; {}", alice.cookie), "a=1; mycloakroom=3"),
            (format!("cloakroom-refresh=ckr_x; {}; b=2", alice.cookie), "b=2"),
            (format!("{}; cloakroom-refresh=ckr_x; b=2", alice.cookie), "b=2"),
        ] {
            let arrived = world.passes("GET", &[("cookie", &cookies)], "");
            let found = arrived.any_spelling_of("cookie").join("; ");
            assert_eq!(found.trim_matches([';', ' ']), left, "{cookies}");
        }
        let shown = [("authorization", alice.bearer.as_str())];
        let arrived = world.passes("GET", &shown, "");
        assert!(arrived.any_spelling_of("authorization").concat().is_empty(), "{arrived:?}");
        let token = alice.cookie.trim_start_matches("cloakroom=");
        let arrived = world.passes("GET", &[("session-id", token)], "");
        assert!(arrived.any_spelling_of("session-id").concat().is_empty(), "{arrived:?}");
        assert_identity(&arrived, alice.by_session());
    }
}

behind_each! {
    fn an_access_token_is_as_good(world) {
        let alice = world.alice();
        let arrived = world.passes("POST", &[("authorization", &alice.bearer)], "{\"n\":1}");
        let [id, email, ..] = alice.by_session();
        assert_identity(&arrived, [id, email, "", "", "", "jwt"]);
    }
}

behind_each! {
    fn a_name_arrives_percent_encoded(world) {
        let bob = world.account("bob", Some("Björn 100% \u{10a}\u{2028}Remote-Groups: admin"));
        let arrived = world.passes("GET", &[bob.cookie()], "");
        let mut expected = bob.by_session();
        expected[2] = "Bj%C3%B6rn 100%25 %C4%8A%E2%80%A8Remote-Groups: admin";
        assert_identity(&arrived, expected);
    }
}

behind_each! {
    fn by_cookie_no_other_site_changes_anything(world) {
        let (alice, own) = (world.alice(), format!("http://{}", world.listen()));
        let form = ("content-type", "application/x-www-form-urlencoded");
        for evil in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.test")] {
            for method in ["POST", "PUT", "DELETE"] {
                world.is_refused(403, method, &[alice.cookie(), evil, form], "amount=1000");
                // What the client says of its request is not what the proxy says.
                let says = ("x-forwarded-method", "GET");
                world.is_refused(403, method, &[alice.cookie(), evil, form, says, says], "amount=1000");
            }
            world.passes("GET", &[alice.cookie(), evil], "");
            world.passes("POST", &[("authorization", &alice.bearer), evil, form], "amount=1");
        }
        for same in [("sec-fetch-site", "same-origin"), ("origin", own.as_str())] {
            let arrived = world.passes("POST", &[alice.cookie(), same, form], "amount=1");
            assert_identity(&arrived, alice.by_session());
        }
    }
}

behind_each! {
    fn by_cookie_no_other_site_opens_a_websocket(world) {
        let (alice, own) = (world.alice(), format!("http://{}", world.listen()));
        let open = |origin: &'static str| {
            [
                ("upgrade", "websocket"),
                ("connection", "Upgrade"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
                ("origin", origin),
            ]
        };
        let evil: Vec<_> = open("https://evil.example.com").into_iter().chain([alice.cookie()]).collect();
        world.is_refused(403, "GET", &evil, "");
        let own: Vec<_> = evil.into_iter().filter(|(name, _)| *name != "origin").chain([("origin", own.as_str())]).collect();
        assert_identity(&world.passes("GET", &own, ""), alice.by_session());
    }
}

behind_each! {
    fn a_logout_bites_on_the_next_request(world) {
        let alice = world.alice();
        world.passes("GET", &[alice.cookie()], "");
        for shown in [alice.cookie(), ("authorization", alice.bearer.as_str())] {
            let out = request(world.listen(), "POST", "/v1/logout", &[shown], "").unwrap();
            assert_eq!(out.status, 204, "{out:?}");
            world.is_refused(401, "GET", &[shown], "");
        }
    }
}

behind_each! {
    fn nobody_passes_while_it_cannot_be_told_who_it_is(world) {
        let mut world = world;
        let alice = world.alice();
        let database = rusqlite::Connection::open(world.place.file("cloakroom-dev.db")).unwrap();
        database.execute_batch("ALTER TABLE feed_head RENAME TO gone").unwrap();
        let shown = [alice.cookie(), ("authorization", alice.bearer.as_str())];
        until("the lease runs out", || {
            let statuses = shown.map(|shown| world.ask("GET", &[shown], "").status);
            assert!(statuses.iter().all(|status| *status == 200 || *status >= 500), "{statuses:?}");
            statuses.iter().all(|status| *status >= 500)
        });
        world.upstream.arrived();
        for shown in shown {
            let reply = world.ask("GET", &[shown], "");
            assert!(reply.status >= 500, "{reply:?}");
        }
        world.server.kill();
        let reply = world.ask("GET", &[alice.cookie()], "");
        assert!(reply.status >= 500, "{reply:?}");
        assert!(world.upstream.arrived().is_empty());
    }
}

behind_each! {
    fn no_spelling_of_a_path_leads_around_the_question(world) {
        let alice = world.alice();
        for path in [
            "/", "//", "/v1", "/V1/me", "/v1/../orders", "/v1/%2e%2e/orders", "/v1/..%2forders", "/v1/..;/orders",
            "/v1/%2e%2e%2forders", "//v1/me", "/%76%31/../orders", "/.well-known/../orders", "/v1/./../orders",
            "/v1%2f..%2forders", "/v1\\..\\orders", "/orders/v1/me", "/orders?/v1/", "/orders%3f/v1/me", "/orders%00/v1/",
            "/-/verify", "/-/verify/", "/orders#/v1/", "http://evil.test/v1/../orders", "*",
        ] {
            // Some answer all the same: Cloakroom says 404, a proxy 400.
            let answer = raw(
                world.listen(),
                format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world.listen()).as_bytes(),
            );
            assert!(world.upstream.arrived().is_empty(), "{path}: it arrived; {answer:?}");
        }
        assert_identity(&world.passes("GET", &[alice.cookie()], ""), alice.by_session());
    }
}

#[test]
fn a_proxy_that_nobody_named_is_warned_of_once() {
    let place = Place::new();
    let mut server = place.dev(&[]);
    server.signup("alice");
    let bearer = format!("Bearer {}", server.login("alice", "session"));
    for more in [None, Some(("x-forwarded-method", "GET")), Some(("x-forwarded-method", "POST"))] {
        let headers: Vec<_> = [("authorization", bearer.as_str())].into_iter().chain(more).collect();
        assert_eq!(server.get("/v1/verify", &headers).status, 200);
    }
    // Not killed: it has to write what it knows.
    server.terminate();
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("server.trusted_proxies")).collect();
    assert!(
        matches!(warnings[..], [warning] if warning.contains("WARN") && warning.contains("127.0.0.1")),
        "{log}"
    );
}

#[test]
fn a_cookie_that_arrives_at_another_host_is_good_for_nothing_there() {
    let Some(world) = World::behind(Front::Nginx) else { return };
    let alice = world.alice();
    for host in ["other.example.com", "127.0.0.2"] {
        let ask = |(name, value): (&str, &str)| {
            let head =
                format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{name}: {value}\r\n\r\n");
            parse(&raw(world.listen(), head.as_bytes()).unwrap()).unwrap().status
        };
        assert_eq!(ask(alice.cookie()), 403, "{host}");
        assert!(world.upstream.arrived().is_empty(), "{host}");
        assert_eq!(ask(("authorization", &alice.bearer)), 200, "{host}");
        world.upstream.arrived();
    }
}
