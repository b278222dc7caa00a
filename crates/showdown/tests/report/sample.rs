//! A result as a run could write it: invented figures of a plausible size, the same for the same seed.

use cloakroom_showdown::result::{
    Bytes, Closed, Contender, Kind, Latency, Logout, Machine, Open, Outage, Settings, Showdown, VERSION,
};

/// Numbers that look scattered and are not: splitmix64.
struct Scatter(u64);

impl Scatter {
    /// From `1 - by` to `1 + by`.
    fn about(&mut self, by: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        1.0 + by * (((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    }
}

/// What a contender is like.
struct Like {
    id: String,
    name: String,
    how: &'static str,
    kind: Kind,
    /// Microseconds of the server and of the database for a request under load.
    server: f64,
    database: Option<f64>,
    bytes: (u64, u64),
    megabytes: f64,
    ends: Ends,
}

/// What ends a login, in milliseconds.
enum Ends {
    Nothing,
    Within { typical: f64, bound: Option<f64> },
    Expiry(f64),
}

/// A run in which everything was measured, in three rounds.
pub(crate) fn sample(seed: u64) -> Showdown {
    let mut scatter = Scatter(seed);
    Showdown {
        version: VERSION,
        began_at: "2026-11-20T14:03:07Z".to_owned(),
        partial: false,
        command: "cloakroom showdown --stores sqlite,postgres --connections 1,64 --duration 10s --peers showdown/peers"
            .to_owned(),
        seed,
        machine: Machine {
            processor: "Example 9000 at 2.60 GHz".to_owned(),
            cores: 2,
            memory: 24_000_000_000,
            system: "Linux 6.18, Debian 12".to_owned(),
            versions: [("cloakroom", "0.1.0"), ("postgres", "15.18"), ("node", "20.20.2")]
                .map(|(part, version)| (part.to_owned(), version.to_owned()))
                .to_vec(),
            load_before: 0.08,
        },
        settings: Settings {
            stores: vec!["sqlite".to_owned(), "postgres".to_owned()],
            connections: vec![1, 64],
            rates: vec![1000, 5000],
            seconds: 10.0,
            rounds: 3,
            logins: 1000,
        },
        contenders: likes().iter().map(|like| contender(like, &mut scatter)).collect(),
        hash_millis: Some(14.3),
        took: Some(1446.0),
        expected: Some(1500.0),
        notes: vec!["The load generator shares the two cores with what it measures.".to_owned()],
    }
}

fn likes() -> Vec<Like> {
    let like = |id: &str, name: &str, how, kind, server, database, bytes, megabytes, ends| Like {
        id: id.to_owned(),
        name: name.to_owned(),
        how,
        kind,
        server,
        database,
        bytes,
        megabytes,
        ends,
    };
    use Kind::{Classic, Cloakroom, Floor, Peer};
    let (token, opaque) = ((420, 340), (158, 340));
    let quarter = 900_000.0;
    let at_once = |typical| Ends::Within { typical, bound: Some(0.0) };
    let bounded = |typical| Ends::Within { typical, bound: Some(2000.0) };
    let how = "verifies the signature and the expiry, and asks nobody";
    let mut all = vec![
        like(
            "floor",
            "HTTP floor",
            "answers the same body and looks at nothing",
            Floor,
            4.6,
            None,
            (120, 340),
            6.0,
            Ends::Nothing,
        ),
        like(
            "classic-jwt-hs256",
            "Classic JWT, HS256",
            how,
            Classic,
            8.1,
            None,
            token,
            12.0,
            Ends::Expiry(quarter),
        ),
    ];
    let stores = [("sqlite", "SQLite", 5.0, None), ("postgres", "PostgreSQL", 36.0, Some(38.0))];
    for (id, place, server, database) in stores {
        let (id, name) = (|what: &str| format!("{what}-{id}"), |what: &str| format!("{what} ({place})"));
        let how = "the session and its user are read for each request";
        all.push(like(
            &id("classic-session"),
            &name("Classic session"),
            how,
            Classic,
            6.0 + server,
            database,
            opaque,
            14.0,
            at_once(0.6),
        ));
        let how = "the signature is verified for each request; a logout ends only the refresh token";
        all.push(like(
            &id("classic-hybrid-eddsa"),
            &name("Classic hybrid, EdDSA"),
            how,
            Classic,
            40.0,
            database.map(|_| 0.0),
            token,
            12.5,
            Ends::Expiry(quarter),
        ));
    }
    for (id, place, server, database) in stores {
        let (id, name) = (|what: &str| format!("{what}-{id}"), |what: &str| format!("{what} ({place})"));
        let idle = database.map(|_| 0.1);
        let how = "a session seen before is checked from memory, and a feed of revocations says when not to";
        all.push(like(
            &id("cloakroom-session"),
            &name("Cloakroom session"),
            how,
            Cloakroom,
            5.6,
            idle,
            opaque,
            28.0,
            bounded(1.2),
        ));
        let how = "each check is answered by the store; those that wait at one moment share a query";
        let fresh = name("Cloakroom session, always fresh");
        all.push(like(
            &id("cloakroom-session-always"),
            &fresh,
            how,
            Cloakroom,
            6.0 + server / 9.0,
            database.map(|cpu: f64| cpu / 5.0),
            opaque,
            29.0,
            at_once(0.5),
        ));
        let how = "an access token seen before is known by heart, and the feed revokes it before it expires";
        all.push(like(
            &id("cloakroom-jwt-hs256"),
            &name("Cloakroom JWT, HS256"),
            how,
            Cloakroom,
            5.8,
            idle,
            token,
            27.0,
            bounded(2.8),
        ));
        all.push(like(
            &id("cloakroom-hybrid-eddsa"),
            &name("Cloakroom hybrid, EdDSA"),
            how,
            Cloakroom,
            5.9,
            idle,
            token,
            27.0,
            bounded(2.9),
        ));
    }
    let without = Ends::Within { typical: 3.0, bound: None };
    all.extend([
        like(
            "express-drizzle-session",
            "Express 4 + drizzle + pg",
            "joins session and user for each request",
            Peer,
            250.0,
            Some(115.0),
            (150, 310),
            121.0,
            without,
        ),
        like(
            "express-jsonwebtoken",
            "Express 4 + jsonwebtoken",
            "verifies with a secret that is a string",
            Peer,
            549.0,
            None,
            (400, 300),
            111.0,
            Ends::Expiry(quarter),
        ),
        like(
            "axum-jsonwebtoken",
            "axum + jsonwebtoken",
            "verifies HS256",
            Peer,
            8.0,
            None,
            (400, 240),
            12.0,
            Ends::Expiry(quarter),
        ),
    ]);
    all
}

fn contender(like: &Like, scatter: &mut Scatter) -> Contender {
    let cost = like.server + like.database.unwrap_or(0.0);
    let mut closed = Vec::new();
    let mut open = Vec::new();
    for round in 1..=3 {
        for connections in [1, 64] {
            closed.push(closed_round(like, connections, round, scatter));
        }
        for rate in [1000, 5000] {
            let kept = f64::from(rate).min(1e6 / cost);
            let late = if kept < f64::from(rate) { 1e4 } else { 1.0 };
            open.push(Open {
                rate,
                round,
                per_second: kept,
                latency: latency((70.0 + cost) * late * scatter.about(0.05), scatter),
                server_cpu: (like.server + 12.0) * scatter.about(0.03),
                failed: 0,
            });
        }
    }
    Contender {
        id: like.id.clone(),
        name: like.name.clone(),
        how: like.how.to_owned(),
        kind: like.kind,
        closed,
        open,
        bytes: Some(Bytes { sent: like.bytes.0, received: like.bytes.1 }),
        memory: Some((like.megabytes * 1e6) as u64),
        logout: logout(&like.ends, scatter),
        outage: like.database.map(|_| outage(like)),
        logins: if like.kind == Kind::Floor {
            Vec::new()
        } else {
            (0..3).map(|_| 127.0 * scatter.about(0.04)).collect()
        },
        refreshes: if like.id.contains("cloakroom-hybrid") {
            (0..3).map(|_| 8286.0 * scatter.about(0.1)).collect()
        } else {
            Vec::new()
        },
    }
}

fn closed_round(like: &Like, connections: u32, round: u32, scatter: &mut Scatter) -> Closed {
    let cost = like.server + like.database.unwrap_or(0.0);
    let per_second = if connections == 1 { 1e6 / (70.0 + cost) } else { 0.95e6 / cost } * scatter.about(0.04);
    Closed {
        connections,
        round,
        per_second,
        latency: latency(f64::from(connections) * 1e6 / per_second, scatter),
        server_cpu: (like.server + if connections == 1 { 25.0 } else { 0.0 }) * scatter.about(0.03),
        database_cpu: like.database.map(|cpu| cpu * scatter.about(0.06)),
        database_connections: like.database.map(|_| if like.kind == Kind::Cloakroom { 1 } else { 10 }),
        queries: like.database.map(|_| if like.kind == Kind::Cloakroom { 0.02 } else { 1.0 }),
        failed: 0,
    }
}

/// Most answers are near `typical`; each nine more takes about twice as long.
fn latency(typical: f64, scatter: &mut Scatter) -> Latency {
    let tail = 0.75 * scatter.about(0.2);
    let at = |share: f64| typical * 0.9 * (1.0 + (-(1.0 - share).ln() * tail).powi(2) * 0.08 + share * 0.12);
    let curve =
        (0..60).map(|step| 1.0 - 10f64.powf(-f64::from(step) * 4.0 / 59.0)).map(|share| (share, at(share)));
    Latency {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: at(0.9999) * 1.6,
        curve: curve.collect(),
    }
}

fn logout(ends: &Ends, scatter: &mut Scatter) -> Option<Logout> {
    match *ends {
        Ends::Nothing => None,
        Ends::Within { typical, bound } => Some(Logout {
            tries: 5,
            wait: bound.map_or(2000.0, |bound| bound + 1000.0),
            bites_after: (0..5).map(|_| typical * scatter.about(0.6)).collect(),
            bound,
            expiry: None,
            stale_accepts: if typical > 1.0 { 14 } else { 0 },
        }),
        Ends::Expiry(after) => Some(Logout {
            tries: 1,
            wait: 2000.0,
            bites_after: Vec::new(),
            bound: None,
            expiry: Some(after),
            stale_accepts: 48_211,
        }),
    }
}

fn outage(like: &Like) -> Outage {
    let during = match like.kind {
        Kind::Cloakroom if like.id.contains("always") => vec![(503, 97), (0, 3)],
        Kind::Cloakroom => vec![(200, 40), (503, 60)],
        Kind::Floor | Kind::Classic => vec![(200, 1), (503, 94), (0, 5)],
        Kind::Peer => vec![(401, 80), (500, 20)],
    };
    Outage { seconds: 5.0, during, recovery: Some(if like.kind == Kind::Peer { 940.0 } else { 85.0 }) }
}
