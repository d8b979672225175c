//! TLS, with certificates that change while it runs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use flow::{Plane, Result};
use http::HeaderValue;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::{Accept, TlsAcceptor};

use crate::codes;
use crate::config::Tls;
use crate::door::{Phase, Shared};
use crate::signal::Signals;

/// Shakes hands with whatever certificate is the current one.
pub(crate) struct Acceptor {
    config: Tls,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    server: Arc<ServerConfig>,
    strict_transport: Option<HeaderValue>,
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
    /// Reads certificate and key.
    pub(crate) fn new(config: &Tls) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let seen = stamp(config);
        let current = Arc::new(Current(ArcSwap::from_pointee(load(config, &provider)?)));
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| codes::CERTIFICATE.error("TLS cannot be set up").because(error))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let secs = config.strict_transport.0.as_secs();
        let strict_transport =
            (secs > 0).then(|| HeaderValue::from_str(&format!("max-age={secs}")).ok()).flatten();
        let (server, seen) = (Arc::new(server), Mutex::new(seen));
        Ok(Self { config: config.clone(), provider, current, server, strict_transport, seen })
    }

    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        TlsAcceptor::from(self.server.clone()).accept(stream)
    }

    pub(crate) fn strict_transport(&self) -> Option<HeaderValue> {
        self.strict_transport.clone()
    }

    /// Takes the certificate that is there now, if it can be used.
    pub(crate) fn reload(&self, signals: &Signals) -> Result<()> {
        *self.seen.lock() = stamp(&self.config);
        match load(&self.config, &self.provider) {
            Ok(certificate) => {
                self.current.0.store(Arc::new(certificate));
                signals.certificate_reloaded();
                Ok(())
            }
            Err(error) => {
                signals.certificate_refused(&error);
                Err(error)
            }
        }
    }

    fn changed(&self) -> bool {
        *self.seen.lock() != stamp(&self.config)
    }
}

/// Reloads the certificate when its files change, until the door closes.
pub(crate) async fn watch<P: Plane>(door: Arc<Shared<P>>) {
    let Some(tls) = &door.tls else { return };
    let mut phase = door.phase.subscribe();
    loop {
        tokio::select! {
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
            () = door.clock.sleep(tls.config.check_every.0) => {}
        }
        if tls.changed() {
            // What is wrong with it is in the log; the old one stays.
            let _ = tls.reload(&door.signals);
        }
    }
}

fn stamp(config: &Tls) -> Stamp {
    let files = [Some(config.certificate.clone()), key_file(config)];
    let look = |path: PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.into_iter().flatten().map(look).collect()
}

fn key_file(config: &Tls) -> Option<PathBuf> {
    config.key.strip_prefix("file:").map(PathBuf::from)
}

fn load(config: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey> {
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

fn key_pem(config: &Tls) -> Result<Vec<u8>> {
    let key = &config.key;
    let missing = || codes::CERTIFICATE.error(format!("there is no key at `{key}`"));
    if let Some(path) = key_file(config) {
        return fs::read(path).map_err(|error| missing().because(error));
    }
    let Some(name) = key.strip_prefix("env:") else {
        let error = codes::CONFIG.error("`tls.key` is not a reference");
        return Err(error.with_advice("name where the key is: `file:PATH` or `env:NAME`"));
    };
    std::env::var(name).map(String::into_bytes).map_err(|_| missing())
}
