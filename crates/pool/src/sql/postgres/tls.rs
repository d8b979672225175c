//! Encryption, where the URL asks for it.
//!
//! `sslmode=require`, `verify-ca` and `verify-full` all mean the same here: the
//! server proves by its certificate that it is the host in the URL. An unproven
//! connection would be encrypted for whoever sits in between. The authorities are
//! those of the web, or those in the file `sslrootcert` names.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use flow::Result;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use crate::sql::codes;

/// Takes what concerns encryption out of the URL, for the client library knows
/// only half of it.
pub(super) fn asked_for(url: &str) -> Result<(String, Option<Tls>)> {
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), None));
    };
    let (mut wanted, mut authorities, mut rest) = (false, None, Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", "disable" | "allow" | "prefer")) => wanted = false,
            Some(("sslmode", "require" | "verify-ca" | "verify-full")) => wanted = true,
            Some(("sslmode", other)) => {
                let sentence = format!("`sslmode={other}` in `sql.url` is not known");
                return Err(codes::CONFIG.error(sentence).with_advice(
                    "write `sslmode=require` to encrypt, or `sslmode=disable` on a trusted network",
                ));
            }
            Some(("sslrootcert", path)) => authorities = Some(path),
            _ => rest.push(pair),
        }
    }
    let tls = if wanted { Some(Tls::new(authorities)?) } else { None };
    Ok((format!("{base}?{}", rest.join("&")), tls))
}

#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl Tls {
    fn new(authorities: Option<&str>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        match authorities {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let unreadable = || {
                    let sentence = format!("no certificates can be read from `{path}`");
                    codes::CONFIG.error(sentence)
                };
                let read = CertificateDer::pem_file_iter(path)
                    .map_err(|cause| unreadable().because(cause.to_string()))?;
                for certificate in read {
                    let certificate =
                        certificate.map_err(|cause| unreadable().because(cause.to_string()))?;
                    roots.add(certificate).map_err(|cause| unreadable().because(cause))?;
                }
                if roots.is_empty() {
                    return Err(unreadable());
                }
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| codes::CONFIG.error("TLS cannot be set up").because(cause))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type TlsConnect = ToHost;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<ToHost> {
        let host = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(ToHost { connector: self.0.clone(), host })
    }
}

/// On the way to one host.
pub(super) struct ToHost {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for ToHost {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let handshake = self.connector.connect(self.host, stream);
        Box::pin(async move { handshake.await.map(Encrypted) })
    }
}

/// A stream nobody else reads.
pub(super) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    /// Absent: it would guard against a stolen certificate only, and needs the
    /// certificate's signature algorithm to be parsed.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<(&str, bool), &str>) {
        match (asked_for(url), expected) {
            (Ok((rest, tls)), Ok(expected)) => assert_eq!((rest.as_str(), tls.is_some()), expected),
            (Err(error), Err(part)) => assert!(error.detail().contains(part), "{error}"),
            (got, _) => panic!("{url}: {:?}", got.map(|(rest, _)| rest)),
        }
    }

    #[test]
    fn the_url_says_whether_to_encrypt() {
        check("postgres://h/d", Ok(("postgres://h/d", false)));
        check("postgres://h/d?sslmode=prefer&a=b", Ok(("postgres://h/d?a=b", false)));
        check("postgres://h/d?a=b&sslmode=require", Ok(("postgres://h/d?a=b", true)));
        check("postgres://h/d?sslmode=verify-full", Ok(("postgres://h/d?", true)));
        check("postgres://h/d?sslmode=sometimes", Err("`sslmode=sometimes`"));
        check("postgres://h/d?sslmode=require&sslrootcert=/no/such", Err("`/no/such`"));
    }
}
