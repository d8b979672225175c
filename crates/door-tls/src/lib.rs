//! TLS for doors, with certificates that change while they are open.
//!
//! An [`Acceptor`] shakes hands with whatever certificate is the current one. It knows
//! nothing of what is spoken afterwards, and counts nothing: the door whose it is says
//! what happened, in its own words.

pub mod codes;
mod config;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use flow::{Clock, Result};
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{Accept, TlsAcceptor};

pub use config::Config;
pub use tokio_rustls::server::TlsStream;

/// Shakes hands with whatever certificate is the current one.
pub struct Acceptor {
    config: Config,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    server: Arc<ServerConfig>,
    /// The files as they were when they were last read.
    seen: Mutex<Stamp>,
}

/// The certificate for new connections.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Acceptor {
    /// Reads certificate and key. Clients may choose among these protocols, the best first;
    /// with none there is nothing to choose.
    ///
    /// # Errors
    /// When they cannot be read or used.
    pub fn new(config: Config, protocols: &[&[u8]]) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let seen = stamp(&config);
        let current = Arc::new(Current(ArcSwap::from_pointee(load(&config, &provider)?)));
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| codes::CERTIFICATE.error("TLS cannot be set up").because(error))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        server.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let (server, seen) = (Arc::new(server), Mutex::new(seen));
        Ok(Self { config, provider, current, server, seen })
    }

    /// Begins to shake hands.
    pub fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        TlsAcceptor::from(self.server.clone()).accept(stream)
    }

    /// Takes the certificate that is there now. Open connections keep theirs.
    ///
    /// # Errors
    /// When it cannot be used; the old one stays then.
    pub fn reload(&self) -> Result<()> {
        *self.seen.lock() = stamp(&self.config);
        self.current.0.store(Arc::new(load(&self.config, &self.provider)?));
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

fn stamp(config: &Config) -> Stamp {
    let files = [Some(config.certificate.clone()), key_file(config)];
    let look = |path: PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.into_iter().flatten().map(look).collect()
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
