//! Rights: they are given to keys, not here.

use super::help::help;
use super::{Arguments, Command, Done, Wrong, part};
use crate::session::Session;

pub(super) static COMMANDS: &[Command] =
    &[Command::says("acl", -2, rights).of("server").since("6.0.0").does("Says who the caller is")];

static HELP: &[&str] = &[
    "WHOAMI",
    "    The name of the key this connection has shown.",
    "Everything else about users is refused: rights are given to keys of Stockade, with",
    "`stockade key create` and over HTTP.",
];

/// What Redis knows of besides, with how many words.
static PARTS: &[(&str, i8)] = &[
    ("cat", -2),
    ("deluser", -3),
    ("dryrun", -4),
    ("genpass", -2),
    ("getuser", 3),
    ("help", 2),
    ("list", 2),
    ("load", 2),
    ("log", -2),
    ("save", 2),
    ("setuser", -3),
    ("users", 2),
    ("whoami", 2),
];

fn rights(session: &mut Session, arguments: Arguments<'_>) -> Done {
    match part("ACL", arguments, PARTS)? {
        "help" => help(&mut session.replies, "ACL", HELP),
        "whoami" => {
            let user = session.card.said.lock().user.clone();
            session.replies.bulk(user.as_bytes());
        }
        _ => {
            return Err(Wrong::said(
                "ERR rights are given to keys of Stockade, not here: see `stockade key --help`",
            ));
        }
    }
    Ok(())
}
