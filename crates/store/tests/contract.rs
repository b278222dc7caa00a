//! What `cloakroom_auth::store` promises, on every store. A new store adds a line to `stores!`.
#![expect(clippy::unwrap_used, reason = "the suite is functions that several tests call")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what else comes fails the test")]

#[path = "contract/accounts.rs"]
mod accounts;
#[path = "contract/cleanup.rs"]
mod cleanup;
mod common;
#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "this suite uses a part of it")]
#[path = "common/postgres.rs"]
mod database;
#[path = "contract/endings.rs"]
mod endings;
#[path = "contract/exchange.rs"]
mod exchange;
#[path = "contract/feed.rs"]
mod feed;
#[path = "contract/logins.rs"]
mod logins;
#[path = "contract/privilege.rs"]
mod privilege;
#[path = "contract/refresh.rs"]
mod refresh;
#[path = "contract/reuse.rs"]
mod reuse;
#[path = "contract/service_keys.rs"]
mod service_keys;
#[cfg(feature = "redis")]
#[path = "common/redis.rs"]
mod sessions;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use accounts::*;
use cleanup::*;
use cloakroom_auth::check_row::CheckRow;
use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::refresh::{Ask, Attempt, AttemptHash, Refusal, SameReason};
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_auth::session::{Dead, EndReason, RowStrategy, Timeouts};
use cloakroom_auth::store::{Added, Ended, Exchanged, Found, Rotation, Started, Store};
use cloakroom_auth::user::{NewUser, Status};
use cloakroom_verify::{KeyId, OpaqueKind, Revocation, Roles, Rv, SessionId, TokenId, Transport, UserId};
use common::*;
use endings::*;
use exchange::*;
use feed::*;
use logins::*;
use privilege::*;
use refresh::*;
use reuse::*;
use service_keys::*;

type Shared = Arc<dyn Store>;

/// The suite is not about time, and machines are busy.
#[cfg(feature = "postgres")]
const PATIENT: &str = "statement_timeout=20000&pool_timeout=20000";

#[cfg(feature = "postgres")]
async fn opened(url: &str) -> Shared {
    cloakroom_store::open(url, cloakroom_store::Purpose::Serve, now()).await.unwrap()
}

/// First what every store promises; then what only those do whose sessions rest beside their users, where a lock of the
/// user is one of its sessions, too.
macro_rules! stores {
    ($($behaviour:ident,)* ; $($with_a_lock:ident,)*) => {
        stores!(sessions_beside_users: $($behaviour,)* $($with_a_lock,)*);
        stores!(sessions_in_redis: $($behaviour,)*);
    };
    (sessions_beside_users: $($behaviour:ident,)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(std::sync::Arc::new(cloakroom_auth::memory::Memory::new(7))).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let file = super::common::File::new();
                super::$behaviour(file.open().await).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let Some(database) = super::database::Database::new().await else { return };
                database.migrate().await;
                let url = database.url_with(super::PATIENT);
                super::$behaviour(super::opened(&url).await).await;
                database.drop().await;
            })*
        }
    };
    (sessions_in_redis: $($behaviour:ident,)*) => {
        #[cfg(feature = "redis")]
        mod sqlite_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let Some(sessions) = super::sessions::sessions() else { return };
                let file = super::common::File::new();
                file.migrate().await;
                super::$behaviour(super::sessions::open(&file.url(), &sessions).await).await;
            })*
        }
        #[cfg(all(feature = "redis", feature = "postgres"))]
        mod postgres_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let Some(sessions) = super::sessions::sessions() else { return };
                let Some(database) = super::database::Database::new().await else { return };
                database.migrate().await;
                super::$behaviour(super::sessions::open(&database.url_with(super::PATIENT), &sessions).await).await;
                database.drop().await;
            })*
        }
    };
}

