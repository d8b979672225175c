//! What commands with several parts say of themselves.

use crate::reply::Replies;

/// Describes the parts of a command, a line each, as Redis does.
pub(super) fn help(replies: &mut Replies, command: &str, lines: &[&str]) {
    let head = format!("{command} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    let tail = ["HELP", "    Prints this help."];
    replies.array(lines.len() + 1 + tail.len());
    replies.simple(&head);
    lines.iter().chain(&tail).for_each(|line| replies.simple(line));
}
