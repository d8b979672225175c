//! Questions to the store.

use crate::body::Body;
use crate::clock::Time;
use crate::fact::Class;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::{Intake, Origin};

const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Load, inspection: Inspection::Off }
}

static PUT: Action = action("object.put", Class::Durable);
static GET: Action = action("object.get", Class::Logged);
static DELETE: Action = action("object.delete", Class::Durable);

/// What is known of an object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256, in base 16.
    pub digest: String,
    /// What they are said to be.
    pub media_type: String,
    /// When they were put.
    pub at: Time,
}

/// Puts an object; its bytes are the body.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// Where.
    pub bucket: &'a str,
    /// Under which key.
    pub key: &'a str,
    /// What the bytes are said to be.
    pub media_type: &'a str,
}

impl Question for Put<'_> {
    type Answer = Head;

    fn action(&self) -> &'static Action {
        &PUT
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "object", namespace: self.bucket, name: self.key.as_bytes() }
    }
}

/// Gets an object.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// Where.
    pub bucket: &'a str,
    /// Which.
    pub key: &'a str,
}

impl Question for Get<'_> {
    type Answer = Option<(Head, Body)>;

    fn action(&self) -> &'static Action {
        &GET
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "object", namespace: self.bucket, name: self.key.as_bytes() }
    }
}

/// Removes an object.
#[derive(Debug, Clone, Copy)]
pub struct Delete<'a> {
    /// Where.
    pub bucket: &'a str,
    /// Which.
    pub key: &'a str,
}

impl Question for Delete<'_> {
    /// Whether it was there.
    type Answer = bool;

    fn action(&self) -> &'static Action {
        &DELETE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "object", namespace: self.bucket, name: self.key.as_bytes() }
    }
}

/// Whoever answers every question of this part.
pub trait Answers:
    for<'q> Intake<Put<'q>> + for<'q> Origin<Get<'q>> + for<'q> Origin<Delete<'q>>
{
}

impl<T> Answers for T where
    T: for<'q> Intake<Put<'q>> + for<'q> Origin<Get<'q>> + for<'q> Origin<Delete<'q>>
{
}
