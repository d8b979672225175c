//! Commands of two words.

use crate::command::{Arguments, Wrong};
use crate::reply::Replies;

/// A second word, with how many words it is said (so many or more if negative), and what it
/// is about.
pub(super) type Subject<T> = (&'static str, i8, T);

/// What the second word is about, if it may be said with so many words.
pub(super) fn subject<T: Copy>(
    command: &str,
    subjects: &[Subject<T>],
    arguments: Arguments<'_>,
) -> Result<T, Wrong> {
    let Some((name, arity, what)) = subjects.iter().find(|(name, ..)| arguments.is(1, name)) else {
        let name: String = super::shown(arguments.at(1)).chars().take(128).collect();
        let command = command.to_uppercase();
        return Err(format!("ERR unknown subcommand '{name}'. Try {command} HELP.").into());
    };
    let least = usize::from(arity.unsigned_abs());
    match if *arity < 0 { arguments.len() >= least } else { arguments.len() == least } {
        true => Ok(*what),
        false => Err(Wrong::arity(&format!("{command}|{name}"))),
    }
}

/// That a second word was said with others it does not understand.
pub(super) fn odd(command: &str, arguments: Arguments<'_>) -> Wrong {
    let name: String = super::shown(arguments.at(1)).chars().take(128).collect();
    let command = command.to_uppercase();
    format!("ERR unknown subcommand or wrong number of arguments for '{name}'. Try {command} HELP.")
        .into()
}

/// Says what the second words are.
pub(super) fn help(command: &str, lines: &[&str], replies: &mut Replies) {
    let command = command.to_uppercase();
    replies.array(lines.len() + 3);
    replies.simple(&format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    lines.iter().for_each(|line| replies.simple(line));
    replies.simple("HELP");
    replies.simple("    Prints this help.");
}
