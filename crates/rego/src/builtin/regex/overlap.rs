//! Whether some text matches two simple expressions at once: characters, dots and sets, each
//! once, at least once (`+`) or as often as one likes (`*`).

use super::super::Failure;
use super::super::argument::broken;

/// What may stand at one place.
enum Token {
    Any,
    Ranges(Vec<(char, char)>),
}

impl Token {
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => true,
            (Self::Ranges(ours), Self::Ranges(theirs)) => ours.iter().any(|(low, high)| {
                theirs.iter().any(|(other_low, other_high)| low <= other_high && other_low <= high)
            }),
        }
    }
}

/// One place: what may stand there, whether it may be left out and whether it may stand again.
struct Place {
    token: Token,
    optional: bool,
    again: bool,
}

/// How many places both expressions may have, multiplied.
const PAIRS_MAX: usize = 4_000_000;

pub(super) fn overlap(one: &str, two: &str) -> Result<bool, Failure> {
    let (one, two) = (parse(one)?, parse(two)?);
    let width = two.len() + 1;
    if (one.len() + 1).saturating_mul(width) > PAIRS_MAX {
        return broken("the expressions are too long");
    }
    let mut seen = vec![false; (one.len() + 1) * width];
    let mut waiting = vec![(0, 0)];
    while let Some((left, right)) = waiting.pop() {
        match seen.get_mut(left * width + right) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let (here, there) = (one.get(left), two.get(right));
        if here.is_none() && there.is_none() {
            return Ok(true);
        }
        if here.is_some_and(|place| place.optional) {
            waiting.push((left + 1, right));
        }
        if there.is_some_and(|place| place.optional) {
            waiting.push((left, right + 1));
        }
        if let (Some(here), Some(there)) = (here, there)
            && here.token.meets(&there.token)
        {
            waiting.push((left + 1, right + 1));
            if here.again {
                waiting.push((left, right + 1));
            }
            if there.again {
                waiting.push((left + 1, right));
            }
        }
    }
    Ok(false)
}

fn parse(text: &str) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = Vec::new();
    let mut chars = text.chars();
    let mut repeated = true;
    while let Some(char) = chars.next() {
        let token = match char {
            '*' | '+' => {
                let Some(last) = places.last_mut().filter(|_| !repeated) else {
                    return broken(format!("`{char}` has nothing to repeat"));
                };
                last.optional = char == '*';
                last.again = true;
                repeated = true;
                continue;
            }
            '.' => Token::Any,
            '[' => set(&mut chars)?,
            '\\' => match chars.next() {
                Some(char) => Token::Ranges(vec![(char, char)]),
                None => return broken("nothing is escaped at the end"),
            },
            other => Token::Ranges(vec![(other, other)]),
        };
        repeated = false;
        places.push(Place { token, optional: false, again: false });
    }
    Ok(places)
}

fn set(chars: &mut std::str::Chars<'_>) -> Result<Token, Failure> {
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut open = false;
    loop {
        let char = match chars.next() {
            Some(']') if !open => return Ok(Token::Ranges(ranges)),
            Some('-') if !open && !ranges.is_empty() => {
                open = true;
                continue;
            }
            Some('\\') => chars.next(),
            other => other,
        };
        let Some(char) = char else { return broken("a set does not end") };
        match ranges.last_mut().filter(|_| open) {
            Some((low, high)) if *low <= char => *high = char,
            Some(_) => return broken("a range in a set ends before it begins"),
            None => ranges.push((char, char)),
        }
        open = false;
    }
}
