//! Passing a request on as its sender wrote it: with his key and not with ours.

use ::http::{HeaderMap, HeaderName, Method, Request, Response, header};
use bytes::Bytes;
use http_body_util::Full;

use super::{HttpLink, body, unreachable};
use crate::remote::link::Failed;

/// The answer of a server, whatever its status.
pub type Passed = Response<Vec<u8>>;

/// What travels of a request: who sends it, what it holds, what its sender knows already, and its name.
const ASKED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ACCEPT,
    header::IF_NONE_MATCH,
    HeaderName::from_static("x-request-id"),
];
/// What travels of an answer.
const ANSWERED: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CACHE_CONTROL,
    header::ETAG,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
];
const LIMIT: usize = 256 * 1024;

impl HttpLink {
    /// Passes a request on. The key of this link is not shown: the server judges the key of whoever asked.
    pub async fn pass_on(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Passed, Failed> {
        let uri = format!("{}{path}", self.origin.as_str());
        let mut request =
            Request::builder().method(method).uri(uri).body(Full::new(body)).map_err(unreachable)?;
        copy(&ASKED, headers, request.headers_mut());
        let (head, body) = self.client.request(request).await.map_err(unreachable)?.into_parts();
        let mut passed = Response::new(body::read(body, LIMIT).await?);
        *passed.status_mut() = head.status;
        copy(&ANSWERED, &head.headers, passed.headers_mut());
        Ok(passed)
    }
}

fn copy(names: &[HeaderName], from: &HeaderMap, to: &mut HeaderMap) {
    for name in names {
        // Two lines of one name stay two: what is malformed must not become well formed on its way.
        from.get_all(name).iter().for_each(|value| {
            to.append(name, value.clone());
        });
    }
}
