//! A running server of an older version, while its database is migrated and after that: its statements, as it prepared
//! them, in the words that it had. PostgreSQL was first used with the third version of the tables.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use cloakroom_auth::store::Found;
use cloakroom_verify::SessionId;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::database::Database;
use super::*;

type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.strategy, s.transport, s.remember, s.secret, s.generation, s.floor, s.spent, s.keyed, \
         s.strikes, s.jkt, s.rv, s.written_epoch, s.device, s.ip, s.user_agent, s.auth_time, s.created_at, \
         s.last_used_at, s.idle_timeout, s.expires_at, s.revoked_rv, s.revoked_at, s.revoked_reason"
    };
}
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.email_key, u.name, u.password_hash, u.roles, u.status, u.min_rv, u.logins_ended_at, \
         u.logins_ended_reason, u.created_at"
    };
}
/// Of which life of the database it is, is compared with a text; here with the one that nobody has written yet.
macro_rules! head_columns {
    () => {
        "h.head, h.floor, h.lineage = ''"
    };
}

const ADD: &str = "INSERT INTO users (id, email, email_key, name, password_hash, roles, status, min_rv, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT (email_key) DO NOTHING";
const LOCK_USER: &str = "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE";
const USER: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", ",
    head_columns!(),
    " FROM users u, feed_head h WHERE u.email_key = $1"
);
const INSERT: &str = "INSERT INTO sessions (id, strategy, transport, generation, floor, spent, keyed, strikes, rv, \
     written_epoch, auth_time, last_used_at, idle_timeout, expires_at, user_id, remember, secret, jkt, device, ip, \
     user_agent, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
     $18, $19, $20, $21, $22)";
const UPDATE: &str = "UPDATE sessions SET strategy = $2, transport = $3, generation = $4, floor = $5, spent = $6, \
     keyed = $7, strikes = $8, rv = $9, written_epoch = $10, auth_time = $11, last_used_at = $12, idle_timeout = $13, \
     expires_at = $14 WHERE id = $1";
const FOUND_MANY: &str = concat!(
    "SELECT f.*, h.* FROM (SELECT ",
    head_columns!(),
    " FROM feed_head h OFFSET 0) AS h, unnest($1::bytea[]) AS n (id), LATERAL (SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    " FROM sessions s, users u WHERE u.id = s.user_id AND s.id = n.id OFFSET 0) AS f"
);
const LOCK_SESSION: &str = "SELECT 1 FROM sessions WHERE id = $1 FOR NO KEY UPDATE";
const ROTATE: &str = concat!(
    "WITH h AS MATERIALIZED (SELECT head, floor, lineage FROM feed_head) \
     UPDATE sessions s SET generation = s.generation + 1, spent = substring($4::bytea || s.spent FOR 164), \
     keyed = s.keyed OR $5, last_used_at = greatest(s.last_used_at, $3), written_epoch = h.head >> 32 \
     FROM h, users u WHERE s.id = $1 AND u.id = s.user_id AND u.status = 'active' AND s.strategy = 'hybrid' \
     AND s.generation = $2 AND s.generation < 4294967295 AND s.revoked_rv IS NULL AND s.expires_at > $3 \
     AND s.last_used_at + s.idle_timeout > $3 AND s.rv >= greatest(u.min_rv, h.floor) \
     AND (s.jkt IS NULL OR s.jkt = $6) AND h.lineage = '' RETURNING ",
    session_columns!(),
    ", ",
    user_columns!(),
    ", ",
    head_columns!()
);
const TOUCH: &str = "WITH n AS (SELECT id, max(at) AS at FROM unnest($1::bytea[], $2::bigint[]) AS t (id, at) \
     GROUP BY id), l AS MATERIALIZED (SELECT s.id FROM sessions s, n WHERE s.id = n.id \
     AND s.revoked_rv IS NULL AND s.last_used_at < n.at ORDER BY s.id FOR NO KEY UPDATE OF s) \
     UPDATE sessions s SET last_used_at = greatest(s.last_used_at, n.at) FROM n, l \
     WHERE l.id = s.id AND n.id = s.id";
const TELL: &str = "WITH h AS (UPDATE feed_head SET head = head + $1, \
     floor = CASE WHEN $2::bigint = 0 THEN floor ELSE head + $2 END, lineage = '' RETURNING head, floor, retention), \
     e AS (INSERT INTO feed_events AS f (rv, kind, key, keep_until) \
     SELECT h.head - $1 + n.number, n.kind, n.key, greatest(n.at_least, n.now + h.retention) \
     FROM h, unnest($3::text[], $4::bytea[], $5::bigint[], $6::bigint[]) WITH ORDINALITY \
     AS n (kind, key, at_least, now, number) \
     ON CONFLICT (kind, key) DO UPDATE SET rv = excluded.rv, \
     keep_until = greatest(f.keep_until, excluded.keep_until) RETURNING rv, keep_until) \
     SELECT e.rv, e.keep_until, h.head, h.floor FROM e, h ORDER BY e.rv";
