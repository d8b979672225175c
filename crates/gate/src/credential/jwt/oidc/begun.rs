//! What a browser keeps between the two halves of a login, so that any node can finish it.
//! It is sealed: the browser can neither read nor change it, nor bring that of another
//! provider.

use std::time::Duration;

use flow::{Clock, Random, Result, Time};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::codes::LOGIN_STATE;
use crate::digest::letters;
use crate::seal::Seal;

/// Who takes longer begins again.
pub(super) const LIFE: Duration = Duration::from_secs(600);

/// Letters of each: at least 160 bits, and what RFC 7636 asks of a verifier.
const STATE: usize = 32;
const VERIFIER: usize = 64;

/// A login that was begun.
#[derive(Serialize, Deserialize)]
pub(super) struct Begun {
    /// Comes back in the address.
    pub(super) state: String,
    /// Comes back in the ID token.
    pub(super) nonce: String,
    /// Whoever exchanges the code has to know it.
    pub(super) verifier: Zeroizing<String>,
    /// In seconds since 1970.
    pub(super) until: u64,
}

impl Begun {
    pub(super) fn new(clock: &Clock, random: &Random) -> Self {
        Self {
            state: letters(random, STATE),
            nonce: letters(random, STATE),
            verifier: Zeroizing::new(letters(random, VERIFIER)),
            until: clock.now().after(LIFE).secs(),
        }
    }

    pub(super) fn sealed(&self, provider: &str, seal: &Seal) -> Result<String> {
        let wrong = |_| LOGIN_STATE.error("what was begun cannot be written");
        let plain = Zeroizing::new(serde_json::to_vec(self).map_err(wrong)?);
        seal.text(bound(provider), &plain)
    }

    /// What was sealed for this provider, if its time is not over.
    pub(super) fn open(text: &str, provider: &str, seal: &Seal, now: Time) -> Result<Self> {
        if text.is_empty() {
            return Err(LOGIN_STATE.error("this browser has not begun a login, or lost its cookie"));
        }
        let wrong = || LOGIN_STATE.error("the cookie of the login was not made here");
        let plain =
            seal.open_text(bound(provider), text).map_err(|cause| wrong().because(cause))?;
        let begun: Self = serde_json::from_slice(&plain).map_err(|_| wrong())?;
        match now.secs() < begun.until {
            true => Ok(begun),
            false => Err(LOGIN_STATE.error("the login was begun too long ago")),
        }
    }
}

fn bound(provider: &str) -> String {
    format!("gate oidc login {provider}")
}
