//! What is asked: a [`Request`] says by whom and through which door, a
//! [`Question`] what.
//!
//! The question decides its own [`Action`] and [`Resource`], so a door cannot
//! ask for one thing and do another.

use std::fmt;
use std::net::IpAddr;

use crate::certificate::Certificate;
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
    /// Questions of proxies, by gRPC.
    Authz,
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
            Door::Authz => "authz",
            Door::Inside => "inside",
        }
    }
}

/// What the caller showed to say who they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing.
    None,
    /// Nothing, by somebody on the way to a place of others, which may be open to all.
    Stranger(Place<'a>),
    /// Nothing, at a door that may be open to whoever is on this machine.
    Neighbour,
    /// A token or an API key.
    Bearer(&'a str),
    /// A name and a secret.
    Named(&'a str, &'a str),
    /// A name and a password, to log in.
    Password(Password<'a>),
    /// A token that is good for new tokens.
    Refresh(&'a str),
    /// A certificate, shown when the connection was made.
    Certificate(&'a Certificate),
    /// What a browser brings back from an identity provider.
    Returned(Returned<'a>),
    /// The operating system's word that this is user `uid` of this machine, on
    /// a socket only the owner of the data directory can open.
    Local {
        /// The user id at the other end.
        uid: u32,
    },
    /// Stockade's own word; only the path itself can say it.
    Inside(Inside),
}

/// Where somebody is going whom a proxy asks about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The host, without its port.
    pub host: &'a str,
    /// The path, as it was sent.
    pub path: &'a str,
}

/// What proofs begin with, before the id of the key they are of and three parts that are
/// others in each of them.
pub const PROOF: &str = "sth_";

/// Whether a bearer's credential is a proof, by its looks; none of these is ever a key.
pub fn is_proof(shown: &str) -> bool {
    shown.starts_with(PROOF) && shown.bytes().filter(|&byte| byte == b'_').count() == 4
}

impl<'a> Credential<'a> {
    /// What is the same of a bearer's credential in each of their requests, whoever they are:
    /// of a proof whose key it is of, of all else the whole.
    pub fn lasting(&self) -> Option<&'a str> {
        let Credential::Bearer(shown) = *self else { return None };
        let parted = shown.rsplitn(4, '_').nth(3).filter(|_| is_proof(shown));
        Some(parted.unwrap_or(shown))
    }
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

/// What a browser brings back from an identity provider.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Returned<'a> {
    /// The provider, by its name here.
    pub provider: &'a str,
    /// What the browser was given to keep when the login began.
    pub kept: &'a str,
    /// Which login it says this is.
    pub state: &'a str,
    /// What is exchanged for who it is.
    pub code: Option<&'a str>,
    /// Whose answer it says this is.
    pub issuer: Option<&'a str>,
    /// The provider's word for why there is no code.
    pub error: Option<&'a str>,
}

/// A part of Stockade, vouched for by the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside(pub(crate) System);

impl fmt::Debug for Credential<'_> {
    /// Which kind it is; what it says is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::None => f.write_str("None"),
            Credential::Stranger(_) => f.write_str("Stranger(…)"),
            Credential::Neighbour => f.write_str("Neighbour"),
            Credential::Bearer(_) => f.write_str("Bearer(…)"),
            Credential::Named(name, _) => write!(f, "Named({name:?}, …)"),
            Credential::Password(shown) => write!(f, "Password({:?}, …)", shown.name),
            Credential::Refresh(_) => f.write_str("Refresh(…)"),
            Credential::Certificate(shown) => write!(f, "Certificate({:?})", shown.names),
            Credential::Returned(returned) => write!(f, "Returned({:?}, …)", returned.provider),
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
        let is_seen = |byte: u8| byte >= b' ' && byte != 0x7f;
        match self.namespace {
            "" => {}
            seen if seen.bytes().all(is_seen) => write!(f, "/{seen}")?,
            other => write!(f, "/{}", other.escape_debug())?,
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
    /// How many of its like are asked for at once.
    pub items: usize,
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

    /// How many things are asked for at once.
    fn items(&self) -> usize {
        1
    }

    /// How many bytes it brings, where that is worth knowing.
    fn bytes(&self) -> u64 {
        0
    }

    /// All of it, for the stages.
    fn ask(&self) -> Ask<'_> {
        Ask { action: self.action(), resource: self.resource(), items: self.items() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_proof_its_key_is_lasting_and_of_all_else_the_whole() {
        for (shown, lasting) in [
            ("sth_a_1_n_m", "sth_a"),
            ("sth_a_2_o_p", "sth_a"),
            ("sth_ab_2_o_p", "sth_ab"),
            ("sth_a_1_n_m_", "sth_a_1_n_m_"),
            ("stk_a_1_n_m", "stk_a_1_n_m"),
            ("key", "key"),
        ] {
            assert_eq!(Credential::Bearer(shown).lasting(), Some(lasting));
        }
        assert_eq!(Credential::None.lasting(), None);
    }
}
