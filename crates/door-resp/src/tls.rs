//! Clients within TLS.

use std::sync::Arc;
use std::time::Duration;

use door_tls::{Acceptor, TlsStream};
use flow::{Clock, Result};
use tokio::sync::watch;

use crate::config::Config;
use crate::connection::{Client, Shown, Workshop};
use crate::rooms::Seat;
use crate::signal::Signals;

/// Reads certificate and key, if there are to be any.
pub(crate) fn acceptor(config: &Config) -> Result<Option<Arc<Acceptor>>> {
    let Some(tls) = config.tls.clone() else { return Ok(None) };
    Ok(Some(Arc::new(Acceptor::new(tls, &[])?)))
}

/// Takes the certificate that is there now, if it can be used.
pub(crate) fn reload(acceptor: &Acceptor, signals: &Signals) -> Result<()> {
    acceptor.reload().inspect(|()| signals.certificate_reloaded()).inspect_err(|error| {
        signals.certificate_refused(error);
    })
}

/// Reloads the certificate when its files change, until the door closes.
pub(crate) async fn attend(
    acceptor: Arc<Acceptor>,
    signals: Arc<Signals>,
    clock: Clock,
    mut drain: watch::Receiver<bool>,
) {
    let told = |reloaded| match reloaded {
        Ok(()) => signals.certificate_reloaded(),
        Err(error) => signals.certificate_refused(&error),
    };
    tokio::select! {
        _ = drain.wait_for(|drain| *drain) => {}
        () = acceptor.follow(&clock, told) => {}
    }
}

/// Who shakes hands, and how long it may take.
#[derive(Clone)]
pub(crate) struct Shaking {
    pub(crate) acceptor: Arc<Acceptor>,
    pub(crate) limit: Duration,
    pub(crate) clock: Clock,
    pub(crate) signals: Arc<Signals>,
}

impl Shaking {
    /// The client within TLS, if it can be brought to that in time and before the door
    /// closes.
    pub(crate) async fn hands(
        &self,
        socket: Seat,
        drain: &mut watch::Receiver<bool>,
    ) -> Option<TlsStream<Seat>> {
        let shaken = tokio::select! {
            shaken = self.clock.within(self.limit, self.acceptor.accept(socket)) => shaken,
            _ = drain.wait_for(|drain| *drain) => return None,
        };
        match shaken {
            Some(Ok(stream)) => Some(stream),
            Some(Err(error)) => {
                self.signals.handshake_failed("refused", &error);
                None
            }
            None => {
                self.signals.handshake_failed("slow", &"it took too long");
                None
            }
        }
    }

    /// The client as its certificate presents it, where it showed one. One that the gate does
    /// not recognise may still show a key.
    pub(crate) async fn presented<P: Workshop>(
        &self,
        mut client: Client<P>,
        socket: &TlsStream<Seat>,
    ) -> Client<P> {
        if let Some(certificate) = door_tls::certificate(socket, &self.clock) {
            let known = client.log_in(Shown::Certificate(certificate), None).await;
            if let Err(error) = known {
                tracing::debug!(cause = error.story(), "a certificate was not recognised");
            }
        }
        client
    }
}
