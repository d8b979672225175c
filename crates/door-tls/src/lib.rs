//! TLS for doors, with certificates that change while they are open.
//!
//! An [`Acceptor`] shakes hands with whatever certificate is the current one, and says which
//! one the client showed. It knows nothing of what is spoken afterwards, and counts nothing:
//! the door whose it is says what happened, in its own words.

mod clients;
pub mod codes;
mod config;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use flow::{Certificate, Clock, Result};
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{Accept, TlsAcceptor};

pub use config::{Clients, Config};
pub use tokio_rustls::server::TlsStream;

/// Shakes hands with whatever certificate is the current one.
pub struct Acceptor {
    config: Config,
    protocols: Vec<Vec<u8>>,
    provider: Arc<CryptoProvider>,
    /// What new connections are made with.
    current: ArcSwap<ServerConfig>,
    /// The files as they were when they were last read.
    seen: Mutex<Stamp>,
}

type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Acceptor {
    /// Reads certificate and key, and whose clients are believed. Clients may choose among
    /// these protocols, the best first; with none there is nothing to choose.
    ///
    /// # Errors
    /// When they cannot be read or used.
    pub fn new(config: Config, protocols: &[&[u8]]) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let seen = Mutex::new(stamp(&config));
        let protocols: Vec<_> = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let current = ArcSwap::from_pointee(server(&config, &protocols, &provider)?);
        Ok(Self { config, protocols, provider, current, seen })
    }

    /// Begins to shake hands.
    pub fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        TlsAcceptor::from(self.current.load_full()).accept(stream)
    }

    /// Takes the files that are there now. Open connections keep what they were made with.
    ///
    /// # Errors
    /// When they cannot be used; the old ones stay then.
    pub fn reload(&self) -> Result<()> {
        *self.seen.lock() = stamp(&self.config);
        let server = server(&self.config, &self.protocols, &self.provider)?;
        self.current.store(Arc::new(server));
        Ok(())
    }

    /// Reloads the certificate whenever its files change, and tells how it went. It never
    /// ends by itself.
    pub async fn follow(&self, clock: &Clock, tell: impl Fn(Result<()>)) {
        loop {
            clock.sleep(self.config.check_every.0).await;
            if self.has_changed() {
                tell(self.reload());
            }
        }
    }

    fn has_changed(&self) -> bool {
        *self.seen.lock() != stamp(&self.config)
    }
}

/// The certificate the client showed, which was verified when hands were shaken.
pub fn certificate<S>(stream: &TlsStream<S>, clock: &Clock) -> Option<Certificate> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    clients::certificate(shown, clock)
}

fn server(
    config: &Config,
    protocols: &[Vec<u8>],
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig> {
    let verifier = clients::verifier(config.clients.as_ref(), provider)?;
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| codes::CERTIFICATE.error("TLS cannot be set up").because(error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(load(config, provider)?)));
    server.alpn_protocols = protocols.to_vec();
    Ok(server)
}

fn stamp(config: &Config) -> Stamp {
    let key = key_file(config);
    let files = [Some(&*config.certificate), key.as_deref()].into_iter().flatten();
    let look = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.chain(clients::files(config.clients.as_ref())).map(look).collect()
}

fn key_file(config: &Config) -> Option<PathBuf> {
    config.key.strip_prefix("file:").map(PathBuf::from)
}

fn load(config: &Config, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let path = config.certificate.display();
    let wrong = |what: &str| codes::CERTIFICATE.error(format!("`{path}` {what}"));
    let pem =
        fs::read(&config.certificate).map_err(|error| wrong("cannot be read").because(error))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| wrong("is not a PEM file").because(error))?;
    if chain.is_empty() {
        return Err(wrong("holds no certificate"));
    }
    let key = &config.key;
    let unusable = || codes::CERTIFICATE.error(format!("the key at `{key}` cannot be used"));
    // The cause could quote the key, so only what kind of mistake it is goes on.
    let private = PrivateKeyDer::from_pem_slice(&key_pem(config)?).map_err(|_| unusable())?;
    let signer = provider.key_provider.load_private_key(private).map_err(|_| unusable())?;
    let certified = CertifiedKey::new(chain, signer);
    certified.keys_match().map_err(|error| wrong("does not belong to the key").because(error))?;
    Ok(certified)
}

fn key_pem(config: &Config) -> Result<Vec<u8>> {
    let key = &config.key;
    let missing = || codes::CERTIFICATE.error(format!("there is no key at `{key}`"));
    if let Some(path) = key_file(config) {
        return fs::read(path).map_err(|error| missing().because(error));
    }
    let Some(name) = key.strip_prefix("env:") else {
        return Err(codes::KEY.error("`tls.key` is not a reference"));
    };
    std::env::var(name).map(String::into_bytes).map_err(|_| missing())
}
