//! Markup that a browser would run, read as HTML says that tags are read.

mod attribute;
#[cfg(test)]
mod tests;

use super::sign::Signs;
use super::text::{Text, find, has, is_space, listed};
use super::{Findings, Kind};
pub(super) use attribute::runs;
use attribute::{attribute, styled};

/// Looks for tags that run something.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::HIGH)
        && let Some(at) = find(text.lower, "¼script".as_bytes(), 0)
    {
        found.add(Kind::Xss, 0.9, (at, at + 8), "a bracket is written with a bit too many");
    }
    if text.signs.any(Signs::AMPERSAND) {
        written_as_number(text, found);
    }
    if !text.signs.any(Signs::LESS) {
        return;
    }
    leaves(text, found);
    let mut place = 0;
    while let Some(open) = memchr::memchr(b'<', text.lower.get(place..).unwrap_or_default()) {
        let open = place + open;
        let end = tag(text, open, found);
        place = end.max(open + 1);
    }
}

/// `"><b>`: an attribute and its tag are closed, and another begins.
fn leaves(text: &Text<'_>, found: &mut Findings) {
    let head = text.part(0, 32);
    let Some(quote) = head.iter().position(|byte| matches!(byte, b'\'' | b'"' | b'`')) else {
        return;
    };
    let named = text.part(0, quote).iter().all(|byte| byte.is_ascii_alphanumeric());
    let rest = text.part(quote + 1, text.len());
    let marks = rest.iter().take_while(|byte| matches!(byte, b'"' | b'\'' | b'/' | b'>')).count();
    let Some((marks, rest)) = rest.split_at_checked(marks) else { return };
    if !marks.ends_with(b">") {
        return;
    }
    let rest = super::text::trim(rest.get(..32).unwrap_or(rest));
    if named && matches!(rest, [b'<', b'a'..=b'z' | b'/' | b'!', ..]) {
        found.add(Kind::Xss, 0.75, (quote, quote + 4), "a tag is closed and another begins");
    }
}

/// `&#0000060`: a bracket written as a number, alone or with more zeroes than anybody needs.
fn written_as_number(text: &Text<'_>, found: &mut Findings) {
    let value = super::text::trim(text.lower);
    let Some(digits) = value.strip_prefix(b"&#") else { return };
    let (digits, bracket): (&[u8], &[u8]) = match digits.strip_prefix(b"x") {
        Some(digits) => (digits, b"3c"),
        None => (digits, b"60"),
    };
    let zeroes = digits.iter().take_while(|byte| **byte == b'0').count();
    let rest = digits.get(zeroes..).unwrap_or_default();
    if rest.strip_prefix(bracket).is_some_and(|end| matches!(end, b"" | b";") || zeroes > 3) {
        found.add(Kind::Xss, 0.75, (0, value.len()), "a bracket is written as a number");
    }
}

/// Elements whose end a value writes to leave them: nothing in them is read as a tag.
const RAW: [&str; 9] =
    ["iframe", "noembed", "noframes", "noscript", "style", "template", "textarea", "title", "xmp"];

/// `the <script> tag`: a name of a tag in a sentence, with nothing behind it that runs.
fn spoken(text: &Text<'_>, open: usize, end: usize) -> bool {
    let head = text.part(open.saturating_sub(64), open);
    let words = head.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).count();
    let rest = text.part(end + 1, end + 200);
    let generic = head.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b':')
        && text.raw.get(open + 1).is_some_and(u8::is_ascii_uppercase)
        && text.raw.get(open + 2).is_some_and(u8::is_ascii_lowercase);
    if generic && !has(rest, b"</") && !rest.first().is_some_and(u8::is_ascii_alphanumeric) {
        return true;
    }
    let followed = matches!(rest.first(), None | Some(b' ' | b',' | b'.' | b'?' | b'`' | b'\''));
    text.at(end) == b'>'
        && followed
        && (words > 1 && matches!(head.last(), Some(b' ' | b'`' | b'\'' | b'"' | b'(')))
        && !rest.iter().take(80).any(|byte| matches!(byte, b'=' | b'{'))
        && !rest.windows(2).any(|pair| pair == b"</" || pair == b"//" || is_called(pair))
}

const fn is_called(pair: &[u8]) -> bool {
    matches!(pair, [byte, b'(' | b'`'] if super::text::is_word(*byte))
}

