//! Logging in: a name, a password, perhaps a code, and a session comes out.
//!
//! What is compared costs time and memory, so it waits its turn; what fails is counted
//! before anybody is answered. Logins to one account are looked at one after the other:
//! of a thousand guesses at once no more are tried than of a thousand in a row.

mod fact;
pub(crate) mod schema;
mod session;
mod verify;
mod vouched;

use std::hash::RandomState;
use std::sync::Arc;

use flow::question::account::{ChangeUser, CreateUser, Enrolment, Proof, UserInfo};
use flow::{Clock, Fact, Identity, Random, Result, Revisions};
use pool::sql::Sql;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::codes::NOT_A_LOGIN;
use crate::config::Config;
use crate::credential::jwt::{Ended, Tokens};
use crate::lockout::Lockout;
use crate::password::{self, Passwords};
use crate::seal::Seal;
use crate::session::Sessions;
use crate::spent::Spent;
use crate::totp::Totps;
use crate::user::{Changed, Made, Users, check_name};

pub(crate) use fact::fact_of;
pub(crate) use verify::WITH_CODE;

/// So many accounts are looked at independently of each other.
const STRIPES: usize = 256;

/// Users and their sessions.
pub struct Logins {
    users: Users,
    passwords: Passwords,
    lockout: Lockout,
    sessions: Sessions,
    totps: Totps,
    spent: Spent,
    tokens: Option<Arc<Tokens>>,
    seal: Option<Arc<Seal>>,
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
            totps: Totps::new(sql.clone(), clock.clone(), random.clone(), seal.clone()),
            spent: Spent::new(sql, clock.clone()),
            tokens: None,
            seal,
            revisions,
            clock,
            random,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        })
    }

    /// The same, where a login answers with tokens that are signed, and people log in at
    /// the providers these tokens trust.
    #[must_use]
    pub fn signed_by(mut self, tokens: Arc<Tokens>) -> Self {
        self.sessions.signed_by(tokens.clone());
        Self { tokens: Some(tokens), ..self }
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
        let CreateUser { name, kind, roles, rights, .. } = *user;
        let made = Made { name, kind, roles, rights, hash };
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
        let ChangeUser { roles, rights, disabled, .. } = *user;
        let changed = Changed { roles, rights, disabled, hash };
        self.users.change(tenant, user.name, changed, fact).await
    }

    /// Deletes a user with all that is theirs; whether there was one.
    pub async fn delete(&self, tenant: &str, name: &str, fact: Option<Fact>) -> Result<bool> {
        let tokens = self.tokens.as_ref();
        let tokens = tokens.map(|tokens| tokens.ending(tenant, Ended::Principal(name)));
        self.users.delete(tenant, name, tokens, fact).await
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

    /// Forgets what is over; to be called now and then.
    pub async fn sweep(&self) -> Result<()> {
        self.lockout.sweep().await?;
        self.spent.sweep().await?;
        self.sessions.sweep().await
    }

    /// How many passwords were compared at the same time at most.
    pub fn most_at_once(&self) -> usize {
        self.passwords.most_at_once()
    }
}

impl std::fmt::Debug for Logins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logins")
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
