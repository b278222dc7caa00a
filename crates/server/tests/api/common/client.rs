use axum::body::Body;
use cloakroom::client_address::Peer;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;

use super::{Answer, Doors};

/// How a client logs in and shows its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    SessionCookie,
    SessionHeader,
    SessionBearer,
    Jwt,
    Hybrid,
    HybridCookie,
}

impl Way {
    pub fn strategy(self) -> &'static str {
        match self {
            Self::SessionCookie | Self::SessionHeader | Self::SessionBearer => "session",
            Self::Jwt => "jwt",
            Self::Hybrid | Self::HybridCookie => "hybrid",
        }
    }

    pub fn transport(self) -> &'static str {
        match self {
            Self::SessionCookie | Self::HybridCookie => "cookie",
            Self::SessionHeader | Self::SessionBearer | Self::Jwt | Self::Hybrid => "body",
        }
    }
}

/// Somebody who talks to a deployment: sends the same headers each time, and keeps no cookies by itself.
#[derive(Clone)]
pub struct Client {
    pub doors: Doors,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The other end of its connection.
    pub peer: Option<Peer>,
    /// What the login answered.
    pub grant: Value,
    /// How it logged in.
    pub way: Option<Way>,
    /// The refresh token, wherever it travelled.
    pub refresh_token: Option<String>,
}

impl Client {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    /// The same client past nginx, which would answer such a request itself or change it.
    pub fn directly(self) -> Self {
        Self { doors: self.doors.directly(), ..self }
    }

    /// A text of the login's answer.
    pub fn text(&self, name: &str) -> String {
        self.grant[name].as_str().expect("a text of this name").to_owned()
    }

    pub fn bearer(self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "", Body::empty()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "", Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, "application/json", Body::from(body.to_string())).await
    }

    pub async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, "", Body::empty()).await
    }

    pub async fn send(&self, method: Method, path: &str, content_type: &str, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut request = request.body(body).expect("a request");
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let response = self.doors.answer(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        assert_eq!(parts.headers["x-content-type-options"], "nosniff");
        assert!(parts.headers.contains_key("x-request-id"));
        Answer { status: parts.status, headers: parts.headers, body, text }
    }
}
