//! One value as one directive asks for it.

use num_bigint::{BigInt, Sign};

use super::{Arg, float};
use crate::value::text::{escaped, is_visible, quoted};

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Directive {
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Directive {
    /// Reads the flags a text begins with, and gives back what is behind them.
    pub(super) fn flags<'t>(&mut self, text: &'t str) -> &'t str {
        let mut rest = text;
        loop {
            let mut chars = rest.chars();
            match chars.next() {
                Some('+') => self.plus = true,
                Some('-') => {
                    self.minus = true;
                    self.zero = false;
                }
                Some('#') => self.sharp = true,
                Some(' ') => self.space = true,
                Some('0') => self.zero = !self.minus,
                _ => return rest,
            }
            rest = chars.as_str();
        }
    }

    fn pad(self, text: &mut String, part: &str) {
        let missing = self.width.unwrap_or(0).saturating_sub(part.chars().count());
        if self.minus {
            text.push_str(part);
            text.extend(std::iter::repeat_n(' ', missing));
        } else {
            let filler = if self.zero { '0' } else { ' ' };
            text.extend(std::iter::repeat_n(filler, missing));
            text.push_str(part);
        }
    }

    /// Pads a number: zeros go between its sign and its digits.
    fn pad_number(self, text: &mut String, sign: &str, digits: &str) {
        if self.zero && !self.minus {
            let missing = self.width.unwrap_or(0).saturating_sub(sign.len() + digits.len());
            text.push_str(sign);
            text.extend(std::iter::repeat_n('0', missing));
            text.push_str(digits);
        } else {
            self.pad(text, &format!("{sign}{digits}"));
        }
    }

    fn sign(self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }
}

/// Writes an argument as a verb asks for it, or says that it does not fit.
pub(super) fn write(text: &mut String, verb: char, directive: Directive, arg: &Arg<'_>) {
    match (verb, arg) {
        ('T', arg) => directive.pad(text, arg.type_name()),
        ('v' | 'd', Arg::Whole(number)) => whole(text, directive, &BigInt::from(*number), 10, ""),
        ('v' | 'd' | 's', Arg::Large(number)) => whole(text, directive, number, 10, ""),
        ('b', Arg::Whole(number)) => whole(text, directive, &BigInt::from(*number), 2, "0b"),
        ('o', Arg::Whole(number)) => whole(text, directive, &BigInt::from(*number), 8, "0"),
        ('x', Arg::Whole(number)) => whole(text, directive, &BigInt::from(*number), 16, "0x"),
        ('X', Arg::Whole(number)) => upper(text, directive, &BigInt::from(*number)),
        ('b', Arg::Large(number)) => whole(text, directive, number, 2, "0b"),
        ('o', Arg::Large(number)) => whole(text, directive, number, 8, "0"),
        ('x', Arg::Large(number)) => whole(text, directive, number, 16, "0x"),
        ('X', Arg::Large(number)) => upper(text, directive, number),
        ('O', Arg::Whole(number)) => {
            let directive = Directive { sharp: true, ..directive };
            whole(text, directive, &BigInt::from(*number), 8, "0o");
        }
        ('c', Arg::Whole(number)) => directive.pad(text, &String::from(character(*number))),
        ('q', Arg::Whole(number)) => directive.pad(text, &quoted_char(character(*number))),
        ('U', Arg::Whole(number)) => unicode(text, directive, *number),
        ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'v', Arg::Float(number)) => {
            let verb = if verb == 'v' { 'g' } else { verb };
            let digits = float::digits(verb, directive.precision, directive.sharp, number.abs());
            directive.pad_number(text, directive.sign(number.is_sign_negative()), &digits);
        }
        ('v' | 's', Arg::Text(part)) => directive.pad(text, cut(part, directive.precision)),
        ('q', Arg::Text(part)) => {
            let part = cut(part, directive.precision);
            if directive.sharp
                && !part.contains('`')
                && part.chars().all(|c| c == '\t' || !c.is_control())
            {
                directive.pad(text, &format!("`{part}`"));
            } else {
                directive.pad(text, &quoted(part));
            }
        }
        ('x' | 'X', Arg::Text(part)) => hexadecimal(text, verb, directive, part.as_bytes()),
        (verb, arg) => {
            text.push_str(&format!("%!{verb}({}=", arg.type_name()));
            write(text, 'v', directive, arg);
            text.push(')');
        }
    }
}

fn whole(text: &mut String, directive: Directive, number: &BigInt, radix: u32, prefix: &str) {
    let negative = number.sign() == Sign::Minus;
    let mut digits = number.magnitude().to_str_radix(radix);
    let mut directive = directive;
    if let Some(precision) = directive.precision {
        // Without precision and value nothing is written but the padding.
        if precision == 0 && digits == "0" {
            digits.clear();
            directive.zero = false;
            directive.pad(text, "");
            return;
        }
        let missing = precision.saturating_sub(digits.len());
        digits.insert_str(0, &"0".repeat(missing));
        directive.zero = false;
    }
    let sign = directive.sign(negative);
    if directive.sharp {
        let prefix = if prefix == "0" && digits.starts_with('0') { "" } else { prefix };
        directive.pad_number(text, &format!("{sign}{prefix}"), &digits);
    } else {
        directive.pad_number(text, sign, &digits);
    }
}

fn upper(text: &mut String, directive: Directive, number: &BigInt) {
    let mut part = String::new();
    whole(&mut part, directive, number, 16, "0x");
    text.push_str(&part.to_uppercase());
}

fn character(number: i64) -> char {
    let char = u32::try_from(number).ok().and_then(char::from_u32);
    char.unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn quoted_char(char: char) -> String {
    let mut text = String::from("'");
    match char {
        '\'' => text.push_str("\\'"),
        other => escaped(other, &mut text),
    }
    text.push('\'');
    text
}

fn unicode(text: &mut String, directive: Directive, number: i64) {
    let char = character(number);
    let mut part = format!("U+{number:04X}");
    if directive.sharp && is_visible(char) {
        part.push_str(&format!(" '{char}'"));
    }
    Directive { zero: false, ..directive }.pad(text, &part);
}

fn hexadecimal(text: &mut String, verb: char, directive: Directive, bytes: &[u8]) {
    let bytes = bytes.get(..directive.precision.unwrap_or(usize::MAX)).unwrap_or(bytes);
    let prefix = if directive.sharp { "0x" } else { "" };
    let separator = if directive.space { format!(" {prefix}") } else { String::new() };
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut part = digits.join(&separator);
    if !bytes.is_empty() {
        part.insert_str(0, prefix);
    }
    if verb == 'X' {
        part = part.to_uppercase();
    }
    directive.pad(text, &part);
}

fn cut(text: &str, precision: Option<usize>) -> &str {
    let end = precision.and_then(|count| text.char_indices().nth(count));
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