stores! {
    of_64_signups_with_one_email_exactly_one_wins,
    an_account_is_found_by_email_and_by_id,
    an_account_is_added_in_the_status_it_asks_for,
    a_taken_id_is_an_error_and_changes_nothing,
    a_hash_is_raised_only_where_it_is_still_the_old_one,
    accounts_are_listed_in_pages,
    a_session_comes_back_as_it_was_written,
    several_sessions_are_found_at_once,
    a_check_reads_of_a_session_what_everybody_reads,
    a_login_older_than_a_revocation_is_dead_at_birth,
    a_login_past_the_cap_ends_the_least_recently_used,
    after_64_logins_at_once_the_next_one_finds_its_place_within_the_cap,
    a_use_moves_forward_only,
    a_use_never_wakes_a_session_that_was_idle_or_over,
    of_64_refreshes_with_one_token_exactly_one_rotates,
    a_refresh_with_its_attempt_is_answered_again,
    a_spent_token_ends_the_session,
    a_thief_who_hangs_up_is_caught_all_the_same,
    a_life_that_was_spent_stays_spent,
    a_refresh_is_judged_as_the_rule_says,
    a_row_remembers_its_last_four_refreshes,
    an_exchange_turns_the_row_over_and_tells_of_it,
    of_64_exchanges_of_one_token_exactly_one_gets_a_new_one,
    a_password_change_keeps_one_login_and_ends_the_others,
    a_password_change_without_a_row_ends_every_login,
    a_change_that_is_refused_changes_nothing,
    a_caller_without_a_row_changes_nothing_once_its_login_ended,
    of_64_password_changes_exactly_one_wins,
    a_login_with_the_old_password_is_dead_at_birth,
    a_step_up_renews_the_login_and_tells_of_it,
    privilege_changes_race_refresh_and_logout,
    a_session_ends_once_and_only_for_its_owner,
    of_64_who_end_one_session_exactly_one_tells_of_it,
    ending_the_others_keeps_one_and_kills_the_rest,
    refresh_and_logout_at_once_never_leave_a_live_session,
    of_64_refreshes_and_logouts_at_once_one_logout_is_the_end,
    disabling_kills_and_enabling_does_not_revive,
    new_roles_are_told_of_once,
    live_sessions_are_listed_newest_first,
    ended_sessions_are_listed_by_their_last_use,
    an_address_is_known_after_a_login_from_it,
    numbers_are_dense_under_64_writers,
    a_reader_never_sees_a_head_without_its_events,
    repeating_a_revocation_says_nothing_new,
    everything_before_raises_the_floor,
    a_position_of_another_epoch_gets_everything,
    events_are_kept_as_long_as_the_longest_token,
    what_can_kill_nothing_is_forgotten_in_bounded_batches,
    expired_rows_are_deleted_in_bounded_batches,
    of_64_who_would_clean_up_exactly_one_does,
    the_longest_bound_of_the_other_processes_is_known,
    the_feed_tells_of_exactly_what_it_is_asked,
    of_64_service_keys_with_one_name_exactly_one_is_added,
    a_revoked_service_key_is_told_of_and_gives_its_name_free,
    ;
    of_64_logins_at_once_as_many_live_as_the_cap_allows,
}

fn ask(session: SessionId, generation: u32, attempt: Option<&str>) -> Ask {
    let attempt = attempt.map(|text| Attempt::parse(&format!("{text:-<16}")).expect("an attempt"));
    Ask {
        session,
        kind: OpaqueKind::Refresh,
        generation,
        attempt: attempt.map(|attempt| AttemptHash::of(session, generation, &attempt)),
        proof: None,
        now: now(),
        grace: Duration::from_secs(10),
        lives: 3,
    }
}

async fn login(store: &Shared, n: u8, strategy: RowStrategy) -> SessionId {
    let user = add(store, n, "alice@example.com").await;
    let row = row(store, n, user, strategy).await;
    let id = row.id;
    start(store, row).await;
    id
}
