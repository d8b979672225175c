//! `watch top`: two readings of `/metrics` as one picture for the terminal.
//!
//! [`frame`] is a pure function of two readings and a size; [`Top`] keeps the last
//! two and paints the frame in place. Nothing is asked of the server but what any
//! scraper asks, so it works against one far away as well.

mod ink;
mod quantile;
mod rates;
mod sections;

use flow::{Moment, Result};

use crate::scrape::Scrape;
use ink::Line;
use rates::Change;

/// A reading and when it was taken.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When, on the clock of whoever looks.
    pub at: Moment,
    /// What.
    pub scrape: Scrape,
}

/// The last two readings of one server.
#[derive(Debug, Default)]
pub struct Top {
    previous: Option<Seen>,
    current: Option<Seen>,
}

impl Top {
    /// Takes the next reading, the text of `/metrics`.
    pub fn see(&mut self, at: Moment, text: &str) -> Result<()> {
        let seen = Seen { at, scrape: Scrape::read(text)? };
        self.previous = self.current.replace(seen);
        Ok(())
    }

    /// The picture, to be written to a terminal of this size as it is: it paints over
    /// the last one. Works in raw mode too.
    pub fn render(&self, width: usize, height: usize) -> String {
        let picture = match (&self.previous, &self.current) {
            (Some(previous), Some(current)) => frame(previous, current, width, height),
            (None, Some(_)) => "waiting for a second reading".into(),
            _ => "waiting for a first reading".into(),
        };
        // Home, then each line with the rest of it cleared, then what is below.
        let lines = picture.lines().collect::<Vec<_>>().join("\x1b[K\r\n");
        format!("\x1b[H{lines}\x1b[K\x1b[J")
    }
}

/// What happened between two readings, in `height` lines of `width` columns at most.
pub fn frame(previous: &Seen, current: &Seen, width: usize, height: usize) -> String {
    let change = Change::between(previous, current);
    let mut lines = vec![sections::process(&change)];
    let others =
        [sections::requests(&change), sections::stores(&change), sections::trouble(&change)];
    let taken: usize = 1 + others.iter().map(|section| with_gap(section)).sum::<usize>();
    let [requests, stores, trouble] = others;
    let latencies = sections::latencies(&change, height.saturating_sub(taken + 1).max(4));
    for section in [trouble, requests, latencies, stores] {
        if !section.is_empty() {
            lines.push(Line::default());
            lines.extend(section);
        }
    }
    lines.truncate(height);
    let painted: Vec<String> = lines.iter().map(|line| line.paint(width)).collect();
    painted.join("\n")
}

fn with_gap(section: &[Line]) -> usize {
    if section.is_empty() { 0 } else { section.len() + 1 }
}

#[cfg(test)]
mod tests;
