//! How likely it is that what stands where a command begins is one.

use super::super::sign::Signs;
use super::super::text::{Text, is_space, is_word, trim};
use super::Opening;
use super::arguments::{Arguments, arguments, assigned, plain_words};
use super::around::{Around, Lead, Listed};
use super::command::Command;
use super::program::{Sort, sort};

/// A command, and how it stands in the value.
struct Place {
    opening: Opening,
    sort: Sort,
    arguments: Arguments,
    /// The name is the first of `{a,b}`.
    braces: bool,
    /// Nothing is behind the name.
    ended: bool,
    /// The separator touches the word.
    tight: bool,
    /// No word is before the separator.
    first: bool,
    disguised: bool,
    /// The whole value is one line.
    single: bool,
    /// One word is before the separator, and not more than two behind the name.
    brief: bool,
    /// The separator is one that sentences do not have.
    joined: bool,
    /// That word is made of letters.
    worded: bool,
    /// That word is no word of a sentence.
    odd: bool,
    /// It goes on as sentences do.
    sentence: bool,
}

/// How likely it is that a command begins here; nothing when it is none.
pub(super) fn weigh(
    text: &Text<'_>,
    at: usize,
    opening: Opening,
    command: &Command,
    around: &Around<'_>,
) -> Option<f32> {
    if let Some(led) = command.led(text)
        && let Some(sort) = sort(led.name())
        && sort != Sort::Common
        && closed(text.part(led.end, led.end + 4))
        && opening != Opening::Brace
    {
        let place = if led.name().is_empty() { 0 } else { led.end };
        let ended = trim(text.part(place, place + 400)).is_empty();
        if command.name() == b"which" && !(ended && sort == Sort::Known) {
            return None;
        }
        let words = arguments(text.part(led.end, led.end + 400)) == Arguments::Words;
        let weight =
            if words && sort == Sort::English && led.name() != b"echo" { 0.4 } else { 0.85 };
        return Some(weight * led_by(opening, around));
    }
    let sort = match sort(command.name()) {
        Some(sort) => sort,
        None if command.wild() && command.name().len() > 1 => Sort::Known,
        None => return None,
    };
    let rest = text.part(command.end, command.end + 400);
    if assigned(rest) {
        return None;
    }
    let next = rest.first().copied().unwrap_or(0);
    let opened = text.part(command.start.saturating_sub(2), command.start).contains(&b'{');
    let apart = rest.get(1).is_none_or(|byte| is_space(*byte));
    let braces = opened && next == b',' && !apart;
    if !(closed(rest) || braces)
        || opening == Opening::Tick && in_sentence(text, at, command)
        || opening == Opening::Substitution && shouted(text, command)
        || text.at(at) == b'&' && (character(text, at, command) || refers(text, at, command))
    {
        return None;
    }
    let blank = |byte: &u8| is_space(*byte) || *byte == b'+';
    let single = !text.signs.any(Signs::LINE);
    let place = Place {
        opening,
        sort,
        arguments: if braces { Arguments::Shell } else { arguments(rest) },
        braces,
        ended: !rest.iter().any(u8::is_ascii_alphanumeric) || rest == b"/n",
        tight: !text.part(at + 1, command.start).iter().any(blank),
        first: !text.part(0, at.min(200)).iter().any(u8::is_ascii_alphanumeric) && at < 200,
        disguised: command.disguised || command.path || matches!(next, b'$' | b'%'),
        single,
        brief: around.words() < 2 && head_words(text, at) < 2 && plain_words(rest) < 3 && single,
        joined: matches!(text.part(at, at + 2), b"&&" | b"||"),
        worded: at > 2 && text.part(0, at.min(200)).iter().all(u8::is_ascii_alphabetic),
        odd: text.part(at.saturating_sub(40), at).iter().any(|byte| {
            byte.is_ascii_digit() || matches!(byte, b'.' | b'/' | b'@' | b'\'' | b'"' | b'=')
        }),
        sentence: sort != Sort::Known && plain_words(rest) > 4,
    };
    // What is written in many lines is a script or a program, and seldom an argument.
    let known = place.arguments == Arguments::Telling && around.lead() != Lead::Script;
    let lines = if around.lines() && !known { 0.7 } else { 1.0 };
    let Listed { list, table } = around.listed();
    let list = table || list && place.arguments == Arguments::None;
    let list = if list { 0.5 } else { 1.0 };
    Some(place.itself(command) * place.factor(around) * lines * list)
}

/// Whether a word ends here that could be the name of a program.
fn closed(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b'\\', b'n' | b'r' | b'`', ..] | [b'/', b'n'] => true,
        [next, ..] => {
            is_space(*next)
                || matches!(
                    next,
                    b';' | b'|'
                        | b'&'
                        | b')'
                        | b'`'
                        | b'>'
                        | b'<'
                        | b'\''
                        | b'"'
                        | b'}'
                        | b'#'
                        | b'$'
                        | b'%'
                        | b'+'
                        | 0
                )
        }
    }
}

/// Whether backticks around a name stand between words, as in documentation.
fn in_sentence(text: &Text<'_>, at: usize, command: &Command) -> bool {
    let open = at > 1 && text.at(at - 1) == b' ' && is_word(text.at(at - 2));
    let end = command.end;
    open && text.at(end) == b'`' && text.at(end + 1) == b' ' && is_word(text.at(end + 2))
}

