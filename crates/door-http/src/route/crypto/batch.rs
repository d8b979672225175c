//! One thing, or several at once of which each has its own answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::{Error, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::codes;
use crate::reply::{Payload, Short};

/// So many at once.
const ITEMS_MAX: usize = 1_000;

/// An item that may stand in the body itself.
pub(super) trait Asked {
    /// Whether nothing of it stands there.
    fn is_empty(&self) -> bool;
}

/// What is asked for.
pub(super) struct Batch<T> {
    items: Vec<T>,
    pub(super) is_batch: bool,
}

/// One item of an answer.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "CryptoItem{T}")]
pub(super) enum Item<T> {
    /// It was done.
    Done(T),
    /// It did not work.
    Failed(Failed),
}

/// Why an item did not work.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoItemFailed")]
pub(super) struct Failed {
    /// What is wrong with it.
    error: String,
    /// Which problem it is, as of a whole request.
    r#type: String,
    /// What to do about it.
    advice: String,
}

/// An answer of the shape of the question.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "CryptoAnswer{T}")]
pub(super) enum Answered<T> {
    /// To one.
    One(T),
    /// To several, in their order.
    Batch {
        /// The answer to each.
        batch_results: Vec<Item<T>>,
    },
}

impl<T> Batch<T> {
    /// Reads each; what is wrong with one is no matter for the others.
    pub(super) fn each<'a, U>(&'a self, read: impl Fn(&'a T) -> Result<U>) -> Vec<Result<U>> {
        self.items.iter().map(read).collect()
    }
}

/// What stands in the body itself, or in its batch.
pub(super) fn of<T: Asked>(one: T, batch: Option<Vec<T>>) -> Result<Batch<T>> {
    let Some(items) = batch else { return Ok(Batch { items: vec![one], is_batch: false }) };
    let wrong = |what: String| Err(codes::JSON.error(what));
    match items.len() {
        _ if !one.is_empty() => wrong("an item stands beside `batch_input`, not in it".into()),
        0 => wrong("`batch_input` is empty".into()),
        many if many > ITEMS_MAX => {
            wrong(format!("`batch_input` has {many} items, more than {ITEMS_MAX}"))
        }
        _ => Ok(Batch { items, is_batch: true }),
    }
}

/// The answer: to items that could not be read what is wrong with them, to the others
/// what was made.
pub(super) fn answer<U, V, T: Serialize>(
    is_batch: bool,
    items: Vec<Result<U>>,
    made: Vec<Result<V>>,
    tell: impl Fn(V) -> T,
) -> Result<Response<Payload>> {
    let mut made = made.into_iter();
    let missing = || Err(codes::BROKEN.error("an item has no answer"));
    let mut results = items.into_iter().map(|item| match item {
        Ok(_) => made.next().unwrap_or_else(missing).map(&tell),
        Err(error) => Err(error),
    });
    let answered = match is_batch {
        true => Answered::Batch { batch_results: results.map(Item::of).collect() },
        false => Answered::One(
            results.next().unwrap_or_else(|| Err(codes::BROKEN.error("nothing was asked")))?,
        ),
    };
    Ok(Short::json(StatusCode::OK, &answered).into())
}

impl<T> Item<T> {
    fn of(result: Result<T>) -> Self {
        match result {
            Ok(done) => Self::Done(done),
            Err(error) => Self::Failed(Failed::of(&error)),
        }
    }
}

impl Failed {
    fn of(error: &Error) -> Self {
        Self {
            error: error.detail().to_owned(),
            r#type: format!("urn:stockade:problem:{}", error.code().name),
            advice: error.advice().to_owned(),
        }
    }
}

/// Bytes out of base 64.
pub(super) fn decoded(name: &str, text: &str) -> Result<Vec<u8>> {
    let wrong = |_| {
        let error = codes::JSON.error(format!("`{name}` is not base64"));
        error.with_advice("encode it with the alphabet of `+` and `/`, padded with `=`")
    };
    STANDARD.decode(text).map_err(wrong)
}

/// The same, where it may be left away.
pub(super) fn decoded_or_nothing(name: &str, text: Option<&str>) -> Result<Vec<u8>> {
    text.map_or_else(|| Ok(Vec::new()), |text| decoded(name, text))
}
