//! What is asked: a [`Request`] says by whom and through which door, a
//! [`Question`] what.
//!
//! The question decides its own [`Action`] and [`Resource`], so a door cannot
//! ask for one thing and do another.

use std::fmt;
use std::net::IpAddr;

use crate::clock::Moment;
use crate::fact::Class;
use crate::identity::System;
use crate::random::Id;

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// HTTP on a network address.
    Http,
    /// HTTP on the socket in the data directory.
    Local,
    /// The Redis protocol.
    Resp,
    /// None: Stockade's own work.
    Inside,
}

impl Door {
    /// The word used in facts, metrics and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Door::Http => "http",
            Door::Local => "local",
            Door::Resp => "resp",
            Door::Inside => "inside",
        }
    }
}

/// What the caller showed to say who they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// A token or an API key.
    Bearer(&'a str),
    /// A name and a secret.
    Named(&'a str, &'a str),
    /// A name and a password, to log in.
    Password(Password<'a>),
    /// A token that is good for new tokens.
    Refresh(&'a str),
    /// The operating system's word that this is user `uid` of this machine, on
    /// a socket only the owner of the data directory can open.
    Local {
        /// The user id at the other end.
        uid: u32,
    },
    /// Stockade's own word; only the path itself can say it.
    Inside(Inside),
}

/// What somebody says who logs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password<'a> {
    /// Where they have their account.
    pub tenant: &'a str,
    /// Their name there.
    pub name: &'a str,
    /// Their password.
    pub secret: &'a str,
    /// What their authenticator app shows, or a recovery code.
    pub code: Option<&'a str>,
}

/// A part of Stockade, vouched for by the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside(pub(crate) System);

impl fmt::Debug for Credential<'_> {
    /// Which kind it is; what it says is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::None => f.write_str("None"),
            Credential::Bearer(_) => f.write_str("Bearer(…)"),
            Credential::Named(name, _) => write!(f, "Named({name:?}, …)"),
            Credential::Password(shown) => write!(f, "Password({:?}, …)", shown.name),
            Credential::Refresh(_) => f.write_str("Refresh(…)"),
            Credential::Local { uid } => write!(f, "Local({uid})"),
            Credential::Inside(Inside(system)) => write!(f, "Inside({})", system.name()),
        }
    }
}

/// One request, as a door hands it in.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its name, in every log line, fact and answer that concerns it.
    pub id: Id,
    /// When it arrived.
    pub at: Moment,
    /// Through which door.
    pub door: Door,
    /// What the caller showed.
    pub credential: Credential<'a>,
    /// The caller's address, where there is one.
    pub peer: Option<IpAddr>,
    /// The caller's program in its own words; empty where it says nothing.
    pub agent: &'a str,
}

/// Which limits count a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pace {
    /// Requests per time, connections, bytes and concurrency.
    Rate,
    /// Connections, bytes and concurrency; rates only where configured.
    Load,
}

/// Whether the request's text is looked at for attacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inspection {
    /// It is.
    On,
    /// It is an opaque value, or a question *about* text.
    Off,
}

/// Something that can be asked for, with everything the path must know of it.
#[derive(Debug)]
pub struct Action {
    /// `part.verb`.
    pub name: &'static str,
    /// How safely it is recorded when it was done.
    pub class: Class,
    /// Which limits count it.
    pub pace: Pace,
    /// Whether its text is inspected.
    pub inspection: Inspection,
}

/// What an action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource<'a> {
    /// `cache`, `object`, `stream`, …
    pub kind: &'static str,
    /// The namespace, bucket or stream; empty where there is none.
    pub namespace: &'a str,
    /// The thing itself; empty for all of the namespace.
    pub name: &'a [u8],
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "/{}", self.namespace)?;
        }
        if !self.name.is_empty() {
            write!(f, "/{}", self.name.escape_ascii())?;
        }
        Ok(())
    }
}

/// What the stages see of a question: the action and what it is done to.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What is to be done.
    pub action: &'static Action,
    /// To what.
    pub resource: Resource<'a>,
}

/// One thing that can be asked. Each is a type of its own, with its answer.
pub trait Question: Send + Sync {
    /// What comes back.
    type Answer: Send;

    /// What is asked for.
    fn action(&self) -> &'static Action;

    /// Of what.
    fn resource(&self) -> Resource<'_>;

    /// Shows the names of further resources of the same namespace that it is about: what is
    /// permitted for one alone has to be permitted for each.
    fn further(&self, _each: &mut dyn FnMut(&[u8])) {}

    /// How many bytes it brings, where that is worth knowing.
    fn bytes(&self) -> u64 {
        0
    }

    /// Both, for the stages.
    fn ask(&self) -> Ask<'_> {
        Ask { action: self.action(), resource: self.resource() }
    }
}