const END: &str = "UPDATE sessions s SET revoked_rv = n.rv, revoked_at = n.at, revoked_reason = n.reason \
     FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[]) AS n (id, rv, at, reason) WHERE s.id = n.id";
const SWEEP: &str = "UPDATE users u SET min_rv = n.rv, logins_ended_at = n.at, logins_ended_reason = n.reason \
     FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[]) AS n (id, rv, at, reason) WHERE u.id = n.id";
const KEEP: &str = "UPDATE sessions s SET rv = n.rv \
     FROM unnest($1::bytea[], $2::bigint[]) AS n (id, rv) WHERE s.id = n.id";
const READ: &str = concat!(
    "SELECT ",
    head_columns!(),
    ", e.rv, e.kind, e.key, e.keep_until FROM feed_head h LEFT JOIN feed_events e \
     ON e.rv > CASE WHEN $1::bigint >> 32 = h.head >> 32 THEN $1 ELSE 0 END ORDER BY e.rv"
);
const PURGE_SESSIONS: &str = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 \
     ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
const PURGE_EVENTS: &str = "DELETE FROM feed_events WHERE rv IN (SELECT rv FROM feed_events \
     WHERE keep_until < $1 ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED)";
const ADD_KEY: &str = "INSERT INTO service_keys (id, name, scopes, hash, created_at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING";
const RETAIN: &str = "UPDATE feed_head SET retention = $1, retention_until = $2";
const ALL: [&str; 18] = [
    ADD,
    LOCK_USER,
    USER,
    INSERT,
    UPDATE,
    FOUND_MANY,
    LOCK_SESSION,
    ROTATE,
    TOUCH,
    TELL,
    END,
    SWEEP,
    KEEP,
    READ,
    PURGE_SESSIONS,
    PURGE_EVENTS,
    ADD_KEY,
    RETAIN,
];

/// The only connection of an old server.
struct Old {
    client: Client,
    prepared: Vec<(&'static str, Statement)>,
}

impl Old {
    async fn of(client: Client) -> Self {
        let mut prepared = Vec::new();
        for sql in ALL {
            prepared.push((sql, client.prepare(sql).await.unwrap()));
        }
        Self { client, prepared }
    }

    /// Runs a statement as it was prepared before.
    async fn query(&self, sql: &'static str, values: Values<'_>) -> Vec<Row> {
        let (_, statement) = self.prepared.iter().find(|(known, _)| *known == sql).unwrap();
        self.client.query(statement, values).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    async fn change(&self, sql: &'static str, values: Values<'_>) {
        let (_, statement) = self.prepared.iter().find(|(known, _)| *known == sql).unwrap();
        let changed = self.client.execute(statement, values).await;
        assert_eq!(changed.unwrap_or_else(|error| panic!("{sql}: {error:?}")), 1, "{sql}");
    }

    async fn tell(&self, kind: &str, key: &[u8]) -> i64 {
        let (kinds, keys, at) = (vec![kind], vec![key], vec![now().as_millis()]);
        let told = self.query(TELL, &[&1_i64, &0_i64, &kinds, &keys, &vec![0_i64], &at]).await;
        assert_eq!(told.len(), 1, "{kind}");
        told[0].get(0)
    }

    /// A user signs up and logs in three times; one login is refreshed, used and kept by a logout everywhere, one ends
    /// by that, one by a logout.
    async fn life(&self, n: u8) {
        let (user, at, later) = ([n; 16], now().as_millis(), now().after(30 * DAY).as_millis());
        let (user, email) = (&user[..], format!("user{n}@example.com"));
        self.change(ADD, &[&user, &email, &email, &Some("Name"), &"$1", &"[]", &"active", &at]).await;
        assert_eq!(self.query(USER, &[&email]).await[0].get::<_, &[u8]>(0), user);
        let id = |login: u8| [[login; 8], [n; 8]].concat();
        let (nothing, floor) = (Vec::<u8>::new(), 0_i64);
        for login in 0..3 {
            self.client.batch_execute("BEGIN").await.unwrap();
            self.query(LOCK_USER, &[&user]).await;
            let values: Values<'_> = &[
                &id(login),
                &"hybrid",
                &"body",
                &floor,
                &floor,
                &nothing,
                &false,
                &floor,
                &self.head().await,
                &floor,
                &at,
                &at,
                &604_800_000_i64,
                &later,
                &user,
                &false,
                &id(login),
                &None::<&str>,
                &"Firefox on Linux",
                &None::<&str>,
                &None::<&str>,
                &at,
            ];
            self.change(INSERT, values).await;
            self.client.batch_execute("COMMIT").await.unwrap();
        }
        assert_eq!(self.query(FOUND_MANY, &[&vec![id(0), id(1), id(2)]]).await.len(), 3);
        let spent = [vec![0; 33], at.to_be_bytes().to_vec()].concat();
        let rotated = self.query(ROTATE, &[&id(0), &0_i64, &at, &spent, &false, &None::<&str>]).await;
        assert_eq!(rotated.iter().map(|row| row.get(6)).collect::<Vec<i64>>(), [1], "the next generation");
        self.change(TOUCH, &[&vec![id(0)], &vec![at + 1000]]).await;

        self.client.batch_execute("BEGIN").await.unwrap();
        self.query(LOCK_SESSION, &[&id(2)]).await;
        let rv = self.tell("session_revoked", &id(2)).await;
        self.change(END, &[&vec![id(2)], &vec![rv], &vec![at], &vec!["logout"]]).await;
        self.client.batch_execute("COMMIT; BEGIN").await.unwrap();
        self.query(LOCK_USER, &[&user]).await;
        let values: Values<'_> = &[
            &id(0),
            &"hybrid",
            &"body",
            &1_i64,
            &1_i64,
            &spent,
            &false,
            &0_i64,
            &rv,
            &0_i64,
            &at,
            &(at + 1000),
            &604_800_000_i64,
            &later,
        ];
        self.change(UPDATE, values).await;
        let rv = self.tell("user_before", user).await;
        self.change(SWEEP, &[&vec![user], &vec![rv], &vec![at], &vec!["password_changed"]]).await;
        self.change(KEEP, &[&vec![id(0)], &vec![rv]]).await;
        self.client.batch_execute("COMMIT").await.unwrap();

