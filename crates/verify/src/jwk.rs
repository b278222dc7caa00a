//! Public keys as JSON Web Keys (RFC 7517, RFC 8037) and their thumbprints (RFC 7638).

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
}

impl Jwk {
    pub(crate) fn ed25519(public: &[u8; 32]) -> Self {
        Self { required: Required::Okp { crv: "Ed25519", kty: "OKP", x: URL_SAFE_NO_PAD.encode(public) } }
    }

    /// From an uncompressed point: `4 || x || y`.
    pub(crate) fn p256(point: &[u8; 65]) -> Self {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = point[1..].split_at(32);
        Self { required: Required::Ec { crv: "P-256", kty: "EC", x: encode(x), y: encode(y) } }
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
