//! Calls in other languages that run a command or read code.

use super::super::sign::Signs;
use super::super::text::{Text, has_any, is_space, is_word, trim};
use super::super::{Findings, Kind};

/// How calls begin, and how much each says.
const CALLS: [(&[u8], f32); 43] = [
    (b"__import__(", 0.9),
    (b"os.system(", 0.8),
    (b"os.popen(", 0.8),
    (b"os.execl", 0.8),
    (b"os.spawn", 0.8),
    (b"subprocess.call(", 0.8),
    (b"subprocess.run(", 0.8),
    (b"subprocess.popen(", 0.8),
    (b"subprocess.check_output(", 0.8),
    (b"commands.getoutput(", 0.8),
    (b"require('child_process')", 0.9),
    (b"require(\"child_process\")", 0.9),
    (b"child_process.exec", 0.8),
    (b"process.mainmodule", 0.8),
    (b"system.diagnostics.process.start(", 0.8),
    (b"[system.diagnostics.process]::start(", 0.8),
    (b"execsync(", 0.8),
    (b"kernel.exec", 0.8),
    (b"kernel.system", 0.8),
    (b"io.popen(", 0.8),
    (b"%x(", 0.7),
    (b"%x{", 0.7),
    (b"system(", 0.75),
    (b"shell_exec(", 0.8),
    (b"passthru(", 0.8),
    (b"popen(", 0.75),
    (b"exec(", 0.75),
    (b"eval(", 0.75),
    (b"phpinfo(", 0.8),
    (b"phpversion(", 0.8),
    (b"file_get_contents(", 0.8),
    (b"readfile(", 0.8),
    (b"execfile(", 0.8),
    (b"open('/", 0.8),
    (b"include('/", 0.8),
    (b"wscript.shell", 0.8),
    (b"xp_cmdshell", 0.8),
    (b"qx(", 0.7),
    (b"{${", 0.8),
    (b"qx/", 0.7),
    (b"$_get[", 0.75),
    (b"$_post[", 0.75),
    (b"$_request[", 0.75),
];
/// What is longer, or has lines, is a program.
const LENGTH_MAX: usize = 160;

/// So many words may be before a call.
const WORDS_MAX: usize = 2;

/// Looks for a call with which the value begins, or that goes on behind a string or statement.
pub(super) fn called(text: &Text<'_>, found: &mut Findings) {
    if text.len() > LENGTH_MAX
        || text.signs.any(Signs::LINE)
        || !text.signs.any(Signs::PAREN.and(Signs::BRACKET))
    {
        return;
    }
    let mut words = 0;
    let mut last = None;
    let mut before = None;
    for place in 0..text.len() {
        let byte = text.at(place);
        // Behind a few words nothing starts.
        if words > WORDS_MAX && last.is_some() {
            return;
        }
        let apart = !before.is_some_and(is_word);
        if apart && starts(last, before, text, place, words) {
            text.step();
            let rest = text.part(place, text.len());
            let call = CALLS
                .iter()
                .find(|(call, _)| call.first() == Some(&byte) && rest.starts_with(call));
            if let Some((call, weight)) = call
                && given(text, call, place + call.len())
            {
                let span = (place, place + call.len());
                found.add(Kind::Command, *weight, span, "a call would run a command");
                return;
            }
        }
        words += usize::from(is_space(byte));
        before = Some(byte);
        last = if is_space(byte) { last } else { Some(byte) };
    }
}

/// Whether nothing is before a call but what ends strings, statements and brackets.
fn starts(
    last: Option<u8>,
    before: Option<u8>,
    text: &Text<'_>,
    place: usize,
    words: usize,
) -> bool {
    let Some(last) = last else { return true };
    if last.is_ascii_alphanumeric() || words > WORDS_MAX {
        return false;
    }
    let quoted = place > 1 && before == Some(b'.') && matches!(text.at(place - 2), b'\'' | b'"');
    let joined = matches!(last, b';' | b'{' | b'@' | b'}' | b'+' | b'&' | b'|');
    let bare = last != b'.' && !text.part(0, place).iter().any(u8::is_ascii_alphanumeric);
    quoted || joined && words < 2 || bare
}

/// Whether what is called has something to run: a string, a variable or nothing at all.
fn given(text: &Text<'_>, call: &[u8], place: usize) -> bool {
    if !matches!(call, b"system(" | b"exec(" | b"eval(" | b"popen(" | b"%x(" | b"qx(" | b"{${") {
        return true;
    }
    let rest = trim(text.part(place, text.len()));
    if call == b"{${" {
        let name = rest.iter().take_while(|byte| is_word(**byte) || **byte == b'@').count();
        return name > 2 && rest.get(name) == Some(&b'(');
    }
    let named = has_any(call, &[b"x("]);
    named && rest.contains(&b')') || matches!(rest.first(), Some(b'\'' | b'"' | b'$' | b'\\'))
}
