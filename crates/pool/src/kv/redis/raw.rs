//! Bare connections to a Redis, for those who speak its protocol themselves.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use flow::Result;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::address::{Address, Shape};
use crate::codes;
use crate::secret::Secret;

/// A stream of bytes to a Redis.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One Redis server, and how to log in there.
pub struct Raw {
    host: String,
    port: u16,
    database: u32,
    username: Option<String>,
    password: Option<Secret>,
    tls: Option<TlsConnector>,
}

/// No reply to a login is longer.
const REPLY_MAX: usize = 1024;

impl Raw {
    /// Reads the address and the certificates; connects to nothing yet.
    pub fn new(
        url: &str,
        (username, password): (Option<String>, Option<Secret>),
        ca: Option<&PathBuf>,
    ) -> Result<Self> {
        let address: Address =
            url.parse().map_err(|wrong: String| codes::KV_CONFIG.error(wrong))?;
        if address.shape != Shape::Single {
            let wrong =
                "only one server can be relayed: write `redis://host:6379/0` or `rediss://…`";
            return Err(codes::KV_CONFIG.error(wrong));
        }
        let tls = match address.tls {
            true => Some(connector(ca)?),
            false => None,
        };
        let database = u32::try_from(address.database).unwrap_or_default();
        let (host, port) = address.hosts.into_iter().next().unwrap_or_default();
        Ok(Self { host, port, database, username, password, tls })
    }

    /// The database that the address names.
    pub fn database(&self) -> u32 {
        self.database
    }

    /// A new connection, logged in and otherwise untouched.
    ///
    /// # Errors
    /// It cannot be reached, or does not let us in.
    pub async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                let trusted = tls.connect(name, stream).await;
                Box::new(trusted.map_err(|error| distrusted(&self.host, error))?)
            }
        };
        if let Some(password) = &self.password {
            let password = password.read().map_err(|error| io::Error::other(error.story()))?;
            log_in(&mut stream, self.username.as_deref(), &password).await?;
        }
        Ok(stream)
    }
}

fn connector(ca: Option<&PathBuf>) -> Result<TlsConnector> {
    let trusting = crate::tls::client(ca.map(PathBuf::as_path));
    let config = trusting.map_err(|why| codes::KV_CONFIG.error(why.sentence).because(why.cause))?;
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Why whoever answered there is not believed to be the Redis that is meant.
fn distrusted(host: &str, error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let why = match cause {
        Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
            // An authority of the same name may have another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is signed by nobody we trust"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has ended"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            _ => "its certificate is not valid",
        },
        _ => return error,
    };
    io::Error::other(format!("the Redis at `{host}` cannot be trusted: {why}"))
}

async fn log_in(
    stream: &mut Box<dyn Stream>,
    username: Option<&str>,
    password: &[u8],
) -> io::Result<()> {
    let mut said = zeroize::Zeroizing::new(Vec::new());
    let words = [Some(&b"AUTH"[..]), username.map(str::as_bytes), Some(password)];
    said.extend(format!("*{}\r\n", words.iter().flatten().count()).bytes());
    for word in words.into_iter().flatten() {
        said.extend(format!("${}\r\n", word.len()).bytes());
        said.extend_from_slice(word);
        said.extend(b"\r\n");
    }
    stream.write_all(&said).await?;
    stream.flush().await?;
    // One byte at a time: what comes after it is not ours.
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n") && reply.len() < REPLY_MAX {
        reply.push(stream.read_u8().await?);
    }
    match reply.starts_with(b"+") {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&reply);
            Err(io::Error::other(format!("Redis does not let us in: {}", said.trim_end())))
        }
    }
}

#[cfg(test)]
mod tests {
    use engines::own::RedisServer;

    use super::*;

    fn raw(url: &str, password: Option<&str>) -> Result<Raw> {
        Raw::new(url, (None, password.map(|password| password.parse().unwrap())), None)
    }

    #[tokio::test]
    async fn a_connection_is_logged_in_and_nothing_else() {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), "hunter2\n").unwrap();
        let password = format!("file:{}", path.path().display());
        let Some(server) = RedisServer::start() else { return };
        server.connect().unwrap().ask(&["CONFIG", "SET", "requirepass", "hunter2"]).unwrap();
        let mut stream = raw(&server.url(), Some(&password)).unwrap().dial().await.unwrap();
        stream.write_all(b"PING\r\n").await.unwrap();
        let mut reply = [0; 7];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
        std::fs::write(path.path(), "wrong").unwrap();
        let refused = raw(&server.url(), Some(&password)).unwrap().dial().await;
        assert!(refused.err().unwrap().to_string().contains("does not let us in"));
    }

    #[test]
    fn only_one_server_is_relayed() {
        assert_eq!(raw("redis://a/3", None).unwrap().database(), 3);
        assert!(raw("rediss://a", None).unwrap().tls.is_some());
        for url in ["redis+cluster://a", "redis-sentinel://a/b", "redis://u:p@a", "a"] {
            assert!(raw(url, None).is_err(), "{url}");
        }
    }
}
