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
    id: &'static str,
    name: &'static str,
    how: &'static str,
    kind: Kind,
    /// Microseconds of the server and of the database for a request under load.
    server: f64,
    database: Option<f64>,
    queries: Option<f64>,
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
        notes: vec!["The load generator shares the two cores with what it measures.".to_owned()],
    }
}

fn likes() -> Vec<Like> {
    let like = |id, name, how, kind, server, database: Option<f64>, bytes, megabytes, ends| Like {
        id,
        name,
        how,
        kind,
        server,
        database,
        queries: database.map(|_| 1.0),
        bytes,
        megabytes,
        ends,
    };
    use Kind::{Classic, Cloakroom, Floor, Peer};
    let quarter = 900_000.0;
    let bound = Some(2000.0);
    vec![
        like(
            "floor",
            "Bare HTTP",
            "Answers with the same bytes and looks at nothing.",
            Floor,
            4.6,
            None,
            (120, 210),
            6.0,
            Ends::Nothing,
        ),
        like(
            "classic-session-postgres",
            "Session, read per request",
            "Reads the session from PostgreSQL for each request.",
            Classic,
            36.0,
            Some(38.0),
            (158, 340),
            14.0,
            Ends::Within { typical: 0.6, bound: None },
        ),
        like(
            "classic-jwt",
            "JWT, verified each time",
            "Verifies the signature and the expiry, and asks nobody.",
            Classic,
            8.1,
            None,
            (420, 340),
            12.0,
            Ends::Expiry(24.0 * 3_600_000.0),
        ),
        like(
            "classic-hybrid",
            "Hybrid",
            "Verifies a token of 15 minutes; only a refresh reads the database.",
            Classic,
            8.2,
            None,
            (420, 340),
            12.5,
            Ends::Expiry(quarter),
        ),
        like(
            "cloakroom-session-sqlite",
            "Session with passports, SQLite",
            "Knows sessions it has seen, and the revocations.",
            Cloakroom,
            5.6,
            Some(0.0),
            (158, 340),
            28.0,
            Ends::Within { typical: 0.4, bound },
        ),
        like(
            "cloakroom-session-postgres",
            "Session with passports, PostgreSQL",
            "Knows sessions it has seen, and the revocations.",
            Cloakroom,
            5.7,
            Some(0.1),
            (158, 340),
            29.0,
            Ends::Within { typical: 2.4, bound },
        ),
        like(
            "cloakroom-always-postgres",
            "Session, always fresh, PostgreSQL",
            "Asks PostgreSQL for each check; those that wait share a query.",
            Cloakroom,
            9.4,
            Some(7.1),
            (158, 340),
            29.0,
            Ends::Within { typical: 0.5, bound: None },
        ),
        like(
            "cloakroom-token",
            "Access token with the feed",
            "Verifies the token and looks among the revocations.",
            Cloakroom,
            5.8,
            None,
            (430, 340),
            27.0,
            Ends::Within { typical: 2.8, bound },
        ),
        like(
            "peer-express-session",
            "Express 4 + drizzle + pg",
            "Joins session and user for each request.",
            Peer,
            250.0,
            Some(115.0),
            (150, 310),
            121.0,
            Ends::Within { typical: 3.0, bound: None },
        ),
        like(
            "peer-express-jwt",
            "Express 4 + jsonwebtoken",
            "Verifies with a secret that is a string.",
            Peer,
            549.0,
            None,
            (400, 300),
            111.0,
            Ends::Expiry(quarter),
        ),
        like(
            "peer-axum-jwt",
            "axum + jsonwebtoken",
            "Verifies HS256.",
            Peer,
            8.0,
            None,
            (400, 240),
            12.0,
            Ends::Expiry(quarter),
        ),
    ]
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
        id: like.id.to_owned(),
        name: like.name.to_owned(),
        how: like.how.to_owned(),
        kind: like.kind,
        closed,
        open,
        bytes: Some(Bytes { sent: like.bytes.0, received: like.bytes.1 }),
        memory: Some((like.megabytes * 1e6) as u64),
        logout: logout(&like.ends, scatter),
        outage: like.queries.map(|_| outage(like)),
        logins: if like.kind == Kind::Floor {
            Vec::new()
        } else {
            (0..3).map(|_| 127.0 * scatter.about(0.04)).collect()
        },
        refreshes: if like.id.contains("token") || like.id.contains("hybrid") {
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
        queries: like
            .queries
            .map(|queries| if like.kind == Kind::Cloakroom { queries * 0.02 } else { queries }),
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
            bites_after: (0..10).map(|_| typical * scatter.about(0.6)).collect(),
            bound,
            expiry: None,
            stale_accepts: if typical > 1.0 { 14 } else { 0 },
        }),
        Ends::Expiry(after) => {
            Some(Logout { bites_after: Vec::new(), bound: None, expiry: Some(after), stale_accepts: 48_211 })
        }
    }
}

fn outage(like: &Like) -> Outage {
    let during = match like.kind {
        Kind::Cloakroom if like.id.contains("always") => vec![(503, 4820), (0, 12)],
        Kind::Cloakroom => vec![(200, 4870), (503, 130)],
        Kind::Floor | Kind::Classic => vec![(200, 8), (500, 3100), (0, 64)],
        Kind::Peer => vec![(401, 2200), (500, 400)],
    };
    Outage { seconds: 5.0, during, recovery: Some(if like.kind == Kind::Peer { 940.0 } else { 85.0 }) }
}
