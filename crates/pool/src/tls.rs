//! Whom to trust when we connect.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why there is nobody to trust.
pub(crate) struct Why {
    pub(crate) sentence: String,
    pub(crate) cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Trusts the authorities in a file of certificates, or those of the web. The
/// process has no default for its cryptography, so it is named here.
pub(crate) fn client(ca: Option<&Path>) -> Result<ClientConfig, Why> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Why { sentence: "TLS cannot be set up".into(), cause: cause.into() })?;
    Ok(versions.with_root_certificates(authorities(ca)?).with_no_client_auth())
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, Why> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| Why {
        sentence: format!("no certificates can be read from `{}`", path.display()),
        cause,
    };
    let read = CertificateDer::pem_file_iter(path)
        .map_err(|cause| unreadable(cause.to_string().into()))?;
    for certificate in read {
        let certificate = certificate.map_err(|cause| unreadable(cause.to_string().into()))?;
        roots.add(certificate).map_err(|cause| unreadable(cause.into()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("it holds none".into()));
    }
    Ok(roots)
}
