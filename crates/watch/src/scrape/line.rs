//! One line of the exposition.

use super::{Kind, Sample};

/// What a line says.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Nothing,
    End,
    Help(&'a str, String),
    Type(&'a str, Kind),
    Unit(&'a str, &'a str),
    Sample(Sample),
}

pub(super) fn read(line: &str) -> Result<Line<'_>, String> {
    if line == "# EOF" {
        return Ok(Line::End);
    }
    let Some(comment) = line.strip_prefix('#') else {
        return if line.is_empty() { Ok(Line::Nothing) } else { sample(line).map(Line::Sample) };
    };
    let mut words = comment.trim_start_matches(' ').splitn(3, ' ');
    let (what, name, rest) = (words.next(), words.next(), words.next().unwrap_or_default());
    match (what, name) {
        (Some("HELP"), Some(name)) => Ok(Line::Help(a_name(name)?, unescape(rest, "the help")?)),
        (Some("TYPE"), Some(name)) => Ok(Line::Type(a_name(name)?, kind(rest)?)),
        (Some("UNIT"), Some(name)) => Ok(Line::Unit(a_name(name)?, rest)),
        _ => Ok(Line::Nothing),
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    match word {
        "counter" => Ok(Kind::Counter),
        "gauge" => Ok(Kind::Gauge),
        "histogram" => Ok(Kind::Histogram),
        "summary" => Ok(Kind::Summary),
        "untyped" | "unknown" => Ok(Kind::Untyped),
        other => Err(format!("`{other}` is not a type")),
    }
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    let name = a_name(name)?.to_owned();
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        (labels, rest) = self::labels(inside)?;
    }
    let mut words = rest.split_ascii_whitespace();
    let value = number(words.next().ok_or("no value")?)?;
    if let Some(timestamp) = words.next() {
        let wrong = || format!("`{timestamp}` is not a timestamp");
        timestamp.parse::<f64>().map_err(|_| wrong())?;
    }
    match words.next() {
        Some(more) => Err(format!("`{more}` is too much")),
        None => Ok(Sample { name, labels, value }),
    }
}

type Labels = Vec<(String, String)>;

/// What is between the braces, and what follows them.
fn labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once("=\"").ok_or("expected a label or `}`")?;
        let name = a_name(name)?;
        if labels.iter().any(|(known, _)| known == name) {
            return Err(format!("a second `{name}`"));
        }
        let end = closing_quote(after).ok_or(format!("the value of `{name}` does not end"))?;
        let (value, after) = after.split_at(end);
        labels.push((name.to_owned(), unescape(value, name)?));
        rest = after.strip_prefix('"').unwrap_or(after);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err(format!("expected `,` or `}}` behind `{name}`")),
        }
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, letter)| {
        let found = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        found.then_some(at)
    })
}

fn unescape(text: &str, of: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some(same @ ('\\' | '"')) => same,
                Some(other) => return Err(format!("`\\{other}` is not an escape, in {of}")),
                None => return Err(format!("an escape does not end, in {of}")),
            },
            other => other,
        });
    }
    Ok(plain)
}

fn a_name(name: &str) -> Result<&str, String> {
    let starts = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let goes_on = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    match starts && name.chars().all(goes_on) {
        true => Ok(name),
        false => Err(format!("`{name}` is not a name")),
    }
}

/// Rust reads more spellings of infinity than the format has.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is not a number");
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        _ if text.contains(['i', 'I', 'n', 'N']) => Err(wrong()),
        _ => text.parse().map_err(|_| wrong()),
    }
}
