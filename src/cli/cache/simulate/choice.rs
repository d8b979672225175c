//! What can be chosen by name, and what is suggested when a name is not known.

use cache::simulate::{Contender, Format};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use memory::Policy;

/// One policy, or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    All,
    One(Contender),
}

impl Choice {
    /// Everybody it stands for.
    pub(super) fn contenders(&self) -> Vec<Contender> {
        match self {
            Self::All => {
                Policy::ALL.map(Contender::Policy).into_iter().chain([Contender::Optimum]).collect()
            }
            Self::One(contender) => vec![*contender],
        }
    }

    fn named(name: &str) -> Result<Self, String> {
        match Self::All.contenders().into_iter().find(|contender| contender.to_string() == name) {
            Some(contender) => Ok(Self::One(contender)),
            None if name == ALL => Ok(Self::All),
            None => Err(format!("there is no policy `{name}`")),
        }
    }
}

const ALL: &str = "all";

pub(super) fn policies() -> impl TypedValueParser<Value = Choice> {
    let all = PossibleValue::new(ALL).help("every policy, and the optimum");
    let optimum = "the optimum; always in the table";
    let optimum = PossibleValue::new(Contender::OPTIMUM).help(optimum);
    let policies = Policy::ALL
        .into_iter()
        .map(|policy| PossibleValue::new(policy.name()).help(who_goes(policy)));
    let values: Vec<PossibleValue> = [all].into_iter().chain(policies).chain([optimum]).collect();
    PossibleValuesParser::new(values).try_map(|name| Choice::named(&name))
}

fn who_goes(policy: Policy) -> &'static str {
    match policy {
        Policy::Adaptive => "whatever serves the present load best, found out by watching it",
        Policy::Lru => "longest unused first",
        Policy::Lfu => "least used first",
        Policy::Fifo => "first come, first gone",
        Policy::Ttl => "soonest over first; nothing is over here, so first come, first gone",
        Policy::Hybrid => "recency, frequency and priority together; all are of one priority here",
    }
}

pub(super) fn formats() -> impl TypedValueParser<Value = Format> {
    let help = |format| match format {
        Format::U32 => "4 bytes for each request: the object, little-endian",
        Format::IdSize => "8 bytes for each request: the object, and its size",
        Format::Lis => "lines `start count ignored n`, as the ARC traces have them",
        Format::Text => "a key on each line; with --weights, a key and a size",
        Format::AccessLog => "the common or combined log of a web server: GET and HEAD",
    };
    let values = Format::ALL.map(|format| PossibleValue::new(format.name()).help(help(format)));
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_known_by_its_name() {
        for policy in Policy::ALL {
            let contender = Contender::Policy(policy);
            assert_eq!(Choice::named(policy.name()), Ok(Choice::One(contender)));
            assert!(Choice::All.contenders().contains(&contender));
        }
        assert_eq!(Choice::named("belady"), Ok(Choice::One(Contender::Optimum)));
        assert!(Choice::named("lruu").is_err());
    }
}
