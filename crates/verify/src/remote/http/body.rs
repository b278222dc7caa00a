//! Reading a body, up to its limit.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::unreachable;
use crate::remote::link::Failed;

/// All of it.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, Failed> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(Failed::TooLarge);
    }
    let mut whole = Vec::with_capacity(announced);
    while let Some(part) = next(&mut body).await? {
        if whole.len() + part.len() > limit {
            return Err(Failed::TooLarge);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}

/// The next part of it.
pub(super) async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Failed> {
    loop {
        let Some(frame) = body.frame().await else { return Ok(None) };
        // Trailers say nothing here.
        if let Ok(part) = frame.map_err(unreachable)?.into_data() {
            return Ok(Some(part));
        }
    }
}
