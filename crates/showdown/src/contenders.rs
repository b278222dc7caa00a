//! Who takes part, in the order in which they are shown: the bare floor, the classic designs, Cloakroom, and peers.
//!
//! The classic designs are Cloakroom with another check: the same door, the same login, the same answer. What differs
//! is what the design differs in, and nothing else.

use std::time::Duration;

use http::Uri;
use serde_json::json;

use crate::peers::{self, Garbage};
use crate::plan::{Plan, Store};
use crate::recipe::{Call, Needs, Place, Recipe, Shown, Talk};
use crate::result::Kind;

/// The setting `feed.bound`, as it is by default.
const BOUND: Duration = Duration::from_secs(2);
/// Tokens name their issuer, and a second server must be the same one.
const PUBLIC_URL: &str = "http://127.0.0.1:8080";

/// All of them but the floor.
pub(crate) fn all(plan: &Plan) -> Result<Vec<Recipe>, Garbage> {
    let with_postgres = plan.stores.contains(&Store::Postgres);
    let shelves: Vec<_> = plan.stores.iter().map(|store| Shelf::of(*store, with_postgres)).collect();
    let mut all = vec![classic_jwt(plan)];
    for shelf in &shelves {
        all.extend([classic_session(plan, shelf), classic_hybrid(plan, shelf)]);
    }
    for shelf in &shelves {
        all.extend([
            session(plan, shelf),
            session_always(plan, shelf),
            jwt(plan, shelf),
            hybrid(plan, shelf),
        ]);
    }
    if let Some(folder) = &plan.peers {
        all.extend(peers::read(folder)?);
    }
    Ok(all)
}

/// The same bytes without any check.
pub(crate) fn floor(plan: &Plan, body: &str) -> Recipe {
    let how = "answers the same body and looks at nothing: bare hyper";
    let mut floor = Recipe {
        logins: false,
        second: false,
        ..ours(plan, Kind::Floor, "floor", "HTTP floor", how, &Shelf::NONE, &["showdown-part", "floor"])
    };
    floor.environment.push((String::from("SHOWDOWN_BODY"), body.to_owned()));
    floor.talk = Talk { header: bearer(), me: me(), ..Talk::default() };
    floor
}

fn classic_jwt(plan: &Plan) -> Recipe {
    let how = "the signature (HS256) is verified for each request by Cloakroom's own verifier without its memory; \
               valid until it expires, whatever happens";
    let part = ["showdown-part", "classic-token"];
    let recipe =
        ours(plan, Kind::Classic, "classic-jwt-hs256", "Classic JWT, HS256", how, &Shelf::NONE, &part);
    Recipe { logins: false, ..until_expiry(plan, hs256(issuing(recipe, "jwt"))) }
}

fn classic_session(plan: &Plan, shelf: &Shelf) -> Recipe {
    let how = format!(
        "the session and its user are read from {} for each request: one read of its own each, prepared, pooled",
        shelf.place
    );
    let (id, name) = shelf.names("classic-session", "Classic session");
    let part = ["showdown-part", "classic-session"];
    let mut recipe = issuing(ours(plan, Kind::Classic, &id, &name, &how, shelf, &part), "session");
    recipe.talk.logout_bound = Some(Duration::ZERO);
    Recipe { logins: false, ..recipe }
}

fn classic_hybrid(plan: &Plan, shelf: &Shelf) -> Recipe {
    let how = "the signature (EdDSA) is verified for each request, valid until it expires; a refresh token in the store \
               renews it, and a logout ends only that";
    let (id, name) = shelf.names("classic-hybrid-eddsa", "Classic hybrid, EdDSA");
    let part = ["showdown-part", "classic-token"];
    let mut recipe = issuing(ours(plan, Kind::Classic, &id, &name, how, shelf, &part), "hybrid");
    // It is Cloakroom's own refresh, which is measured there.
    recipe.talk.refresh = None;
    Recipe { logins: false, ..until_expiry(plan, recipe) }
}

fn session(plan: &Plan, shelf: &Shelf) -> Recipe {
    let how = "a session seen before is checked from memory, and a feed of revocations says when not to";
    let (id, name) = shelf.names("cloakroom-session", "Cloakroom session");
    issuing(ours(plan, Kind::Cloakroom, &id, &name, how, shelf, &["dev"]), "session")
}

fn session_always(plan: &Plan, shelf: &Shelf) -> Recipe {
    let how = format!(
        "freshness = \"always\": each check is answered by {}; those that wait at one moment share a query",
        shelf.place
    );
    let (id, name) = shelf.names("cloakroom-session-always", "Cloakroom session, always fresh");
    let mut recipe = issuing(ours(plan, Kind::Cloakroom, &id, &name, &how, shelf, &["dev"]), "session");
    recipe.environment.push(setting("session.freshness", "always"));
    recipe.talk.logout_bound = Some(Duration::ZERO);
    Recipe { logins: false, ..recipe }
}

fn jwt(plan: &Plan, shelf: &Shelf) -> Recipe {
    let how =
        "an access token (HS256) seen before is known by heart, and the feed revokes it before it expires";
    let (id, name) = shelf.names("cloakroom-jwt-hs256", "Cloakroom JWT, HS256");
    hs256(issuing(ours(plan, Kind::Cloakroom, &id, &name, how, shelf, &["dev"]), "jwt"))
}

