//! Questions about those who log in: users, their sessions, their second factor.

use std::fmt;
use std::time::Duration;

use crate::clock::Time;
use crate::fact::Class;
use crate::identity::Principal;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::rights::Rights;
use crate::stage::Origin;

const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Rate, inspection: Inspection::Off }
}

static USER_CREATE: Action = action("user.create", Class::Durable);
static USER_LIST: Action = action("user.list", Class::Logged);
static USER_CHANGE: Action = action("user.change", Class::Durable);
static USER_DELETE: Action = action("user.delete", Class::Durable);
// The price of a login is paid before it is asked, and what bounds logins is the gate's.
static SESSION_OPEN: Action = Action { pace: Pace::Load, ..action("session.open", Class::Durable) };
static SESSION_REFRESH: Action = action("session.refresh", Class::Durable);
static SESSION_CLOSE: Action = action("session.close", Class::Durable);
static SESSION_LIST: Action = action("session.list", Class::Logged);
static SESSION_END: Action = action("session.end", Class::Durable);
static TOTP_BEGIN: Action = action("totp.begin", Class::Durable);
static TOTP_CONFIRM: Action = action("totp.confirm", Class::Durable);
static TOTP_DROP: Action = action("totp.drop", Class::Durable);

macro_rules! question {
    ($question:ty => $answer:ty, $action:expr, |$it:ident| $resource:expr) => {
        impl Question for $question {
            type Answer = $answer;

            fn action(&self) -> &'static Action {
                &$action
            }

            fn resource(&self) -> Resource<'_> {
                let $it = self;
                let (kind, namespace, name): (_, &str, &str) = $resource;
                Resource { kind, namespace, name: name.as_bytes() }
            }
        }
    };
}

/// Makes a user, who can log in from then on.
#[derive(Debug, Clone, Copy)]
pub struct CreateUser<'a> {
    /// Their name within the tenant.
    pub name: &'a str,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: &'a [String],
    /// And what they are beside that.
    pub rights: &'a Rights,
    /// How they show that it is they.
    pub proof: Proof<'a>,
}

/// A password, or what another system made of one.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// The password itself.
    Password(&'a str),
    /// Its hash by bcrypt or argon2id.
    Hash(&'a str),
}

impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Proof::Password(_) => "Password(…)",
            Proof::Hash(_) => "Hash(…)",
        })
    }
}

question!(CreateUser<'_> => (), USER_CREATE, |it| ("user", "", it.name));

/// What is known of a user; their password is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// Their name within the tenant.
    pub name: String,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: Vec<String>,
    /// And what they are beside that.
    pub rights: Rights,
    /// Whether they are kept out.
    pub disabled: bool,
    /// Whether they show a second factor.
    pub totp: bool,
    /// Since when.
    pub created: Time,
}

/// The tenant's users.
#[derive(Debug, Clone, Copy)]
pub struct ListUsers<'a> {
    /// Behind this name.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

question!(ListUsers<'_> => Vec<UserInfo>, USER_LIST, |_it| ("user", "", ""));

/// Changes a user; what is not named stays.
#[derive(Clone, Copy)]
pub struct ChangeUser<'a> {
    /// Whom.
    pub name: &'a str,
    /// What they may act as from now on.
    pub roles: Option<&'a [String]>,
    /// And what they are beside that.
    pub rights: Option<&'a Rights>,
    /// Whether they are kept out.
    pub disabled: Option<bool>,
    /// Their new password, which ends their sessions.
    pub password: Option<&'a str>,
}

impl fmt::Debug for ChangeUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeUser({:?})", self.name)
    }
}

// Whether there was such a user.
question!(ChangeUser<'_> => bool, USER_CHANGE, |it| ("user", "", it.name));

/// Deletes a user, with their sessions and keys.
#[derive(Debug, Clone, Copy)]
pub struct DeleteUser<'a> {
    /// Whom.
    pub name: &'a str,
}

// Whether there was such a user.
question!(DeleteUser<'_> => bool, USER_DELETE, |it| ("user", "", it.name));

/// Logs in whoever has just shown their password, or whom a provider vouches for.
#[derive(Debug, Clone, Copy)]
pub struct OpenSession<'a> {
    /// Who they say they are, or who vouches for them.
    pub name: &'a str,
}

/// A login at an identity provider that has begun.
#[derive(Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where the browser goes.
    pub location: String,
    /// What it keeps until it comes back.
    pub kept: String,
    /// Whether it may keep that only within TLS.
    pub secure: bool,
    /// For how long.
    pub life: Duration,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun(…)")
    }
}

