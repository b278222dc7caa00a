//! `cloakroom showdown-part`: what a showdown compares Cloakroom with, as servers of their own.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use clap::Subcommand;
use cloakroom_auth::passport::StoreAuthority;
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::verifier::{Freshness, Verifier};
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::classic::ClassicToken;
use crate::app::{App, OwnVerifier};
use crate::cli::{Done, Failure, output, run};
use crate::config::{Config, Inputs};
use crate::serve::Answer;
use crate::{key_files, routes};

/// The variable that holds what the floor answers.
const BODY: &str = "SHOWDOWN_BODY";

/// See the module.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Part {
    /// Answers the same bytes and looks at nothing
    Floor,
    /// Reads the session from the store for each request
    ClassicSession,
    /// Verifies the signature for each request and believes it until it expires
    ClassicToken,
}

/// Is that server.
pub async fn part(inputs: &Inputs, part: Part) -> Done {
    match part {
        Part::Floor => floor().await,
        Part::ClassicSession => {
            classic(inputs, |app| {
                let verifier = reading_each_time(&app);
                routes::door_asking(app, verifier)
            })
            .await
        }
        Part::ClassicToken => {
            classic(inputs, |app| {
                let verifier = ClassicToken::new(app.clone());
                routes::door_asking(app, verifier)
            })
            .await
        }
    }
}

/// A server for development that differs in who it believes.
async fn classic<D: Answer>(inputs: &Inputs, door: impl FnOnce(App) -> D) -> Done {
    let (config, layers) = Config::load(inputs)?;
    let now = SystemClock.wall();
    key_files::generate(&config, inputs.mode, now)?;
    cloakroom_store::migrate(config.store.url.expose_secret(), false, now).await?;
    run::run_behind(door, layers, inputs.mode, run::tell_addresses).await
}

/// One read of its own for each check: nothing is remembered, and those who wait together do not share a query.
fn reading_each_time(app: &App) -> OwnVerifier {
    let (auth, follower) = (&app.auth, Arc::clone(&app.follower));
    let authority = StoreAuthority::new(Arc::clone(auth), follower, app.clock.clone()).apart();
    Verifier::new(
        Arc::clone(&auth.keys),
        auth.rules.clone(),
        Arc::clone(&auth.revocations),
        Arc::clone(&app.lease),
        authority,
        app.clock.clone(),
    )
    .with_freshness(Freshness::Always)
}

async fn floor() -> Done {
    let body = Bytes::from(std::env::var(BODY).map_err(|_| Failure::usage(format!("{BODY} is not set")))?);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::failed)?;
    let address = listener.local_addr().map_err(Failure::failed)?;
    output::line(&format!("listening   http://{address}"))?;
    loop {
        let (stream, _) = listener.accept().await.map_err(Failure::failed)?;
        let _ = stream.set_nodelay(true);
        let body = body.clone();
        let answer = service_fn(move |_| {
            let mut response = Response::new(Full::new(body.clone()));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
