//! Clients that show a certificate of their own.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flow::{Certificate, Clock, Moment, Result, Time};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::codes::CLIENTS;
use crate::config::Clients;

/// A certificate with more names is known by its first ones.
const NAMES_MAX: usize = 16;

/// Who decides whether a client's certificate is good.
pub(crate) fn verifier(
    config: Option<&Clients>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>> {
    let Some(config) = config else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let wrong = |what: &str| CLIENTS.error(format!("`{}` {what}", config.authorities.display()));
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&read(&config.authorities)?) {
        let authority = authority.map_err(|error| wrong("is not a PEM file").because(error))?;
        roots.add(authority).map_err(|error| wrong("cannot sign for others").because(error))?;
    }
    if roots.is_empty() {
        return Err(wrong("holds no certificate"));
    }
    let mut verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    if let Some(path) = &config.revoked {
        let broken = || CLIENTS.error(format!("`{}` is no list of revocations", path.display()));
        let lists = CertificateRevocationListDer::pem_slice_iter(&read(path)?)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| broken().because(error))?;
        if lists.is_empty() {
            return Err(broken());
        }
        // An authority without a list has revoked nothing.
        verifier = verifier.with_crls(lists).allow_unknown_revocation_status();
    }
    if !config.required {
        verifier = verifier.allow_unauthenticated();
    }
    verifier.build().map_err(|error| wrong("cannot be used").because(error))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let missing = |error: std::io::Error| {
        CLIENTS.error(format!("`{}` cannot be read", path.display())).because(error)
    };
    fs::read(path).map_err(missing)
}

/// What a verified certificate says of its owner.
pub(crate) fn certificate(der: &[u8], clock: &Clock) -> Option<Certificate> {
    let (_, read) = X509Certificate::from_der(der).ok()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut names: Vec<Box<str>> = vec![format!("sha256:{hex}").into()];
    if let Ok(Some(found)) = read.subject_alternative_name() {
        names.extend(found.value.general_names.iter().filter_map(name).take(NAMES_MAX));
    }
    let until = u64::try_from(read.validity().not_after.timestamp()).unwrap_or(0);
    let left = Time(until.saturating_mul(1_000_000_000)).since(clock.now());
    let until = if left == Duration::ZERO { Moment(0) } else { clock.moment().after(left) };
    Some(Certificate { names: names.into(), until })
}

fn name(of: &GeneralName<'_>) -> Option<Box<str>> {
    match of {
        GeneralName::URI(uri) => Some(format!("uri:{uri}").into()),
        GeneralName::DNSName(host) => Some(format!("dns:{}", host.to_ascii_lowercase()).into()),
        GeneralName::RFC822Name(address) => Some(format!("email:{address}").into()),
        GeneralName::IPAddress(bytes) => {
            let address = match <[u8; 4]>::try_from(*bytes) {
                Ok(four) => IpAddr::from(four),
                Err(_) => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            };
            Some(format!("ip:{address}").into())
        }
        _ => None,
    }
}

/// The files to be read again when they change.
pub(crate) fn files(config: Option<&Clients>) -> impl Iterator<Item = &Path> {
    let authorities = config.map(|config| &*config.authorities);
    let revoked = config.and_then(|config| config.revoked.as_deref());
    authorities.into_iter().chain(revoked)
}