/// Reads the tag that begins at `open`; says where the reading goes on.
fn tag(text: &Text<'_>, open: usize, found: &mut Findings) -> usize {
    let mut place = open + 1;
    // What browsers of some age and filters drop between the bracket and the name.
    while place < text.len() && place < open + 16 && matches!(text.at(place), 0..=b' ' | b'\\') {
        place += 1;
    }
    let spaced = place > open + 1;
    let closing = text.at(place) == b'/';
    if closing {
        place += 1;
        while is_space(text.at(place)) {
            place += 1;
        }
    }
    if !text.at(place).is_ascii_alphabetic() {
        if text.at(place) == b'%' || text.at(place) == b'?' || text.at(place) == b'!' {
            return place;
        }
        return open + 1;
    }
    let start = place;
    while place < text.len()
        && !is_space(text.at(place))
        && !matches!(text.at(place), b'>' | b'/' | b'<')
    {
        place += 1;
    }
    let name = text.part(start, place);
    let plain = name
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-' && *byte != b':');
    let name: &[u8] = plain.and_then(|end| name.get(..end)).unwrap_or(name);
    let ends = matches!(text.at(start + name.len()), b'>' | b'/' | b'<' | 0)
        || is_space(text.at(start + name.len()))
        || text.at(start + name.len()) < b' '
        || text.at(start + name.len()) == b'"'
        || text.at(start + name.len()) == b'\''
        || text.at(start + name.len()) == b'\\'
        || text.at(start + name.len()) == b'`';
    // `(a<b) && …` is no tag.
    if matches!(text.at(start + name.len()), b')' | b';' | b',' | b']') {
        return open + 1;
    }
    if text.at(start + name.len()) == 0 && start + name.len() < text.len() {
        let whole: Vec<u8> =
            text.part(start, place).iter().copied().filter(|byte| *byte != 0).collect();
        if whole.starts_with(b"script") {
            found.add(Kind::Xss, 0.9, (open, place), "a script begins or ends in the value");
        }
    }
    if closing && open == 0 && listed(&RAW, name) {
        found.add(Kind::Xss, 0.75, (open, place), "an element that holds text is left");
    }
    // The name may be torn by what is no part of names: the attributes begin there.
    if plain.is_some() {
        place = start + name.len();
    }
    let name = memchr::memchr(b':', name).and_then(|colon| name.get(colon + 1..)).unwrap_or(name);
    let script = name == b"script" || name == b"xss" || (!ends && name.starts_with(b"script"));
    if script && ends {
        let weight = match closing {
            true => 0.75,
            false if spoken(text, open, place) => 0.6,
            false => 1.0,
        };
        found.add(Kind::Xss, weight, (open, place), "a script begins or ends in the value");
        if !closing {
            return text.len();
        }
    }
    let facts = attributes(text, name, place, found);
    weigh(text, name, closing, spaced, &facts, (open, facts.end), found);
    facts.end
}

/// What the attributes of a tag say.
struct Facts {
    end: usize,
    source: bool,
    count: usize,
}

fn attributes(text: &Text<'_>, tag: &[u8], mut place: usize, found: &mut Findings) -> Facts {
    let mut facts = Facts { end: place, source: false, count: 0 };
    loop {
        text.step();
        while place < text.len()
            && (is_space(text.at(place))
                || matches!(text.at(place), b'/' | b'"' | b'\'' | b'`' | b'\\' | b'=' | 0..=0x1f))
        {
            place += 1;
        }
        if place >= text.len() || text.at(place) == b'>' {
            break;
        }
        // Another tag begins: this one is broken, and browsers read on in it.
        if text.at(place) == b'<' && text.at(place + 1).is_ascii_alphabetic() && facts.count == 0 {
            break;
        }
        let start = place;
        while place < text.len()
            && !is_space(text.at(place))
            && !matches!(text.at(place), b'=' | b'>' | b'/')
        {
            place += 1;
        }
        let name = text.part(start, place);
        let mut behind = place;
        while is_space(text.at(behind)) || matches!(text.at(behind), 1..=0x1f) {
            behind += 1;
        }
        facts.count += 1;
        if text.at(behind) == b'/' && text.at(behind + 1) == b'=' {
            behind += 1;
        }
        if text.at(behind) != b'=' {
            if place == start {
                place += 1;
            }
            if split(name) {
                let why = "a handler of events is set in markup";
                found.add(Kind::Xss, 0.75, (start, place), why);
            }
            // A handler at the very end may have been torn off before its value.
            continue;
        }
        behind += 1;
        while is_space(text.at(behind)) || matches!(text.at(behind), 1..=0x1f) {
            behind += 1;
        }
        let (value, end) = value(text, behind);
        attribute(text, tag, (name, value), (start, end), &mut facts, found);
        place = end.max(place + 1);
    }
    facts.end = place.min(text.len());
    facts
}

