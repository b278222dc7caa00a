//! How a contender is started.

use std::process::Command;

use tempfile::TempDir;

use crate::database::{Database, Databases};
use crate::recipe::Recipe;
use crate::result::Kind;

/// Nothing of the outside comes in but what is needed to find programs.
pub(super) fn command(
    recipe: &Recipe,
    own: &TempDir,
    database: Option<&Database>,
    databases: &Databases,
) -> Command {
    let (program, arguments) = recipe.command.split_first().expect("nobody is started by nothing");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(recipe.folder.as_deref().unwrap_or(own.path())).env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(recipe.environment.iter().map(|(name, value)| (name, value)));
    let redis = databases.redis.as_ref().filter(|_| recipe.needs.redis);
    let (sql, redis_url, prefix) = match recipe.kind {
        Kind::Floor | Kind::Classic | Kind::Cloakroom => {
            ("CLOAKROOM__STORE__URL", "CLOAKROOM__STORE__SESSIONS", true)
        }
        Kind::Peer => ("DATABASE_URL", "REDIS_URL", false),
    };
    if let Some(database) = database {
        command.env(sql, &database.url);
    }
    if let Some(redis) = redis {
        command.env(redis_url, if prefix { redis.url_for(&recipe.id) } else { redis.url.clone() });
    }
    if recipe.kind == Kind::Peer {
        let secret: String = (0..64).map(|_| fastrand::digit(16)).collect();
        command.env("PORT", "0").env("SECRET", secret).env("NODE_ENV", "production");
    }
    command
}
