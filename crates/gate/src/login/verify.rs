//! Whether it is they: a password, perhaps a code, and what came of those before.

use std::hash::BuildHasher;
use std::sync::Arc;

use flow::request::Password;
use flow::{Fact, Identity, Outcome, Request, Result};
use tokio::sync::Mutex;

use super::fact::fact_of;
use super::{Logins, STRIPES, clear};
use crate::codes::{CODE_NEEDED, NO_TOTP, WRONG_CODE, WRONG_PASSWORD};
use crate::lockout::{Standing, Subject};
use crate::password::Verdict;
use crate::user::{Found, check_name};

/// How somebody came who showed a password, and a code too.
pub(crate) const WITH_CODE: &str = "password:code";

/// One try to log in.
struct Attempt<'a> {
    request: &'a Request<'a>,
    shown: Password<'a>,
    standings: &'a [Standing],
}

impl Logins {
    /// Whose name and password these are. Who has a second factor shows it too.
    pub async fn verify(
        &self,
        request: &Request<'_>,
        shown: Password<'_>,
    ) -> Result<Arc<Identity>> {
        let account = Subject::account(shown.tenant, shown.name);
        let mut subjects = vec![account.clone()];
        subjects.extend(request.peer.map(Subject::address));
        self.lockout.check(&subjects).await?;
        let place = self.passwords.place()?;
        let _alone = self.stripe(&account).lock().await;
        let standings = self.lockout.check(&subjects).await?;

        let (tenant, name): (Arc<str>, Arc<str>) = (shown.tenant.into(), shown.name.into());
        let epoch = self.revisions.observe(&tenant, &name);
        let found = match check_name(shown.name) {
            Ok(()) => self.users.find(&tenant, &name).await?,
            Err(_) => None,
        };
        let hash = found.as_ref().map(|found| found.hash.clone());
        let verdict = self.passwords.compare(place, clear(shown.secret), hash).await?;
        let attempt = Attempt { request, shown, standings: &standings };
        let (Some(found), true) = (found, verdict != Verdict::Wrong) else {
            return Err(self.failed(&attempt, &WRONG_PASSWORD).await?);
        };
        if found.disabled {
            let error = self.failed(&attempt, &WRONG_PASSWORD).await?;
            return Err(error.because("the user is disabled"));
        }
        let way = if self.show_factor(&attempt).await? { WITH_CODE } else { "password:" };
        self.succeeded(&attempt, &account, &found, verdict).await?;
        let credential = way.into();
        let roles = found.roles.into();
        Ok(Arc::new(Identity::new(found.kind, tenant, name, roles, credential, epoch)))
    }

    /// Somebody who is in shows their second factor again. Guesses count as failures to log in.
    pub(crate) async fn show_again(
        &self,
        request: &Request<'_>,
        identity: &Identity,
        code: &str,
    ) -> Result<()> {
        let (tenant, name) = (&*identity.tenant, &*identity.name);
        let account = Subject::account(tenant, name);
        let _alone = self.stripe(&account).lock().await;
        let standings = self.lockout.check(std::slice::from_ref(&account)).await?;
        let none = || NO_TOTP.error("there is no second factor to show");
        let factor = self.totps.needed(tenant, name).await?.ok_or_else(none)?;
        let shown = Password { tenant, name, secret: "", code: Some(code) };
        let attempt = Attempt { request, shown, standings: &standings };
        let fact = || self.fact(&attempt, "totp.recover", ("totp", name), Outcome::Done);
        match self.totps.spend(tenant, name, &factor, code, fact).await? {
            Some(_) => Ok(()),
            None => Err(self.failed(&attempt, &WRONG_CODE).await?),
        }
    }

    /// Whether there is a second factor, which is refused unless it was shown.
    async fn show_factor(&self, attempt: &Attempt<'_>) -> Result<bool> {
        let Password { tenant, name, code, .. } = attempt.shown;
        let Some(factor) = self.totps.needed(tenant, name).await? else { return Ok(false) };
        let needed = || CODE_NEEDED.error("the password is right, and a code is needed too");
        let code = code.filter(|code| !code.is_empty()).ok_or_else(needed)?;
        let fact = || self.fact(attempt, "totp.recover", ("totp", name), Outcome::Done);
        match self.totps.spend(tenant, name, &factor, code, fact).await? {
            Some(_) => Ok(true),
            None => Err(self.failed(attempt, &WRONG_CODE).await?),
        }
    }

    /// Counts a failure, then says what it was.
    async fn failed(
        &self,
        attempt: &Attempt<'_>,
        code: &'static flow::Code,
    ) -> Result<flow::Error> {
        let locked = |subject: &Subject| {
            let name = check_name(attempt.shown.name).map_or("", |()| attempt.shown.name);
            let mut fact = self.fact(attempt, "login.lock", ("user", name), Outcome::Done);
            let peer = attempt.request.peer.map(|peer| peer.to_string());
            fact.detail = serde_json::json!({ "locked": subject.kind(), "from": peer }).into();
            fact
        };
        self.lockout.failed(attempt.standings, locked).await?;
        Ok(code.error(match code == &WRONG_CODE {
            true => "the code is wrong, or was used before",
            false => "name or password is wrong",
        }))
    }

    async fn succeeded(
        &self,
        attempt: &Attempt<'_>,
        account: &Subject,
        found: &Found,
        verdict: Verdict,
    ) -> Result<()> {
        let Password { tenant, name, .. } = attempt.shown;
        if attempt.standings.iter().any(|standing| standing.is_of(account)) {
            self.lockout.forget_now(account).await?;
        }
        if let Verdict::Upgrade(better) = verdict {
            let fact = self.fact(attempt, "user.upgrade", ("user", name), Outcome::Done);
            self.users.upgrade(tenant, name, (&found.hash, better), fact).await?;
        }
        Ok(())
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is within the stripes")]
    fn stripe(&self, account: &Subject) -> &Mutex<()> {
        &self.stripes[self.hasher.hash_one(account) as usize % STRIPES]
    }

    fn fact(
        &self,
        attempt: &Attempt<'_>,
        action: &'static str,
        resource: (&str, &str),
        outcome: Outcome,
    ) -> Fact {
        let what = (action, resource);
        let mut fact = fact_of(&self.clock, &self.random, attempt.request, None, what, outcome);
        fact.tenant = attempt.shown.tenant.into();
        fact
    }
}
