//! `cloakroom dev`

use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::ExposeSecret;

use super::run::{self, Bound};
use super::{Done, output};
use crate::config::{Config, Inputs};
use crate::key_files;

/// Makes what is missing, then serves and prints lines that work.
pub async fn dev(inputs: &Inputs) -> Done {
    let (config, layers) = Config::load(inputs)?;
    let now = SystemClock.wall();
    key_files::generate(&config, inputs.mode, now)?;
    cloakroom_store::migrate(config.store.url.expose_secret(), false, now).await?;
    let signup_open = config.signup.open;
    run::run(layers, inputs.mode, |bound| {
        run::tell_addresses(bound)?;
        output::line(&block(bound, signup_open))
    })
    .await
}

/// Spelled out, because `--json` is too new for many a curl.
const JSON: &str = "-H content-type:application/json -d";

fn block(bound: &Bound, signup_open: bool) -> String {
    let url = &bound.public_url;
    let account = if signup_open {
        format!(
            "  # an account\n  curl {url}/v1/signup {JSON} \
             '{{\"email\":\"alice@example.com\",\"password\":\"a long walk on the beach\"}}'\n\n"
        )
    } else {
        String::from(
            "  # an account (signup is closed)\n  echo 'a long walk on the beach' | \
             cloakroom user create alice@example.com --password-stdin --dev\n\n",
        )
    };
    let login = |strategy: &str, more: &str| {
        format!(
            "curl {url}/v1/login {more}{JSON} '{{\"email\":\"alice@example.com\",\
             \"password\":\"a long walk on the beach\",\"strategy\":\"{strategy}\"}}'"
        )
    };
    format!(
        "\nFor development on this machine: plain http, keys and database in this folder.\n\n\
         {account}  # a session in a cookie, and who that is\n  {session}\n  curl {url}/v1/me -b jar\n\n\
         \x20 # an access token alone, or one with a refresh token\n  {jwt}\n  {hybrid}\n\n\
         \x20 # the logins, and the end of this one\n  curl {url}/v1/sessions -b jar\n  curl -X POST {url}/v1/logout -b jar -c jar -i\n\n\
         The API: {url}/openapi.json   Metrics: http://{management}/metrics   End: Ctrl-C\n",
        session = login("session", "-c jar "),
        jwt = login("jwt", ""),
        hybrid = login("hybrid", ""),
        management = bound.management,
    )
}
