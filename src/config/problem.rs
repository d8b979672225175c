//! Everything that is wrong at once, so that one run shows it all.

use std::fmt;

use flow::Error;

/// What is wrong; never empty when it is an error.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Error>);

impl Problems {
    /// Nothing, or everything that is wrong.
    pub(crate) fn none(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<_> = self.0.iter().map(Error::detail).collect();
        f.write_str(&sentences.join("; "))
    }
}

impl From<Error> for Problems {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl From<Problems> for Error {
    /// One error that says them all.
    fn from(problems: Problems) -> Self {
        let sentence = problems.to_string();
        match problems.0.into_iter().next() {
            Some(first) => first.code().error(sentence).with_advice(first.advice().to_owned()),
            None => super::codes::WRONG_VALUE.error(sentence),
        }
    }
}
