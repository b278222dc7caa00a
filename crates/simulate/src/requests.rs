//! Requests as futures of the real verbs.

use std::rc::Rc;
use std::sync::Arc;

use cloakroom_auth::refresh::Attempt;
use cloakroom_auth::session::EndReason;
use cloakroom_auth::user::Status;
use cloakroom_verify::{OpaqueKind, Roles, SessionId, Strategy, Transport, UserId};

use crate::asked::{Answer, Asked, Want};
use crate::bench::Server;
use crate::client::attempt_text;
use crate::gate::Request;

pub(crate) fn make(
    server: &Server,
    asked: &Asked,
    user: UserId,
    session: SessionId,
    access: Option<Rc<str>>,
) -> Request<Answer> {
    let auth = Arc::clone(&server.auth);
    let (token, now, want) = (Rc::clone(&asked.token.text), asked.now, asked.want);
    let attempt = asked
        .attempt
        .map(|attempt| Attempt::parse(&attempt_text(attempt)).expect("24 visible characters are an attempt"));
    match want {
        Want::Refresh => {
            Box::pin(async move { Answer::Refresh(auth.refresh(&token, attempt.as_ref(), now).await) })
        }
        Want::Exchange(to) => Box::pin(async move {
            let to = match to {
                OpaqueKind::Session => Strategy::Session,
                OpaqueKind::Refresh => Strategy::Hybrid,
            };
            Answer::Exchange(auth.exchange(&token, to, Transport::Body, attempt.as_ref(), now).await)
        }),
        Want::Logout => {
            Box::pin(async move { Answer::Done(auth.logout(&[&token], now).await.map(|()| true)) })
        }
        Want::LogoutByAccess => Box::pin(async move {
            let shown = access.unwrap_or(token);
            Answer::Done(auth.logout(&[&shown], now).await.map(|()| true))
        }),
        Want::EndOne => {
            Box::pin(async move { Answer::Done(auth.end(user, session, EndReason::EndedByUser, now).await) })
        }
        Want::EndAll(keep) => Box::pin(async move {
            let ended = auth.end_all(user, keep.then_some(session), EndReason::EndedByUser, now).await;
            Answer::Done(ended.map(|ended| ended.is_some()))
        }),
        Want::Disable => Box::pin(async move {
            Answer::Done(auth.set_status(user, Status::Disabled, now).await.map(|user| user.is_some()))
        }),
        Want::Roles => Box::pin(async move {
            // Another word each time: the same roles again would tell nothing.
            let roles = Roles::from_iter([format!("role-{}", now.as_millis())]);
            Answer::Done(auth.set_roles(user, roles, now).await.map(|user| user.is_some()))
        }),
        Want::Follow => {
            let follower = Arc::clone(&server.follower);
            Box::pin(async move { Answer::Done(follower.sync().await.map(|()| true).map_err(Into::into)) })
        }
    }
}
