//! Reaching the server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flow::Result;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Notification, Socket};

use super::link::Link;
use super::meaning::Problem;
use super::tls::{self, Tls};
use crate::breaker::Breaker;
use crate::pool::{Condition, Connect};
use crate::sql::codes;

/// What a session hears besides its answers.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    told: Notify,
    goodbye: AtomicBool,
    words: Mutex<Words>,
}

/// What notifications said that said something.
#[derive(Debug, Default)]
struct Words {
    kept: VecDeque<String>,
    lost: bool,
}

/// Notifications that wait to be read; with more, some are lost, and that is said.
const WORDS_MAX: usize = 10_000;

impl Aside {
    /// Waits for a NOTIFY, or for the end of the session.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }

    fn hear(&self, notification: &Notification) {
        if !notification.payload().is_empty() {
            let mut words = self.words.lock();
            match words.kept.len() < WORDS_MAX {
                true => words.kept.push_back(notification.payload().to_owned()),
                false => words.lost = true,
            }
        }
        self.told.notify_one();
    }

    /// What was said since this was last asked, and whether some of it was lost.
    pub(super) fn words(&self) -> (Vec<String>, bool) {
        let mut words = self.words.lock();
        let lost = std::mem::take(&mut words.lost);
        (words.kept.drain(..).collect(), lost)
    }

    /// Whether the server ended the session between two statements. What it had not
    /// answered by then it did not do.
    pub(super) fn said_goodbye(&self) -> bool {
        self.goodbye.load(Ordering::Acquire)
    }
}

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

    /// A session, and what it hears.
    pub(crate) async fn session(&self) -> Result<(Client, Arc<Aside>)> {
        let opened = self.breaker.call(async {
            match &self.tls {
                None => self.dial(NoTls).await,
                Some(tls) => self.dial(tls.clone()).await,
            }
        });
        opened.await
    }

    async fn dial<T>(&self, tls: T) -> Result<(Client, Arc<Aside>)>
    where
        T: MakeTlsConnect<Socket> + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as tokio_postgres::tls::TlsConnect<Socket>>::Future: Send,
    {
        let connected = self.config.connect(tls).await;
        let (client, mut connection) = connected.map_err(|cause| Problem::of(&cause).opening())?;
        let aside = Arc::new(Aside::default());
        let heard = aside.clone();
        tokio::spawn(async move {
            loop {
                let message = std::future::poll_fn(|context| connection.poll_message(context));
                match message.await {
                    Some(Ok(AsyncMessage::Notification(said))) => heard.hear(&said),
                    Some(Ok(_)) => {}
                    Some(Err(cause)) => {
                        // Before the connection is dropped, and those who wait for
                        // answers on it ask.
                        heard.goodbye.store(Problem::of(&cause).goodbye, Ordering::Release);
                        break;
                    }
                    None => break,
                }
            }
            heard.told.notify_one();
        });
        let millis = self.patience.as_millis();
        // A node that freezes with a transaction open must not hold up the others.
        let setting = format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = {millis}; SET client_min_messages = warning"
        );
        let set = client.batch_execute(&setting).await;
        set.map_err(|cause| Problem::of(&cause).opening())?;
        Ok((client, aside))
    }
}

impl Connect for Server {
    type Connection = Link;

    async fn open(&self) -> Result<Link> {
        let (client, aside) = self.session().await?;
        Ok(Link::new(client, aside))
    }

    async fn check(&self, link: &mut Link) -> Result<()> {
        link.check().await
    }

    fn condition(&self, link: &Link) -> Condition {
        link.condition()
    }
}