fn hybrid(plan: &Plan, shelf: &Shelf) -> Recipe {
    let how =
        "an access token (EdDSA) seen before is known by heart, and the feed revokes it with its session";
    let (id, name) = shelf.names("cloakroom-hybrid-eddsa", "Cloakroom hybrid, EdDSA");
    issuing(ours(plan, Kind::Cloakroom, &id, &name, how, shelf, &["dev"]), "hybrid")
}

/// Where sessions and accounts are.
struct Shelf {
    suffix: &'static str,
    place: &'static str,
    needs: Needs,
}

impl Shelf {
    const NONE: Self =
        Self { suffix: "", place: "", needs: Needs { postgres: false, redis: false, node: false } };

    fn of(store: Store, with_postgres: bool) -> Self {
        let needs = |postgres, redis| Needs { postgres, redis, node: false };
        match (store, with_postgres) {
            (Store::Sqlite, _) => Self { suffix: "sqlite", place: "SQLite", needs: needs(false, false) },
            (Store::Postgres, _) => {
                Self { suffix: "postgres", place: "PostgreSQL", needs: needs(true, false) }
            }
            (Store::Redis, true) => {
                Self { suffix: "redis-postgres", place: "Redis and PostgreSQL", needs: needs(true, true) }
            }
            (Store::Redis, false) => {
                Self { suffix: "redis", place: "Redis and SQLite", needs: needs(false, true) }
            }
        }
    }

    fn names(&self, id: &str, name: &str) -> (String, String) {
        (format!("{id}-{}", self.suffix), format!("{name} ({})", self.place))
    }
}

fn ours(
    plan: &Plan,
    kind: Kind,
    id: &str,
    name: &str,
    how: &str,
    shelf: &Shelf,
    arguments: &[&str],
) -> Recipe {
    let program = plan.program.to_string_lossy().into_owned();
    let mut environment = vec![
        (String::from("CLOAKROOM_LOG"), String::from("error")),
        setting("public_url", PUBLIC_URL),
        setting("server.listen", "127.0.0.1:0"),
        setting("server.management", "127.0.0.1:0"),
        // All clients have one address, and log in more often than people do.
        setting("throttle.per_address", "100000000/1m"),
        setting("throttle.per_account", "100000000/1m"),
        setting("session.max_per_user", "1000000"),
        setting("token.lifetime", &format!("{}s", plan.token_lifetime().as_secs())),
    ];
    environment.extend(plan.settings.iter().map(|(key, value)| setting(key, value)));
    Recipe {
        id: id.to_owned(),
        name: name.to_owned(),
        how: how.to_owned(),
        kind,
        command: std::iter::once(program).chain(arguments.iter().copied().map(String::from)).collect(),
        hint: None,
        folder: None,
        environment,
        needs: shelf.needs,
        talk: Talk::default(),
        logins: true,
        // One process has the file of SQLite for itself.
        second: shelf.needs.postgres,
    }
}

/// With what is said to Cloakroom's door to get and to show a credential of this strategy.
fn issuing(recipe: Recipe, strategy: &str) -> Recipe {
    let member = if strategy == "session" { "session_token" } else { "access_token" };
    let login =
        json!({"email": "{email}", "password": "{password}", "strategy": strategy, "transport": "body"});
    let signup = json!({"email": "{email}", "password": "{password}", "name": "{name}"});
    let refresh = json!({"refresh_token": "{refresh}"});
    let in_json = |member: &str| Place::Json(vec![member.to_owned()]);
    let talk = Talk {
        signup: Some(Call::post("/v1/signup", Some(signup))),
        login: Some((Call::post("/v1/login", Some(login)), in_json(member))),
        header: bearer(),
        me: me(),
        logout: Some(Call::post("/v1/logout", None)),
        logout_bound: Some(BOUND),
        expires: None,
        refresh: (strategy == "hybrid")
            .then(|| (Call::post("/v1/refresh", Some(refresh)), in_json("refresh_token"))),
    };
    Recipe { talk, ..recipe }
}

fn until_expiry(plan: &Plan, mut recipe: Recipe) -> Recipe {
    recipe.talk.logout_bound = None;
    recipe.talk.expires = Some(plan.token_lifetime());
    recipe
}

fn hs256(mut recipe: Recipe) -> Recipe {
    recipe.environment.push(setting("token.algorithm", "HS256"));
    // It signs for nobody but this machine, for as long as a run takes.
    let secret = |_| fastrand::alphanumeric();
    recipe.environment.push(setting("token.secret", &(0..48).map(secret).collect::<String>()));
    recipe
}

fn bearer() -> Option<Shown> {
    Shown::parse("authorization: Bearer {token}").ok()
}

fn me() -> Uri {
    Uri::from_static("/v1/me")
}

/// As a variable.
fn setting(key: &str, value: &str) -> (String, String) {
    (format!("CLOAKROOM__{}", key.replace('.', "__").to_uppercase()), value.to_owned())
}
