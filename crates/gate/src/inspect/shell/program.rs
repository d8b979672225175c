//! Programs that are known to shells, by how likely their names are words of a sentence.

use super::super::lookup::Places;
use super::super::text::listed;

/// How a name of a program is used otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Nothing else is called so.
    Known,
    /// It is a word of English, or a short name of other things.
    English,
    /// It begins sentences and follows commas.
    Common,
}

/// What is known of a program by its name in lower case.
pub(super) fn sort(name: &[u8]) -> Option<Sort> {
    let bare = name.strip_suffix(b".exe").unwrap_or(name);
    if let Some(sort) = PLACES.find(PROGRAMS, bare) {
        return Some(sort);
    }
    if cmdlet(name) {
        return Some(Sort::Known);
    }
    let script = [&b".exe"[..], b".bat", b".ps1", b".vbs"].iter().any(|end| name.ends_with(end));
    (script && name.len() > 4).then_some(Sort::English)
}

/// A verb that PowerShell knows, and something of a machine that it is done to.
fn cmdlet(name: &[u8]) -> bool {
    let Some(dash) = memchr::memchr(b'-', name) else { return false };
    let verb = name.get(..dash).unwrap_or_default();
    let noun = name.get(dash + 1..).unwrap_or_default();
    listed(&VERBS, verb) && NOUNS.iter().any(|held| noun.starts_with(held.as_bytes()))
}

const VERBS: [&str; 34] = [
    "add",
    "clear",
    "compress",
    "convertfrom",
    "convertto",
    "copy",
    "disable",
    "enable",
    "enter",
    "expand",
    "export",
    "find",
    "foreach",
    "format",
    "get",
    "import",
    "install",
    "invoke",
    "measure",
    "move",
    "new",
    "out",
    "read",
    "remove",
    "rename",
    "restart",
    "select",
    "set",
    "start",
    "stop",
    "tee",
    "test",
    "where",
    "write",
];

/// How nouns of cmdlets begin.
const NOUNS: [&str; 47] = [
    "acl",
    "ad",
    "alias",
    "archive",
    "bitstransfer",
    "childitem",
    "cim",
    "clipboard",
    "command",
    "computer",
    "connection",
    "content",
    "credential",
    "csv",
    "date",
    "dns",
    "error",
    "event",
    "executionpolicy",
    "expression",
    "file",
    "host",
    "hotfix",
    "item",
    "job",
    "json",
    "local",
    "location",
    "member",
    "module",
    "mppreference",
    "net",
    "object",
    "output",
    "process",
    "psdrive",
    "pssession",
    "random",
    "restmethod",
    "scheduledtask",
    "securestring",
    "service",
    "sleep",
    "string",
    "variable",
    "web",
    "wmi",
];

const PROGRAMS: &[(&str, Sort)] = &include!("programs.in");

static PLACES: Places<4096> = Places::of(PROGRAMS);

#[cfg(test)]
mod tests {
    #[test]
    fn programs_are_in_order() {
        assert!(super::PROGRAMS.is_sorted_by(|one, other| one.0 < other.0));
        assert!(super::VERBS.is_sorted());
    }
}
