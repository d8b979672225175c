//! What a benchmark says: figures, each beside its peer and its goal.

use std::fmt;

/// Everything one benchmark said.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// What is measured, in sentences.
    pub(crate) about: Vec<String>,
    /// What needs more columns than a figure has: the rows of a table, as they are written.
    pub(crate) table: Vec<String>,
    pub(crate) figures: Vec<Figure>,
}

/// One number that matters.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    /// `≤ 300`, `≥ 0.8×` of the peer, or nothing.
    pub(crate) goal: String,
    pub(crate) peer: Option<Peer>,
}

/// How somebody else does, measured in the same run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) value: f64,
}

impl Report {
    /// Takes a line if it is one of ours.
    pub(crate) fn take(&mut self, line: &str) {
        match line.strip_prefix("# ") {
            Some(sentence) => self.about.push(sentence.trim().to_owned()),
            None if line.starts_with('|') => self.table.push(line.trim().to_owned()),
            None => self.figures.extend(Figure::parse(line)),
        }
    }
}

/// The lines a benchmark would have printed to say this.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sentence in &self.about {
            writeln!(f, "# {sentence}")?;
        }
        for row in &self.table {
            writeln!(f, "{row}")?;
        }
        for Figure { name, value, unit, goal, peer } in &self.figures {
            write!(f, "{name}\t{value}\t{unit}\t{goal}")?;
            match peer {
                Some(peer) => writeln!(f, "\t{}\t{}", peer.name, peer.value)?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl Figure {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').map(str::trim);
        let (name, value) = (fields.next()?, fields.next()?.parse().ok()?);
        let (unit, goal) = (fields.next()?, fields.next().unwrap_or_default());
        let peer = fields.next().filter(|peer| !peer.is_empty());
        let beside = fields.next().and_then(|value| value.parse().ok());
        Some(Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            goal: goal.to_owned(),
            peer: peer.zip(beside).map(|(name, value)| Peer { name: name.to_owned(), value }),
        })
    }

    /// How many times the peer's figure ours is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let peer = self.peer.as_ref().filter(|peer| peer.value != 0.0)?;
        Some(self.value / peer.value)
    }

    /// Whether the goal is reached; nothing when there is none, or none that can be judged.
    pub(crate) fn reached(&self) -> Option<bool> {
        let mut signs = self.goal.chars();
        let sign = signs.next()?;
        let bound = signs.as_str().trim();
        let (bound, value) = match bound.strip_suffix('×') {
            Some(times) => (times, self.ratio()?),
            None => (bound, self.value),
        };
        let bound: f64 = bound.trim().parse().ok()?;
        match sign {
            '≤' => Some(value <= bound),
            '≥' => Some(value >= bound),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_figure_or_for_the_watcher() {
        let figure = Figure::parse("hit\t31.5\tns\t≤ 40\tmoka\t63").unwrap();
        assert_eq!((figure.name.as_str(), figure.value, figure.unit.as_str()), ("hit", 31.5, "ns"));
        assert_eq!(figure.ratio(), Some(0.5));
        assert_eq!(Figure::parse("hit\t31.5\tns").unwrap().goal, "");
        assert_eq!(Figure::parse("warming up 3"), None);
        assert_eq!(Figure::parse("hit\tfast\tns\t"), None);
    }

    #[test]
    fn what_is_printed_is_what_is_read() {
        let mut report = Report { about: vec!["Hits.".to_owned()], ..Report::default() };
        report.take("| | hits |");
        report.take("hit\t31.5\tns\t≤ 40\tmoka\t63");
        report.take("size\t1\tMiB\t");
        let mut again = Report::default();
        report.to_string().lines().for_each(|line| again.take(line));
        assert_eq!(again, report);
    }

    #[test]
    fn goals_are_judged_in_the_unit_or_against_the_peer() {
        let check = |goal: &str, expected| {
            let figure = Figure::parse(&format!("a\t80\tk/s\t{goal}\tb\t100")).unwrap();
            assert_eq!(figure.reached(), expected, "{goal}");
        };
        check("≤ 80", Some(true));
        check("≥ 81", Some(false));
        check("≥ 0.8×", Some(true));
        check("≤ 0.7×", Some(false));
        check("", None);
        check("quick", None);
    }
}
