//! Whose certificates are believed: those of the system, or those of a PEM file.

use std::path::{Path, PathBuf};

use redis::TlsCertificates;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::OpenError;

/// What the driver is told of them; nothing is the system's.
pub(super) fn load(file: Option<&PathBuf>) -> Result<Option<TlsCertificates>, OpenError> {
    let Some(file) = file else { return Ok(None) };
    let pem =
        read(file).map_err(|why| OpenError::Sessions(format!("sslrootcert: {}: {why}", file.display())))?;
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
}

/// Looked at here, as the driver would take a file without any and refuse every server without a reason.
fn read(file: &Path) -> Result<Vec<u8>, String> {
    let pem = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err(String::from("no certificate in it")) } else { Ok(pem) }
}