/// `&copy;`: a character of HTML, and a program that does nothing when it is given nothing.
fn character(text: &Text<'_>, at: usize, command: &Command) -> bool {
    command.start == at + 1
        && text.at(command.end) == b';'
        && matches!(text.part(command.start, command.end), b"copy" | b"sum")
}

/// `&name,` and `(&name)`: what C++ and Rust refer to.
fn refers(text: &Text<'_>, at: usize, command: &Command) -> bool {
    let before = if at == 0 { 0 } else { text.at(at - 1) };
    command.start == at + 1
        && matches!(before, b' ' | b'(' | b'<' | b'[' | b',')
        && matches!(text.at(command.end), b',' | b')' | b'>' | b';' | b'<')
        && trim(text.part(0, at)).last().is_some_and(|last| *last != b';' && *last != b'|')
}

/// Names in capitals are variables of Makefiles; shells tell capitals from small letters.
fn shouted(text: &Text<'_>, command: &Command) -> bool {
    let name = text.raw.get(command.start..command.end).unwrap_or_default();
    name.len() > 1 && name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
}

fn led_by(opening: Opening, around: &Around<'_>) -> f32 {
    match (opening, around.lead()) {
        _ if around.lines() => 0.5,
        (_, Lead::Prose | Lead::Script) => 0.65,
        (Opening::Tick, Lead::Value) if around.outside() > 1 => 0.3,
        (_, Lead::Value) => 1.0,
    }
}

/// How many words are before a place, as far as that matters.
fn head_words(text: &Text<'_>, at: usize) -> usize {
    let head = text.part(0, at.min(200));
    head.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).take(2).count()
}

impl Place {
    /// Whether it is one of two words, as `search|find` and `category;type` are.
    fn listed(&self, command: &Command) -> bool {
        self.worded && self.brief && self.ended && command.name().len() > 2 && !self.alone(command)
    }

    /// Whether a name that ends the value is none that lists and sentences end with.
    fn alone(&self, command: &Command) -> bool {
        self.joined
            || matches!(command.name(), b"dir" | b"env" | b"ver")
            || self.odd && command.name() == b"id"
    }

    /// What a name and what it is given weigh by themselves.
    fn itself(&self, command: &Command) -> f32 {
        let Self { sort, arguments, first, tight, .. } = *self;
        let begun = first && self.opening != Opening::Line;
        let weight: f32 = match (sort, arguments) {
            (_, Arguments::Telling) => 0.95,
            (Sort::Known, Arguments::Shell) => 0.9,
            (Sort::Known, Arguments::None) => 0.8,
            (Sort::Known, Arguments::Words) => 0.75,
            (Sort::English, Arguments::Shell) => 0.85,
            (Sort::English, Arguments::None) if !first && self.listed(command) => 0.6,
            (Sort::English, Arguments::None) if tight || first => 0.75,
            (Sort::English, Arguments::Words) if command.name() == b"echo" && (begun || tight) => {
                0.75
            }
            (Sort::English, Arguments::Words) if command.name() == b"echo" && self.brief => 0.7,
            (Sort::English, Arguments::None) if self.brief && self.ended && self.alone(command) => {
                0.7
            }
            (Sort::English, Arguments::Words) if begun => 0.5,
            (Sort::English, Arguments::None) => 0.45,
            (Sort::English, Arguments::Words) => 0.2,
            (Sort::Common, Arguments::Shell) => 0.8,
            (Sort::Common, Arguments::None) if first => 0.7,
            (Sort::Common, Arguments::None) if tight => 0.6,
            (Sort::Common, _) => 0.2,
        };
        if self.disguised && sort != Sort::Common { weight.max(0.8) } else { weight }
    }

    /// What the place and what is around it make of that.
    fn factor(&self, around: &Around<'_>) -> f32 {
        let telling = self.arguments == Arguments::Telling;
        match (self.opening, around.lead()) {
            (Opening::Brace, _) if self.braces => 1.0,
            (Opening::Brace, _) => 0.2,
            (Opening::Tick, Lead::Prose) => 0.3,
            (Opening::Tick, Lead::Script) => 0.6,
            (Opening::Tick, Lead::Value) if around.outside() > 1 => 0.3,
            (Opening::Line, _) if self.sort == Sort::Common || self.sentence => 0.4,
            (Opening::Line, Lead::Value) if self.arguments == Arguments::Words => 0.4,
            (Opening::Line, Lead::Value) if around.words() > 1 && !telling => 0.6,
            (Opening::Line, Lead::Value) if self.arguments == Arguments::None => 1.0,
            (Opening::Line, Lead::Value) => 0.9,
            (Opening::Line, _) if telling => 0.8,
            (Opening::Line, _) => 0.4,
            (_, Lead::Value) => 1.0,
            (Opening::Separator | Opening::Substitution, Lead::Script) if telling => 1.0,
            (Opening::Substitution, Lead::Script) => 0.6,
            (Opening::Separator, Lead::Script)
                if self.ended
                    && self.sort == Sort::Known
                    && self.single
                    && !self.brief
                    && !around.fetches() =>
            {
                0.9
            }
            (Opening::Separator, Lead::Script) => 0.65,
            (_, Lead::Prose) if telling => 0.9,
            (_, Lead::Prose) => 0.6,
        }
    }
}
