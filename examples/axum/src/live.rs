//! `GET /live`: an answer that lasts as long as the login does.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use cloakroom_verify::Principal;
use futures_util::{StreamExt, stream};

/// Tells the news until the login ends, then says why and ends.
pub(crate) async fn live(caller: Principal) -> impl IntoResponse {
    let hello = Bytes::from(format!("data: hello {}\n\n", caller.user));
    let news = stream::unfold(Some(caller), |caller| async {
        let caller = caller?;
        tokio::select! {
            ended = caller.revoked() => Some((Bytes::from(format!("data: goodbye, {ended:?}\n\n")), None)),
            () = tokio::time::sleep(Duration::from_secs(10)) => Some((Bytes::from_static(b":\n\n"), Some(caller))),
        }
    });
    let body = Body::from_stream(stream::once(async { hello }).chain(news).map(Ok::<_, Infallible>));
    ([("content-type", "text/event-stream")], body)
}
