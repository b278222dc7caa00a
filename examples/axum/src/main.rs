//! A shop that knows who is calling, without asking anybody on each request.
#![expect(clippy::print_stdout, reason = "a command tells where it listens")]

mod live;

use std::env::var;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use cloakroom_verify::layer::AuthenticateLayer;
use cloakroom_verify::{Principal, remote};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = remote::Verifier::builder(var("SHOP_ISSUER")?, var("SHOP_AUDIENCE")?)
        .server(var("SHOP_AUTH_SERVER")?)
        .service_key(var("SHOP_SERVICE_KEY")?)
        .spawn()?;
    let app = shop(&verifier);

    let listener = tokio::net::TcpListener::bind(var("SHOP_LISTEN")?).await?;
    println!("listening http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(asked_to_end()).await?;
    verifier.tell_uses().await;
    Ok(())
}

fn shop(verifier: &remote::Verifier) -> Router {
    let (layer, ready) = (AuthenticateLayer::new(verifier.clone()), verifier.clone());
    // What may be shown to somebody who was logged out a minute ago goes on for a minute while no server can be reached.
    let tolerant = Router::new().route("/catalogue", get(catalogue)).layer(layer.clone().tolerant(MINUTE));
    Router::new()
        // 401 for nobody and for a login that was ended, 503 when nobody can tell.
        .route("/orders", get(async |caller: Principal| format!("the orders of {}", caller.user)))
        .route("/live", get(live::live))
        .layer(layer)
        .merge(tolerant)
        .route(
            "/readyz",
            get(async move || if ready.ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }),
        )
}

async fn catalogue(caller: Option<Principal>) -> String {
    match caller {
        Some(caller) => format!("umbrellas, hats, and what {} liked", caller.user),
        None => String::from("umbrellas and hats"),
    }
}

async fn asked_to_end() {
    let _ = tokio::signal::ctrl_c().await;
}
