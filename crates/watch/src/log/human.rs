//! A line for people: the time of day, how bad, which part, what, and the details
//! behind it in the same column.

use std::fmt::{Display, Write};

use tracing::Level;

use super::line::Line;

const DIM: &str = "\x1b[2m";
const OFF: &str = "\x1b[0m";

const PART_WIDTH: usize = 8;
const MESSAGE_WIDTH: usize = 36;

pub(super) fn write(line: &Line<'_>, colours: bool) -> String {
    let paint = Paint(colours);
    let mut text = String::with_capacity(128);
    let time = line.at.to_string();
    // `2023-11-14T22:13:20.123456Z`: the day is known, the microseconds are noise.
    paint.write(&mut text, DIM, time.get(11..23).unwrap_or(&time));
    let (colour, level) = name(line.level);
    text.push(' ');
    paint.write(&mut text, colour, level);
    text.push(' ');
    let part = line.target.split("::").next().unwrap_or_default();
    paint.write(&mut text, DIM, &format_args!("{part:PART_WIDTH$}"));
    text.push(' ');

    let message = escaped(&line.message);
    let details = || line.fields.list.iter().map(|(name, value)| (*name, value));
    let details = || details().chain(line.request.iter().map(|request| ("request", request)));
    match details().next() {
        Some(_) => drop(write!(text, "{message:MESSAGE_WIDTH$}")),
        None => text.push_str(&message),
    }
    for (name, value) in details() {
        text.push(' ');
        paint.write(&mut text, DIM, &format_args!("{name}="));
        text.push_str(&quoted(&value.to_string()));
    }
    text.push('\n');
    text
}

fn name(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::ERROR => ("\x1b[1;31m", "ERROR"),
        Level::WARN => ("\x1b[33m", " WARN"),
        Level::INFO => ("\x1b[32m", " INFO"),
        Level::DEBUG => ("\x1b[34m", "DEBUG"),
        Level::TRACE => (DIM, "TRACE"),
    }
}

/// What outsiders sent must not paint, move the cursor or begin a new line.
fn escaped(text: &str) -> String {
    let odd = |letter: char| {
        letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if odd(letter) {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}

fn quoted(text: &str) -> String {
    let bare = !text.is_empty() && !text.contains([' ', '"', '=']);
    let plain = escaped(text);
    if bare { plain } else { format!("\"{}\"", plain.replace('"', "\\\"")) }
}

struct Paint(bool);

impl Paint {
    fn write(&self, text: &mut String, colour: &str, what: &(impl Display + ?Sized)) {
        // Writing to a string cannot fail.
        let _ = match self.0 {
            true => write!(text, "{colour}{what}{OFF}"),
            false => write!(text, "{what}"),
        };
    }
}
