//! What namespaces are used for, and what had better be set otherwise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action;
use super::warm::Bought;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};

static ADVICE: Action = action("cache.advice", Class::Logged);

/// What namespaces are used for on this node, and what had better be set otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Advise<'a> {
    /// Which; without any, all that have rules of their own, and all others together.
    pub namespaces: &'a [&'a str],
}

impl Question for Advise<'_> {
    /// Of each in order, or the name of one that has no rules of its own.
    type Answer = Result<Vec<Advised>, Box<str>>;

    fn action(&self) -> &'static Action {
        &ADVICE
    }

    fn resource(&self) -> Resource<'_> {
        let namespace = match self.namespaces {
            [namespace] => namespace,
            _ => "",
        };
        Resource { kind: "cache", namespace, name: &[] }
    }
}

/// What a namespace is used for on this node, and what had better be set otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Advised {
    /// Its name; `other` for all that have no rules of their own.
    pub namespace: String,
    /// The section of the configuration its rules are in: `cache.namespaces.pages`.
    pub section: String,
    /// How well it does, from 0 to 100; null before anything is known.
    pub score: Option<u8>,
    /// What the score is made of.
    pub parts: Vec<Part>,
    /// Reads in which somebody looked.
    pub reads: u64,
    /// Those of them that spared the origin a question.
    pub hits: u64,
    /// How long the origin would have taken for them, in milliseconds.
    pub saved_ms: u64,
    /// Values written.
    pub written: u64,
    /// Values of which memory saw the end: they expired or were crowded out.
    pub ended: u64,
    /// Those of them that nobody ever read.
    pub never_read: u64,
    /// The keys that are most often written for nobody, by samples.
    pub never_read_keys: Vec<Used>,
    /// The keys that are read most, by samples.
    pub hot_keys: Vec<Used>,
    /// Who reads most, by samples.
    pub principals: Vec<Used>,
    /// What warming brought since the last was begun that is still watched.
    pub warmed: Bought,
    /// What had better be set otherwise.
    pub advice: Vec<Advice>,
}

/// One thing a score is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CacheScorePart")]
pub struct Part {
    /// What is judged.
    pub name: String,
    /// The points it has; none while too little is known.
    pub points: Option<u8>,
    /// The most points it could have.
    pub most: u8,
    /// What was seen.
    pub why: String,
}

/// A key or somebody, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "CacheUse")]
pub struct Used {
    /// The beginning of its SHA-256, in base 16.
    pub hash: String,
    /// Its text, where that may be shown.
    pub text: Option<String>,
    /// About how many times, never too few by the sample.
    pub times: u64,
}

/// One setting of a namespace that had better be another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CacheAdvice")]
pub struct Advice {
    /// The setting: `ttl`, `adaptive.max`.
    pub setting: String,
    /// What it is now, or `not set`.
    pub from: String,
    /// What it should be, as it is written.
    pub to: String,
    /// What was seen.
    pub why: String,
}