        self.change(ADD_KEY, &[&user, &email, &"introspect", &[n; 32].as_slice(), &at]).await;
        self.change(RETAIN, &[&3_600_000_i64, &at]).await;
        for purge in [PURGE_SESSIONS, PURGE_EVENTS] {
            self.query(purge, &[&0_i64, &10_i64]).await;
        }
    }

    async fn head(&self) -> i64 {
        self.query(READ, &[&i64::MAX]).await[0].get(0)
    }
}

/// What that came to, as the newest version sees it.
async fn lived(store: &Shared, n: u8) {
    let found = async |login: u8| -> Found {
        let id = [[login; 8], [n; 8]].concat().try_into().unwrap();
        store.find(SessionId::from_bytes(id)).await.unwrap().unwrap()
    };
    let judged = async |login| {
        let found = found(login).await;
        found.session.judge(&found.user, found.as_of, now())
    };
    assert_eq!(judged(0).await, Ok(()), "{n}");
    assert_eq!((judged(1).await, judged(2).await), (Err(Dead::Outdated), Err(Dead::Revoked)), "{n}");
    let kept = found(0).await;
    assert_eq!(
        (kept.session.generation, kept.session.last_used_at),
        (1, now().after(Duration::from_secs(1)))
    );
    let ended = LoginsEnded { at: now(), reason: EndReason::PasswordChanged };
    assert_eq!((kept.session.rv, kept.user.logins_ended), (kept.user.min_rv, Some(ended)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_of_an_older_version_goes_on_through_each_migration_and_after_it() {
    let all = migrations("postgres");
    for version in 3..all.len() {
        let Some(database) = Database::new().await else { return };
        make_older(&database.connect().await, &all[..version]).await;
        let old = Old::of(database.connect().await).await;
        let (lives, migrated) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicBool::new(false)));
        let working = {
            let (lives, migrated) = (Arc::clone(&lives), Arc::clone(&migrated));
            tokio::spawn(async move {
                let mut after = 0;
                while after < 2 {
                    // Those that began before count for before.
                    after += u8::from(migrated.load(Ordering::Relaxed));
                    old.life(lives.load(Ordering::Relaxed)).await;
                    lives.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        while lives.load(Ordering::Relaxed) < 2 && !working.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(database.migrate().await.len(), all.len() - version);
        migrated.store(true, Ordering::Relaxed);
        working.await.unwrap();
        let store = database.try_open().await.unwrap();
        let lives = lives.load(Ordering::Relaxed);
        for n in 0..lives {
            lived(&store, n).await;
        }
        let told: Vec<_> =
            store.read_since(None).await.unwrap().events.iter().map(|event| event.rv).collect();
        let dense: Vec<_> = (1..=u32::from(lives) * 2).map(|seq| Rv::new(0, seq)).collect();
        assert_eq!(told, dense, "and told of all of it");
        database.drop().await;
    }
}
