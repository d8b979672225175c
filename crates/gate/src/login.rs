//! Logging in: a name, a password, perhaps a code, and a session comes out.
//!
//! What is compared costs time and memory, so it waits its turn; what fails is counted
//! before anybody is answered. Logins to one account are looked at one after the other:
//! of a thousand guesses at once no more are tried than of a thousand in a row.

pub(crate) mod schema;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use flow::question::account::{
    ChangeUser, CreateUser, Enrolment, Granted, Proof, SessionInfo, UserInfo,
};
use flow::request::Password;
use flow::{
    Clock, Credential, Fact, Identity, Outcome, Principal, Random, Request, Result, Revisions, Step,
};
use pool::sql::Sql;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::codes::{CODE_NEEDED, NO_TOTP, NOT_A_LOGIN, WRONG_CODE, WRONG_PASSWORD};
use crate::config::Config;
use crate::lockout::{Lockout, Standing, Subject};
use crate::password::{self, Passwords, Verdict};
use crate::seal::Seal;
use crate::session::{Opening, Sessions};
use crate::totp::Totps;
use crate::user::{Changed, Found, Made, Users, check_name};

/// So many accounts are looked at independently of each other.
const STRIPES: usize = 256;

/// Users and their sessions.
pub struct Logins {
    users: Users,
    passwords: Passwords,
    lockout: Lockout,
    sessions: Sessions,
    totps: Totps,
    revisions: Arc<Revisions>,
    clock: Clock,
    random: Random,
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// What logging in stands on.
#[derive(Clone)]
pub struct Ground {
    /// Where users and sessions are kept; the [`Keys`](crate::Keys) are there too.
    pub sql: Arc<dyn Sql>,
    /// Who hears that somebody's standing changed.
    pub revisions: Arc<Revisions>,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ground")
    }
}

impl Logins {
    /// The users in this database. `seal` seals what has to be read again, the secrets of
    /// second factors; without it nobody can set one up.
    pub async fn open(ground: Ground, config: &Config, seal: Option<Arc<Seal>>) -> Result<Self> {
        let Ground { sql, revisions, clock, random } = ground;
        schema::bring_forward(&*sql, &clock).await?;
        let login = &config.login;
        let at_once = login.hashing_at_once.map_or_else(cores, |cores| cores as usize);
        let passwords =
            Passwords::new(at_once, login.queue as usize, clock.clone(), random.clone())?;
        let sessions = Sessions::new(
            sql.clone(),
            revisions.clone(),
            clock.clone(),
            random.clone(),
            config.sessions.clone(),
        );
        Ok(Self {
            users: Users::new(sql.clone(), revisions.clone(), clock.clone()),
            passwords,
            lockout: Lockout::new(sql.clone(), clock.clone(), login.failures_max, login.lockout.0),
            sessions,
            totps: Totps::new(sql, clock.clone(), random.clone(), seal),
            revisions,
            clock,
            random,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        })
    }

    /// Makes a user.
    pub async fn create(
        &self,
        tenant: &str,
        user: &CreateUser<'_>,
        fact: Option<Fact>,
    ) -> Result<()> {
        check_name(user.name)?;
        let hash = match user.proof {
            Proof::Password(password) => self.passwords.make(clear(password)).await?,
            Proof::Hash(hash) => {
                password::check_hash(hash)?;
                hash.to_owned()
            }
        };
        let made = Made { name: user.name, kind: user.kind, roles: user.roles, hash };
        self.users.create(tenant, made, fact).await
    }

    /// The tenant's users in the order of their names, behind `after`.
    pub async fn users(&self, tenant: &str, after: &str, limit: u32) -> Result<Vec<UserInfo>> {
        self.users.list(tenant, after, limit).await
    }

