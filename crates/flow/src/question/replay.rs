//! Decisions that are asked again: by what held when they were made, or by what holds now.

use bytes::Bytes;

use super::admin::action;
use super::ledger::Event;
use super::policy::PolicyInfo;
use crate::fact::Class;
use crate::request::{Action, Question, Resource};
use crate::stage::Origin;

static REPLAY: Action = action("policy.replay", Class::Logged);

/// Which policies and documents are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Held {
    /// Those of the revision a decision was made at.
    #[default]
    Then,
    /// Those that hold now.
    Now,
}

/// Makes decisions again, of which these are the facts.
#[derive(Debug, Clone, Copy)]
pub struct Replay<'a> {
    /// The request they were made for.
    pub id: &'a str,
    /// What the ledger has of them.
    pub facts: &'a [Event],
    /// By what.
    pub by: Held,
    /// The place of the one that is meant, counted from 0 over all inputs; the first ones when
    /// absent.
    pub place: Option<usize>,
}

impl Question for Replay<'_> {
    type Answer = Replays;

    fn action(&self) -> &'static Action {
        &REPLAY
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "decision", namespace: "", name: self.id.as_bytes() }
    }
}

/// What became of decisions that were made again.
#[derive(Debug, Clone, Default)]
pub struct Replays {
    /// How many there were.
    pub count: usize,
    /// Those that were asked for.
    pub decisions: Vec<Replayed>,
}

/// A decision, and what it is when it is made again.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// Its place, counted from 0 over all inputs.
    pub place: usize,
    /// The path of the document that was asked for.
    pub document: String,
    /// Who asked.
    pub by: String,
    /// Through which door.
    pub door: String,
    /// When, as the ledger has it.
    pub at: String,
    /// Which tier knew.
    pub tier: String,
    /// The revision it rests on.
    pub revision: String,
    /// What policies read of the input, as JSON.
    pub input: Option<Bytes>,
    /// What was decided.
    pub decided: Was,
    /// What it is now.
    pub again: Again,
}

/// What was decided, as far as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Was {
    /// It is not recorded.
    Unknown,
    /// The document was undefined.
    Undefined,
    /// This, as JSON.
    Text(String),
    /// Something with this SHA-256, in base 16.
    Digest(String),
}

/// What a decision is when it is made again.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// Of which revision it was asked.
    pub revision: String,
    /// Whether it is the same; nothing where nobody can say so.
    pub same: Option<bool>,
    /// Why nobody can say so.
    pub unknown: Option<Unknown>,
    /// Whether policies were asked at all.
    pub asked: bool,
    /// What they come to, as JSON; nothing where that is undefined.
    pub result: Option<Bytes>,
    /// The policies that held.
    pub policies: Vec<PolicyInfo>,
    /// Which rules were asked and where they stopped, as JSON and in lines for people.
    pub explanation: Option<(Bytes, String)>,
}

/// Why nobody can say whether a decision is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// In a word: `masked`, `unsteady`, `tier`, `not-recorded`, `too-large`, `not-read-then`,
    /// `failed`, or the code of an error.
    pub why: &'static str,
    /// In a sentence.
    pub story: String,
}

/// Whoever answers every question of this part.
pub trait Answers: for<'q> Origin<Replay<'q>> {}

impl<T> Answers for T where T: for<'q> Origin<Replay<'q>> {}
