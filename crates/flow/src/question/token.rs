//! Questions about access tokens and the keys that sign them.

use std::time::Duration;

use crate::clock::Time;
use crate::fact::Class;
use crate::identity::Principal;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;

const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Rate, inspection: Inspection::Off }
}

static TOKEN_CREATE: Action = action("token.create", Class::Durable);
static TOKEN_REVOKE: Action = action("token.revoke", Class::Durable);
static KEY_LIST: Action = action("token_key.list", Class::Logged);
static KEY_ROTATE: Action = action("token_key.rotate", Class::Durable);

/// Makes an access token for a principal.
#[derive(Debug, Clone, Copy)]
pub struct CreateToken<'a> {
    /// Who may use it.
    pub principal: &'a str,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: &'a [String],
    /// For how long; no longer than tokens may live.
    pub life: Duration,
}

/// A token, the only time it is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct CreatedToken {
    /// Its public id.
    pub id: String,
    /// The token itself.
    pub token: String,
    /// When it is over.
    pub until: Time,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreatedToken({})", self.id)
    }
}

impl Question for CreateToken<'_> {
    type Answer = CreatedToken;

    fn action(&self) -> &'static Action {
        &TOKEN_CREATE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "token", namespace: "", name: self.principal.as_bytes() }
    }
}

/// Ends a token at once, on every node.
#[derive(Debug, Clone, Copy)]
pub struct RevokeToken<'a> {
    /// Its public id.
    pub id: &'a str,
}

impl Question for RevokeToken<'_> {
    type Answer = ();

    fn action(&self) -> &'static Action {
        &TOKEN_REVOKE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "token", namespace: "", name: self.id.as_bytes() }
    }
}

/// What is known of a key that signs tokens; its private part is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Its name in tokens.
    pub kid: String,
    /// How it signs.
    pub algorithm: &'static str,
    /// Since when.
    pub created: Time,
    /// Until when it still verifies; none for the one that signs.
    pub until: Option<Time>,
}

/// The keys that sign tokens, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListTokenKeys;

impl Question for ListTokenKeys {
    type Answer = Vec<TokenKey>;

    fn action(&self) -> &'static Action {
        &KEY_LIST
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "token_key", namespace: "", name: &[] }
    }
}

/// Lets a new key sign; tokens signed by the one before stay valid.
#[derive(Debug, Clone, Copy)]
pub struct RotateTokenKey;

impl Question for RotateTokenKey {
    /// The new key's name.
    type Answer = String;

    fn action(&self) -> &'static Action {
        &KEY_ROTATE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "token_key", namespace: "", name: &[] }
    }
}

/// Whoever answers every question of this part.
pub trait Answers:
    for<'q> Origin<CreateToken<'q>>
    + for<'q> Origin<RevokeToken<'q>>
    + Origin<ListTokenKeys>
    + Origin<RotateTokenKey>
{
}

impl<T> Answers for T where
    T: for<'q> Origin<CreateToken<'q>>
        + for<'q> Origin<RevokeToken<'q>>
        + Origin<ListTokenKeys>
        + Origin<RotateTokenKey>
{
}
