//! Expressions as RE2 reads them, written as our engine reads them.
//!
//! Both are of one family, and differ in details: there `\d` and its like mean ASCII, classes
//! know no sets in sets, and a brace that counts nothing stands for itself.

use std::fmt::Write;

/// How often something may be repeated.
const REPEAT_MAX: u32 = 1000;

/// The expression as our engine reads it; what is wrong with it if the other would refuse it.
pub(super) fn translate(pattern: &str) -> Result<String, &'static str> {
    let mut reader = Reader { rest: pattern, out: String::with_capacity(pattern.len() + 16) };
    while let Some(char) = reader.next() {
        match char {
            '\\' => reader.escape()?,
            '[' => reader.class()?,
            '(' => reader.group()?,
            '*' | '+' | '?' => reader.repeated(char)?,
            '{' => reader.brace()?,
            other => reader.out.push(other),
        }
    }
    Ok(reader.out)
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn literal(&mut self, char: char) {
        if char.is_ascii_alphanumeric() || !char.is_ascii() {
            self.out.push(char);
        } else {
            // Writing to a string does not fail.
            let _ = write!(self.out, "\\x{:02X}", u32::from(char));
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        let Some(char) = self.next() else { return Err("trailing backslash at end of expression") };
        match char {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str("[^0-9]"),
            's' => self.out.push_str("[\\t\\n\\f\\r ]"),
            'S' => self.out.push_str("[^\\t\\n\\f\\r ]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            'b' => self.out.push_str("(?-u:\\b)"),
            'B' => {
                // Not at the boundary of an ASCII word; our engine wants whole characters.
                self.out.push_str("(?-u:\\B)");
            }
            'A' => self.out.push_str("\\A"),
            'z' => self.out.push_str("\\z"),
            'Q' => {
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                for char in quoted.chars() {
                    self.literal(char);
                }
            }
            'p' | 'P' => self.property(char)?,
            other => {
                let char = self.character(other)?;
                self.literal(char);
            }
        }
        Ok(())
    }

    /// One character by its escape.
    fn character(&mut self, char: char) -> Result<char, &'static str> {
        const WRONG: &str = "invalid escape sequence";
        match char {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            'x' => {
                let digits = if self.take("{") {
                    let (digits, rest) = self.rest.split_once('}').ok_or(WRONG)?;
                    self.rest = rest;
                    digits
                } else {
                    let (digits, rest) = self.rest.split_at_checked(2).ok_or(WRONG)?;
                    self.rest = rest;
                    digits
                };
                let all_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| all_digits);
                code.and_then(char::from_u32).ok_or(WRONG)
            }
            '1'..='7' if !self.rest.starts_with(|next| matches!(next, '0'..='7')) => Err(WRONG),
            '0'..='7' => {
                let mut code = char.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|next| next.to_digit(8))
                    else {
                        break;
                    };
                    code = code * 8 + digit;
                    self.next();
                }
                char::from_u32(code).ok_or(WRONG)
            }
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => Ok(other),
            _ => Err(WRONG),
        }
    }

    fn property(&mut self, kind: char) -> Result<(), &'static str> {
        const WRONG: &str = "invalid character class range";
        let name = if self.take("{") {
            let (name, rest) = self.rest.split_once('}').ok_or(WRONG)?;
            self.rest = rest;
            name.to_owned()
        } else {
            self.next().ok_or(WRONG)?.to_string()
        };
        let negative = name.starts_with('^');
        let name = name.trim_start_matches('^');
        // Names are taken as they are, without properties and their values.
        if !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
            return Err(WRONG);
        }
        let kind = if negative == (kind == 'p') { 'P' } else { 'p' };
        let _ = write!(self.out, "\\{kind}{{{name}}}");
        Ok(())
    }

    fn class(&mut self) -> Result<(), &'static str> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(char) = self.next() else { return Err("missing closing ]") };
            match char {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest.starts_with(':') && self.rest.contains(":]") => {
                    let (name, rest) = self.rest.split_once(":]").unwrap_or((self.rest, ""));
                    self.rest = rest;
                    let _ = write!(self.out, "[{name}:]");
                }
                '\\' => self.escape_in_class()?,
                '-' => self.out.push_str(self.hyphen(first)),
                other => self.literal(other),
            }
            first = false;
        }
    }

    /// A hyphen stands for a range where one can be, and else for itself.
    fn hyphen(&self, first: bool) -> &'static str {
        let range_is_open = self.out.ends_with('-') && !self.out.ends_with("\\-");
        let stands_for_itself =
            first || range_is_open || self.rest.starts_with(']') || self.out.ends_with(']');
        if stands_for_itself { "\\-" } else { "-" }
    }

    fn escape_in_class(&mut self) -> Result<(), &'static str> {
        let Some(char) = self.next() else { return Err("missing closing ]") };
        match char {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str("[^0-9]"),
            's' => self.out.push_str("[\\t\\n\\f\\r ]"),
            'S' => self.out.push_str("[^\\t\\n\\f\\r ]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            'p' | 'P' => self.property(char)?,
            other => {
                let char = self.character(other)?;
                self.literal(char);
            }
        }
        Ok(())
    }

    fn group(&mut self) -> Result<(), &'static str> {
        self.out.push('(');
        if !self.take("?") {
            return Ok(());
        }
        self.out.push('?');
        if self.rest.starts_with("P<") || self.rest.starts_with('<') {
            let (name, rest) = self.rest.split_once('>').ok_or("invalid named capture")?;
            let letters = name.trim_start_matches('P').trim_start_matches('<');
            let word = |char: char| char.is_ascii_alphanumeric() || char == '_';
            if letters.is_empty() || !letters.chars().all(word) {
                return Err("invalid named capture");
            }
            self.rest = rest;
            let _ = write!(self.out, "P<{letters}>");
            return Ok(());
        }
        let length = self.rest.find([':', ')']).ok_or("missing argument to repetition operator")?;
        let (flags, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        if !flags.chars().all(|flag| "imsU-".contains(flag)) {
            return Err("invalid or unsupported Perl syntax");
        }
        self.out.push_str(flags);
        self.rest = rest;
        Ok(())
    }

    fn repeated(&mut self, sign: char) -> Result<(), &'static str> {
        self.out.push(sign);
        self.lazy_and_once()
    }

    /// A question mark behind a repetition belongs to it; a second repetition does not.
    fn lazy_and_once(&mut self) -> Result<(), &'static str> {
        if self.take("?") {
            self.out.push('?');
        }
        let again = self.rest.starts_with(['*', '+', '?']) || counts(self.rest).is_some();
        if again { Err("invalid nested repetition operator") } else { Ok(()) }
    }

    fn brace(&mut self) -> Result<(), &'static str> {
        let text = ["{", self.rest].concat();
        let Some((least, most, length)) = counts(&text) else {
            self.out.push_str("\\{");
            return Ok(());
        };
        if least > REPEAT_MAX || most.is_some_and(|most| most > REPEAT_MAX || most < least) {
            return Err("invalid repeat count");
        }
        self.out.push_str(text.get(..length).unwrap_or(""));
        self.rest = self.rest.get(length - 1..).unwrap_or("");
        self.lazy_and_once()
    }
}

/// The counts of a repetition that a text begins with, `{1,2}`, and how long it is.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (inside, _) = text.strip_prefix('{')?.split_once('}')?;
    let number = |digits: &str| {
        let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| digits.parse::<u32>().unwrap_or(u32::MAX))
    };
    let (least, most) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((least, most, inside.len() + 2))
}
