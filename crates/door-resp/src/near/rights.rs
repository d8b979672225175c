//! What somebody has to be permitted to say something to the Redis behind.

use flow::question::cache::Deed;

use crate::command::{Arguments, Command, Run, find};

/// How far a command reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is about the connection alone.
    Connection,
    /// It reads in the selected database.
    Reads,
    /// It writes in the selected database.
    Writes,
    /// It may touch anything, or is not known.
    Everywhere,
}

/// About the connection that says them.
const CONNECTION: &[&str] = &[
    "ping",
    "echo",
    "select",
    "multi",
    "exec",
    "discard",
    "unwatch",
    "time",
    "command",
    "hello",
    "auth",
    "quit",
    "reset",
    "readonly",
    "readwrite",
    "asking",
    "unsubscribe",
    "punsubscribe",
    "sunsubscribe",
];
/// About the client that says them.
const OWN: &[&str] = &[
    "id",
    "info",
    "getname",
    "setname",
    "setinfo",
    "reply",
    "tracking",
    "trackinginfo",
    "caching",
    "getredir",
    "no-evict",
    "no-touch",
    "help",
];
const READS: &[&str] = &[
    "watch",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "pubsub",
    "info",
    "dbsize",
    "lastsave",
    "wait",
    "keys",
    "scan",
    "randomkey",
    "object",
    "memory",
];
const WRITES: &[&str] = &["publish", "spublish", "flushdb"];
/// They name another database.
const ACROSS: &[&str] = &["move", "swapdb", "flushall"];

impl Reach {
    /// How far these words reach.
    pub(crate) fn of(arguments: Arguments<'_>) -> Self {
        let is = |names: &[&str]| names.iter().any(|name| arguments.is(0, name));
        let own = || OWN.iter().any(|name| arguments.is(1, name));
        match () {
            () if is(CONNECTION) || arguments.is(0, "client") && own() => Self::Connection,
            () if is(READS) => Self::Reads,
            () if is(WRITES) => Self::Writes,
            () if is(ACROSS) || names_database(arguments) => Self::Everywhere,
            () => find(arguments.at(0)).map_or(Self::Everywhere, Self::of_known),
        }
    }

    fn of_known(command: &Command) -> Self {
        match (command.run, command.deed) {
            (Run::Work(_) | Run::Reach(..) | Run::Wait(..), Some(Deed::Read)) => Self::Reads,
            (Run::Work(_) | Run::Reach(..) | Run::Wait(..), Some(_)) => Self::Writes,
            _ => Self::Everywhere,
        }
    }
}

/// Whether a copy goes to another database.
fn names_database(arguments: Arguments<'_>) -> bool {
    arguments.is(0, "copy") && (3..arguments.len()).any(|at| arguments.is(at, "db"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Reach) {
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        for word in line.split(' ') {
            places.push(buffer.len()..buffer.len() + word.len());
            buffer.extend_from_slice(word.as_bytes());
        }
        assert_eq!(Reach::of(Arguments::new(&buffer, &places)), expected, "{line}");
    }

    #[test]
    fn a_command_reaches_as_far_as_it_may() {
        check("PING", Reach::Connection);
        check("CLIENT SETNAME a", Reach::Connection);
        check("CLIENT KILL TYPE normal", Reach::Everywhere);
        check("get k", Reach::Reads);
        check("SUBSCRIBE c", Reach::Reads);
        check("SET k v", Reach::Writes);
        check("blpop k 0", Reach::Writes);
        check("DEL k", Reach::Writes);
        check("copy a b", Reach::Writes);
        check("copy a b db 1", Reach::Everywhere);
        for line in ["SWAPDB 0 1", "FLUSHALL", "EVAL s 0", "CONFIG SET a b", "SHUTDOWN", "nonsense"]
        {
            check(line, Reach::Everywhere);
        }
    }
}