/// `onload!#$%&=…`: marks behind the name of an event, which some browsers passed over.
fn split(name: &[u8]) -> bool {
    let end = name.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(name.len());
    let (event, marks) = name.split_at_checked(end).unwrap_or_default();
    event.starts_with(b"on") && event.len() > 5 && matches!(marks, [b'!', b'#' | b'$' | b'%', ..])
}

/// How much is read of a value whose quote is never closed.
const UNCLOSED_MAX: usize = 1024;

fn value<'a>(text: &Text<'a>, start: usize) -> (&'a [u8], usize) {
    let quote = text.at(start);
    if matches!(quote, b'"' | b'\'' | b'`') {
        let rest = text.part(start + 1, text.len());
        return match memchr::memchr(quote, rest) {
            Some(end) => (rest.get(..end).unwrap_or_default(), start + 2 + end),
            // It is never closed: browsers read to the end, and so do we, part by part.
            None => (
                rest.get(..UNCLOSED_MAX).unwrap_or(rest),
                start
                    + 1
                    + rest
                        .iter()
                        .position(|byte| is_space(*byte) || *byte == b'>')
                        .unwrap_or(rest.len()),
            ),
        };
    }
    let mut end = start;
    while end < text.len() && !is_space(text.at(end)) && text.at(end) != b'>' {
        end += 1;
    }
    (text.part(start, end), end)
}

/// Tags that load or run what they name, whatever their attributes.
fn weigh(
    text: &Text<'_>,
    name: &[u8],
    closing: bool,
    spaced: bool,
    facts: &Facts,
    span: (usize, usize),
    found: &mut Findings,
) {
    if closing {
        return;
    }
    // `<math.h>` is a file.
    let behind = span.0 + 1 + usize::from(spaced) + name.len();
    let weight = match name {
        b"iframe" | b"frame" | b"object" | b"embed" | b"applet" | b"layer" | b"ilayer"
        | b"bgsound" | b"base" | b"isindex" | b"portal" | b"fencedframe" => {
            if facts.source {
                0.9
            } else {
                0.6
            }
        }
        b"frameset" | b"xml" if facts.count > 0 => 0.7,
        b"handler" | b"listener" if facts.count > 2 => 0.75,
        b"import" | b"handler" | b"listener" | b"set" | b"animate" | b"animatemotion"
            if facts.count > 1 =>
        {
            0.6
        }
        b"link" if facts.source && facts.count > 1 => 0.7,
        b"meta" if facts.source && facts.count > 1 => 0.7,
        b"style" if spoken(text, span.0, span.1) => 0.5,
        b"style" => {
            let body = text.part(span.1, span.1 + 512);
            if styled(body) { 0.9 } else { 0.7 }
        }
        b"form" | b"svg" | b"math" | b"xml" | b"xss" | b"handler"
            if text.at(span.1) == b'>' && text.at(behind) != b'.' =>
        {
            0.7
        }
        b"plaintext" if span.0 == 0 && span.1 + 1 >= text.len() => 0.7,
        b"a" | b"form" | b"button"
            if facts.source
                && span.1 >= text.len()
                && matches!(text.raw.last(), Some(b'?' | b'=' | b'&')) =>
        {
            0.7
        }
        b"img" | b"image" | b"input" | b"video" | b"audio" | b"source" | b"track" | b"body"
        | b"table" | b"thead" | b"tbody" | b"tfoot" | b"tr" | b"td" | b"th"
            if facts.source && span.1 >= text.len() && text.raw.last() != Some(&b'>') =>
        {
            0.7
        }
        _ => 0.0,
    };
    let weight = if spaced { weight * 0.8 } else { weight };
    found.add(Kind::Xss, weight, span, "a tag loads or runs what it names");
}