/// A session's tokens, the only time they are seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The session's public id.
    pub session: String,
    /// What to show with every request.
    pub token: String,
    /// Until when, at most.
    pub expires: Time,
    /// What to show, once, for new tokens.
    pub refresh: String,
    /// Until when.
    pub refresh_expires: Time,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Granted({})", self.session)
    }
}

question!(OpenSession<'_> => Granted, SESSION_OPEN, |it| ("session", "", plausible(it.name)));

/// A name, where it could be one: what people type instead may be their password, and what
/// is on record stays there.
fn plausible(name: &str) -> &str {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
    if name.chars().all(allowed) { name } else { "" }
}

/// New tokens for whoever has just shown a refresh token.
#[derive(Debug, Clone, Copy)]
pub struct RefreshSession;

question!(RefreshSession => Granted, SESSION_REFRESH, |_it| ("session", "", ""));

/// Logs out: ends the session whose token is shown.
#[derive(Debug, Clone, Copy)]
pub struct CloseSession;

question!(CloseSession => (), SESSION_CLOSE, |_it| ("session", "", ""));

/// What is known of a session; its tokens are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its public id.
    pub id: String,
    /// Whose it is.
    pub principal: String,
    /// Since when.
    pub created: Time,
    /// When it was last used, to the minute.
    pub seen: Time,
    /// When it ends whatever happens.
    pub ends: Time,
    /// From where they logged in; empty on the local socket.
    pub address: String,
    /// With which program, in its own words.
    pub agent: String,
    /// What is odd about it: `address`, `agent`, `long`, `busy`.
    pub suspicion: Vec<String>,
}

/// Sessions of one principal.
#[derive(Debug, Clone, Copy)]
pub struct ListSessions<'a> {
    /// Whose; the caller's own when empty, everybody's in the tenant for `*`.
    pub of: &'a str,
    /// Behind this id.
    pub after: &'a str,
    /// At most so many.
    pub limit: u32,
}

question!(ListSessions<'_> => Vec<SessionInfo>, SESSION_LIST, |it| ("session", it.of, ""));

/// Ends a session at once, on every node.
#[derive(Debug, Clone, Copy)]
pub struct EndSession<'a> {
    /// Whose; the caller's own when empty.
    pub of: &'a str,
    /// Its public id.
    pub id: &'a str,
}

// Whether there was such a session.
question!(EndSession<'_> => bool, SESSION_END, |it| ("session", it.of, it.id));

/// Ends all sessions of one principal at once, on every node.
#[derive(Debug, Clone, Copy)]
pub struct EndSessions<'a> {
    /// Whose; the caller's own when empty.
    pub of: &'a str,
}

// How many they were.
question!(EndSessions<'_> => u64, SESSION_END, |it| ("session", it.of, ""));

/// Begins to set up a second factor for the caller.
#[derive(Debug, Clone, Copy)]
pub struct BeginTotp;

/// What an authenticator app has to know, the only time it is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret in base 32, to be typed.
    pub secret: String,
    /// The same as an address, to be shown as a picture.
    pub url: String,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

question!(BeginTotp => Enrolment, TOTP_BEGIN, |_it| ("totp", "", ""));

/// Shows that the app is set up; from then on a code is needed to log in.
#[derive(Clone, Copy)]
pub struct ConfirmTotp<'a> {
    /// What the app shows.
    pub code: &'a str,
}

impl fmt::Debug for ConfirmTotp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfirmTotp(…)")
    }
}

// The recovery codes, the only time they are seen.
question!(ConfirmTotp<'_> => Vec<String>, TOTP_CONFIRM, |_it| ("totp", "", ""));

/// Takes the second factor away from a user who lost it.
#[derive(Debug, Clone, Copy)]
pub struct DropTotp<'a> {
    /// Whose.
    pub of: &'a str,
}

// Whether they had one.
question!(DropTotp<'_> => bool, TOTP_DROP, |it| ("totp", it.of, ""));

macro_rules! answers {
    ($($question:ty),*) => {
        /// Whoever answers every question of this part.
        pub trait Answers: $(for<'q> Origin<$question> +)* Send + Sync {}

        impl<T: $(for<'q> Origin<$question> +)* Send + Sync> Answers for T {}
    };
}

answers!(
    CreateUser<'q>,
    ListUsers<'q>,
    ChangeUser<'q>,
    DeleteUser<'q>,
    OpenSession<'q>,
    RefreshSession,
    CloseSession,
    ListSessions<'q>,
    EndSession<'q>,
    EndSessions<'q>,
    BeginTotp,
    ConfirmTotp<'q>,
    DropTotp<'q>
);
