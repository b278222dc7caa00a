//! Whether Redis can be reached and takes writes, as somebody saw who looked.

use std::sync::{Mutex, PoisonError};

use cloakroom_auth::store::Trouble;
use redis::RedisError;

use super::{WithRedis, link, scripts};

/// What he saw last. A store begins without trouble: a server does not open one that is not there.
#[derive(Default)]
pub(super) struct LastLook(Mutex<Option<Trouble>>);

impl LastLook {
    pub(super) fn get(&self) -> Option<Trouble> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what it was before.
    fn replace(&self, trouble: Option<Trouble>) -> Option<Trouble> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), trouble)
    }
}

impl WithRedis {
    /// Of a cluster one node is asked.
    pub(super) async fn look_now(&self) -> Option<Trouble> {
        let look = &scripts::LOOK;
        let look = look.key(link::nobodys(&self.0.prefix));
        let mut looked = self.0.link.try_run::<()>(&look).await;
        if looked.as_ref().is_err_and(|error| trouble(error) == Trouble::NoAnswer) {
            // All servers look at the same Redis: one that stands still for a second must not make all of them not ready.
            looked = self.0.link.try_run::<()>(&look).await;
        }
        let trouble = looked.as_ref().err().map(trouble);
        if self.0.last_look.replace(trouble) != trouble {
            match (trouble, looked) {
                (Some(trouble), Err(error)) => {
                    tracing::error!(%error, "{trouble}: this server is not ready before it does");
                }
                (None | Some(_), Ok(()) | Err(_)) => tracing::info!("the store of sessions works again"),
            }
        }
        trouble
    }
}

/// Whatever else it says, nobody can count on its answers.
fn trouble(error: &RedisError) -> Trouble {
    match error.code() {
        Some("OOM" | "MISCONF" | "NOREPLICAS" | "READONLY") => Trouble::NoWrites,
        Some(_) | None => Trouble::NoAnswer,
    }
}
