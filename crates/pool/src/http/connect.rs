//! Connections, and what it means when they fail.

use std::error::Error as Cause;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::Uri;
use flow::{Error, Result};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::{Body, Config};
use crate::{codes, tls};

pub(super) type Client = legacy::Client<Timed<HttpsConnector<HttpConnector>>, Body>;

pub(super) fn client(config: &Config) -> Result<Client> {
    let tls = tls::client(config.ca.as_deref())
        .map_err(|why| codes::HTTP_CONFIG.error(why.sentence).because(why.cause))?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(config.connect_timeout.0));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    let timed = Timed { connector: https, limit: config.connect_timeout.0 };
    Ok(legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(config.idle_timeout.0)
        .pool_max_idle_per_host(config.idle_connections as usize)
        .build(timed))
}

/// A connector whose TLS handshake has an end too.
#[derive(Clone)]
pub(super) struct Timed<C> {
    connector: C,
    limit: Duration,
}

type BoxCause = Box<dyn Cause + Send + Sync>;

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error = BoxCause>,
    C::Future: Send + 'static,
    C::Response: Send,
{
    type Response = C::Response;
    type Error = BoxCause;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxCause>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxCause>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let connecting = self.connector.call(url);
        let limit = self.limit;
        Box::pin(async move {
            let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
            tokio::time::timeout(limit, connecting).await.map_err(late)?
        })
    }
}

/// Tells a host we do not trust from one that does not answer.
pub(super) fn fault(host: &str, error: legacy::Error) -> Error {
    let untrusted = causes(&error).any(|cause| cause.is::<rustls::Error>());
    let story = if untrusted {
        codes::HTTP_UNTRUSTED.error(format!("`{host}` does not prove that it is who it says"))
    } else if error.is_connect() {
        codes::HTTP_AWAY.error(format!("`{host}` cannot be reached"))
    } else {
        codes::HTTP_AWAY.error(format!("`{host}` broke off"))
    };
    story.because(error)
}

/// An error and what is behind it; an I/O error hides its cause inside.
fn causes<'a>(error: &'a (dyn Cause + 'static)) -> impl Iterator<Item = &'a (dyn Cause + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Cause + 'static)| {
        let error = *error;
        let io = error.downcast_ref::<std::io::Error>();
        match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Cause + 'static)),
            None => error.source(),
        }
    })
}
