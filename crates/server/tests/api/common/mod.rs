//! A deployment of its own for each test, and clients that talk to it.

mod answer;
mod client;
mod database;
mod doors;
mod elsewhere;
mod front;
#[path = "../../common/nginx.rs"]
mod nginx;
#[path = "../../common/proxy.rs"]
mod proxy;
#[path = "../../common/skip.rs"]
mod skip;
mod world;

pub use answer::Answer;
pub use client::{Client, Way};
pub use database::Database;
pub use doors::Doors;
pub use world::World;

pub use serde_json::{Value, json};
pub use std::time::Duration;

/// An opaque token whose mac somebody guessed. (One of 256 tokens ends in "AA" by itself.)
pub fn with_another_mac(token: &str) -> String {
    let other = if token.ends_with("AA") { "BA" } else { "AA" };
    format!("{}{other}", &token[..token.len() - 2])
}

/// One test under each of several ways to log in: `alice` is logged in that way, `mallory` is not.
macro_rules! under {
    ([$($way:ident),+ $(,)?] async fn $name:ident($world:ident, $alice:ident) $body:block) => {
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "each test uses its part")]
            use super::*;

            async fn test($world: $crate::common::World, $alice: $crate::common::Client) $body

            $(
                #[tokio::test]
                #[allow(non_snake_case, clippy::allow_attributes, reason = "named after the way")]
                async fn $way() {
                    let world = $crate::common::World::new().await;
                    let alice = world.login("alice", $crate::common::Way::$way).await;
                    test(world, alice).await;
                }
            )+
        }
    };
}
pub(crate) use under;
