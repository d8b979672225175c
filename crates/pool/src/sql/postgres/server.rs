//! Reaching the server.

use std::sync::Arc;
use std::time::Duration;

use flow::Result;
use tokio::sync::Notify;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Socket};

use super::link::Link;
use super::meaning::Problem;
use super::tls::{self, Tls};
use crate::breaker::Breaker;
use crate::pool::{Condition, Connect};
use crate::sql::codes;

/// A server, and how its sessions are set up.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    tls: Option<Tls>,
    breaker: Breaker,
    patience: Duration,
}

impl Server {
    pub(super) fn new(url: &str, patience: Duration, breaker: Breaker) -> Result<Self> {
        let (url, tls) = tls::asked_for(url)?;
        // The cause would quote the URL, and with it the password.
        let wrong = |_| codes::CONFIG.error("`sql.url` is not a PostgreSQL URL");
        let mut config: Config = url.parse().map_err(wrong)?;
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        if config.get_application_name().is_none() {
            config.application_name("stockade");
        }
        Ok(Self { config, tls, breaker, patience })
    }

    /// A session of its own, outside the pool; `heard` is told of every NOTIFY,
    /// and of the end.
    pub(crate) async fn session(&self, heard: Arc<Notify>) -> Result<Client> {
        let opened = self.breaker.call(async {
            match &self.tls {
                None => self.dial(NoTls, heard).await,
                Some(tls) => self.dial(tls.clone(), heard).await,
            }
        });
        opened.await
    }

    async fn dial<T>(&self, tls: T, heard: Arc<Notify>) -> Result<Client>
    where
        T: MakeTlsConnect<Socket> + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let connected = self.config.connect(tls).await;
        let (client, mut connection) = connected.map_err(|cause| Problem::of(&cause).opening())?;
        tokio::spawn(async move {
            loop {
                let message = std::future::poll_fn(|context| connection.poll_message(context));
                match message.await {
                    Some(Ok(AsyncMessage::Notification(_))) => heard.notify_one(),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                }
            }
            heard.notify_one();
        });
        let millis = self.patience.as_millis();
        // A node that freezes with a transaction open must not hold up the others.
        let setting = format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = {millis}; SET client_min_messages = warning"
        );
        let set = client.batch_execute(&setting).await;
        set.map_err(|cause| Problem::of(&cause).opening())?;
        Ok(client)
    }
}

impl Connect for Server {
    type Connection = Link;

    async fn open(&self) -> Result<Link> {
        // Nobody listens in a pooled session.
        self.session(Arc::default()).await.map(Link::new)
    }

    async fn check(&self, link: &mut Link) -> Result<()> {
        link.check().await
    }

    fn condition(&self, link: &Link) -> Condition {
        link.condition()
    }
}
