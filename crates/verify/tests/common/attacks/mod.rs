//! The attacks on access tokens that the field has seen, each as the tokens to send. Both the tests of the verifier and
//! those of the HTTP interface send all of them: `every_attack!` is the list. docs/attacks.md is its table.
//!
//! Unless an attack is about the signature, it is signed by the deployment's own key.

mod claims;
mod forms;
mod signatures;

use aws_lc_rs::hmac;
use cloakroom_verify::jws;
use serde_json::Value;

use super::{Forge, encode};

/// One test for each attack, by the function that judges it, against deployments with each of these algorithms.
macro_rules! every_attack {
    ($refused:ident) => {
        every_attack! { $refused:
            hmac_keyed_by_the_public_key [EdDsa, Es256, Rs256];
            no_algorithm_and_unknown_ones [EdDsa, Es256];
            signatures_of_nothing [EdDsa, Es256];
            a_key_brought_along [EdDsa, Es256];
            an_unknown_critical_header [EdDsa];
            times_of_the_wrong_type [EdDsa];
            an_encrypted_token [EdDsa, Rs256];
            work_without_end [EdDsa];
            dots_without_end [EdDsa];
            every_beginning_of_a_token [EdDsa];
            another_issuer_or_audience [EdDsa];
            members_that_come_twice [EdDsa];
            a_second_spelling [EdDsa, Es256];
            a_token_for_another_purpose [EdDsa];
            a_kid_that_is_a_path_or_a_query [EdDsa];
        }
    };
    ($refused:ident: $($attack:ident [$($algorithm:ident),+];)+) => {
        $(
            #[tokio::test]
            async fn $attack() {
                $($refused(Algorithm::$algorithm, attacks::$attack).await;)+
            }
        )+
    };
}
pub(crate) use every_attack;

pub use claims::*;
pub use forms::*;
pub use signatures::*;

/// Makes the tokens of an attack on a deployment.
pub type Attack = fn(&Target) -> Vec<String>;

/// A deployment as its attackers know it, and its signing key, which they do not.
pub struct Target {
    pub forge: Forge,
    /// What a good token says.
    claims: String,
    /// A server of the attacker's, that nobody must ever call.
    lure: String,
}

impl Target {
    pub fn of(forge: Forge, good: &str, lure: impl ToString) -> Self {
        let (_, claims) = jws::look(good).expect("a good token");
        let claims = String::from_utf8(claims).expect("JSON is text");
        Self { forge, claims, lure: lure.to_string() }
    }

    /// What is forged below, with nothing wrong in it: it must be accepted, or the attacks prove nothing.
    pub fn good(&self) -> String {
        self.says(&self.claims)
    }

    /// Signed, with these claims.
    fn says(&self, claims: &str) -> String {
        self.forge.sign(&self.forge.header(), claims)
    }

    /// Signed, with this header.
    fn headed(&self, header: &str) -> String {
        self.forge.sign(header, &self.claims)
    }

    /// Signed, with these members at the end of the header.
    fn headed_and(&self, members: &str) -> String {
        self.headed(&and(&self.forge.header(), members))
    }

    /// Signed, with a claim replaced by other text, or gone if there is none.
    fn instead(&self, claim: &str, text: &str) -> String {
        let claims: Value = serde_json::from_str(&self.claims).expect("claims");
        let old = format!("\"{claim}\":{}", claims[claim]);
        assert!(self.claims.contains(&old), "{old} in {}", self.claims);
        let old = if text.is_empty() { format!("{old},") } else { old };
        self.says(&self.claims.replacen(&old, text, 1))
    }

    fn header_with(&self, name: &str, value: &str) -> String {
        let header: Value = serde_json::from_str(&self.forge.header()).expect("a header");
        self.forge.header().replacen(&header[name].to_string(), value, 1)
    }
}

/// A JSON object with these members at its end.
fn and(object: &str, members: &str) -> String {
    let open = object.strip_suffix('}').expect("an object");
    format!("{open},{members}}}")
}

fn hs256(secret: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(mac))
}
