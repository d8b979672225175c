//! TLS, with certificates that change while it runs.

use std::sync::Arc;

use door_tls::Acceptor;
use flow::{Plane, Result};
use http::HeaderValue;

use crate::config::Tls;
use crate::door::{Phase, Shared};
use crate::signal::Signals;

/// The versions clients may choose from.
const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Reads certificate and key.
pub(crate) fn acceptor(config: &Tls) -> Result<Acceptor> {
    Acceptor::new(config.certified(), PROTOCOLS)
}

/// What browsers are told, on connections within TLS.
pub(crate) fn strict_transport(config: &Tls) -> Option<HeaderValue> {
    let secs = config.strict_transport.0.as_secs();
    (secs > 0).then(|| HeaderValue::from_str(&format!("max-age={secs}")).ok()).flatten()
}

/// Takes the certificate that is there now, if it can be used.
pub(crate) fn reload(acceptor: &Acceptor, signals: &Signals) -> Result<()> {
    acceptor.reload().inspect(|()| signals.certificate_reloaded()).inspect_err(|error| {
        signals.certificate_refused(error);
    })
}

/// Reloads the certificate when its files change, until the door closes.
pub(crate) async fn watch<P: Plane>(door: Arc<Shared<P>>) {
    let Some(tls) = &door.tls else { return };
    let mut phase = door.phase.subscribe();
    let told = |reloaded| match reloaded {
        Ok(()) => door.signals.certificate_reloaded(),
        // What is wrong with it is in the log; the old one stays.
        Err(error) => door.signals.certificate_refused(&error),
    };
    tokio::select! {
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
        () = tls.follow(&door.clock, told) => {}
    }
}