    /// Changes a user; whether there is one.
    pub async fn change(
        &self,
        tenant: &str,
        user: &ChangeUser<'_>,
        fact: Option<Fact>,
    ) -> Result<bool> {
        let hash = match user.password {
            Some(password) => Some(self.passwords.make(clear(password)).await?),
            None => None,
        };
        let changed = Changed { roles: user.roles, disabled: user.disabled, hash };
        self.users.change(tenant, user.name, changed, fact).await
    }

    /// Deletes a user with all that is theirs; whether there was one.
    pub async fn delete(&self, tenant: &str, name: &str, fact: Option<Fact>) -> Result<bool> {
        self.users.delete(tenant, name, fact).await
    }

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
        self.show_factor(&attempt).await?;
        self.succeeded(&attempt, &account, &found, verdict).await?;
        let credential = "password:".into();
        let roles = found.roles.into();
        Ok(Arc::new(Identity::new(found.kind, tenant, name, roles, credential, epoch)))
    }

    async fn show_factor(&self, attempt: &Attempt<'_>) -> Result<()> {
        let Password { tenant, name, code, .. } = attempt.shown;
        let Some(factor) = self.totps.needed(tenant, name).await? else { return Ok(()) };
        let needed = || CODE_NEEDED.error("the password is right, and a code is needed too");
        let code = code.filter(|code| !code.is_empty()).ok_or_else(needed)?;
        let fact = || self.fact(attempt, "totp.recover", ("totp", name), Outcome::Done);
        match self.totps.spend(tenant, name, &factor, code, fact).await? {
            Some(_) => Ok(()),
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
            fact.detail = serde_json::json!({ "locked": subject.kind(), "from": peer });
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

    /// Opens a session for whoever has just shown their password. Tells how many of their
    /// older ones ended by it.
    pub async fn open_session(
        &self,
        identity: &Identity,
        request: &Request<'_>,
        fact: Option<Fact>,
    ) -> Result<(Granted, u64)> {
        if !identity.credential.starts_with("password:") {
            return Err(NOT_A_LOGIN.error("a session is opened with a name and a password"));
        }
        let opening = Opening {
            tenant: &identity.tenant,
            name: &identity.name,
            agent_kind: identity.kind == Principal::Agent,
            peer: request.peer,
            agent: request.agent,
        };
        self.sessions.open(opening, fact).await
    }

    /// Trades the refresh token that was shown in for new tokens.
    pub async fn refresh(
        &self,
        identity: &Identity,
        request: &Request<'_>,
        fact: Option<Fact>,
    ) -> Result<Granted> {
        let Credential::Refresh(token) = request.credential else {
            return Err(NOT_A_LOGIN.error("new tokens are given for a refresh token"));
        };
        let reused = |session: &str| {
            let named = ("session", session);
            let clock = &self.clock;
            let outcome = Outcome::Refused;
            let mut fact = fact_of(
                clock,
                &self.random,
                request,
                Some(identity),
                ("session.reused", named),
                outcome,
            );
            fact.reason = Some(crate::codes::REFRESH_REUSED.name.into());
            fact
        };
        self.sessions.trade(token, fact, reused).await
    }

    /// Ends the session this identity came from.
    pub async fn close(&self, identity: &Identity, fact: Option<Fact>) -> Result<()> {
        let Some(id) = identity.credential.strip_prefix("session:") else {
            return Err(NOT_A_LOGIN.error("only the token of a session can be logged out"));
        };
        self.sessions.end(&identity.tenant, &identity.name, id, fact).await.map(drop)
    }

    /// The sessions of a principal, or of everybody for `*`.
    pub async fn sessions(
        &self,
        tenant: &str,
        of: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SessionInfo>> {
        self.sessions.list(tenant, of, after, limit).await
    }

    /// Ends a session; whether there was one.
    pub async fn end(&self, tenant: &str, of: &str, id: &str, fact: Option<Fact>) -> Result<bool> {
        self.sessions.end(tenant, of, id, fact).await
    }

    /// Ends all sessions of a principal; how many they were.
    pub async fn end_all(&self, tenant: &str, of: &str, fact: Option<Fact>) -> Result<u64> {
        self.sessions.end_all(tenant, of, fact).await
    }

    /// Begins to set up a second factor.
    pub async fn begin_totp(&self, identity: &Identity, fact: Option<Fact>) -> Result<Enrolment> {
        is_session(identity)?;
        self.totps.begin(&identity.tenant, &identity.name, fact).await
    }

    /// From now on a code is needed; answers with the recovery codes.
    pub async fn confirm_totp(
        &self,
        identity: &Identity,
        code: &str,
        fact: Option<Fact>,
    ) -> Result<Vec<String>> {
        is_session(identity)?;
        self.totps.confirm(&identity.tenant, &identity.name, code, fact).await
    }

    /// Takes a second factor away; whether there was one.
    pub async fn drop_totp(&self, tenant: &str, of: &str, fact: Option<Fact>) -> Result<bool> {
        self.totps.drop(tenant, of, fact).await
    }

    /// Whether they have a second factor.
    pub(crate) async fn has_factor(&self, tenant: &str, name: &str) -> Result<bool> {
        Ok(self.totps.needed(tenant, name).await?.is_some())
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

    /// Forgets what is over; to be called now and then.
    pub async fn sweep(&self) -> Result<()> {
        self.lockout.sweep().await?;
        self.sessions.sweep().await
    }

    /// How many passwords were compared at the same time at most.
    pub fn most_at_once(&self) -> usize {
        self.passwords.most_at_once()
    }

    /// Whether this is the token of a session, by its looks.
    pub(crate) fn is_token(text: &str) -> bool {
        Sessions::is_token(text)
    }

    pub(crate) fn recognise<'a>(&'a self, token: &'a str) -> Step<'a, Result<Arc<Identity>>> {
        match self.sessions.recognise_now(token) {
            Some(identity) => Step::Now(Ok(identity)),
            None => Step::later(self.sessions.recognise(token)),
        }
    }

    pub(crate) async fn recognise_refresh(&self, token: &str) -> Result<Arc<Identity>> {
        self.sessions.recognise_refresh(token).await
    }

    pub(crate) async fn renew(&self, id: &str) -> Result<Arc<Identity>> {
        self.sessions.renew(id).await
    }

    pub(crate) fn tend<'a>(
        &'a self,
        id: &'a str,
        request: &'a Request<'a>,
    ) -> Step<'a, Result<()>> {
        self.sessions.tend(id, request)
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

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logins")
    }
}

/// One try to log in.
struct Attempt<'a> {
    request: &'a Request<'a>,
    shown: Password<'a>,
    standings: &'a [Standing],
}

/// A fact that is committed with what it tells.
pub(crate) fn fact_of(
    clock: &Clock,
    random: &Random,
    request: &Request<'_>,
    identity: Option<&Identity>,
    (action, (kind, name)): (&'static str, (&str, &str)),
    outcome: Outcome,
) -> Fact {
    let at = clock.now();
    let name: String = name.chars().take(128).flat_map(char::escape_default).collect();
    Fact {
        id: random.id(at),
        at,
        request: request.id,
        tenant: identity.map_or_else(|| flow::identity::MAIN.into(), |known| known.tenant.clone()),
        actor: identity.map_or_else(|| "unknown".into(), |known| known.actor.clone()),
        door: request.door.name().into(),
        action: action.into(),
        resource: format!("{kind}/{name}"),
        outcome,
        reason: None,
        count: 1,
        detail: serde_json::Value::Null,
    }
}

/// A key is no proof that its owner is there, who would need the second factor from then on.
fn is_session(identity: &Identity) -> Result<()> {
    match identity.credential.starts_with("session:") {
        true => Ok(()),
        false => Err(NOT_A_LOGIN.error("a second factor is set up in a session, after a login")),
    }
}

fn clear(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.as_bytes().to_vec())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
