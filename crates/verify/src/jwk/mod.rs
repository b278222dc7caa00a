//! JSON Web Keys (RFC 7517, RFC 7518, RFC 8037) and their thumbprints (RFC 7638): written here, read in [`parse`].

pub mod parse;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::KeyId;

/// A public key. There is no way to write a private one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    // The required members first and in alphabetical order: the thumbprint is taken over exactly these.
    #[serde(flatten)]
    required: Required,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Required {
    Okp { crv: &'static str, kty: &'static str, x: String },
    Ec { crv: &'static str, kty: &'static str, x: String, y: String },
    Rsa { e: String, kty: &'static str, n: String },
}

impl Jwk {
    pub(crate) fn ed25519(public: &[u8; 32]) -> Self {
        Self { required: Required::Okp { crv: "Ed25519", kty: "OKP", x: URL_SAFE_NO_PAD.encode(public) } }
    }

    pub(crate) fn ec(curve: &'static str, x: &[u8], y: &[u8]) -> Self {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Self { required: Required::Ec { crv: curve, kty: "EC", x: encode(x), y: encode(y) } }
    }

    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Self {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Self { required: Required::Rsa { e: encode(e), kty: "RSA", n: encode(n) } }
    }

    /// The RFC 7638 thumbprint with SHA-256.
    pub fn thumbprint(&self) -> KeyId {
        let canonical = serde_json::to_vec(&self.required).expect("strings serialise");
        key_id(digest::digest(&digest::SHA256, &canonical).as_ref())
    }
}

/// A digest as a key id.
pub(crate) fn key_id(digest: &[u8]) -> KeyId {
    URL_SAFE_NO_PAD.encode(digest).parse().expect("base64url is a plain word")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.3.
    #[test]
    fn the_thumbprint_of_rfc_8037_is_right() {
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let jwk = Jwk::ed25519(&public.try_into().unwrap());
        assert_eq!(jwk.thumbprint().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
