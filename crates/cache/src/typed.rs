//! The typed front: values of a program's own types, loaded by its own functions.

pub(crate) mod asked;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use crate::flight::{Answer, Fault};
use crate::load::{Loaded, Previous, loader};
use crate::memory::{Age, Local};
use crate::tiered::Tiered;

/// Why there is no value.
#[derive(Debug, Clone)]
pub enum Failed<E> {
    /// The loader failed, of all who waited for it.
    Load(Arc<E>),
    /// A loader of another type failed, for which this caller waited; its words.
    Other(Arc<str>),
    /// It took longer than the rules allow; it goes on, and is kept when it comes.
    Late,
    /// The loader panicked, or the program is ending.
    Lost,
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => error.fmt(f),
            Self::Other(words) => words.fmt(f),
            Self::Late => f.write_str("loading took too long"),
            Self::Lost => f.write_str("the loader came to no end"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failed<E> {}

/// What failed with an error of input or output is one.
impl From<Failed<io::Error>> for io::Error {
    fn from(failed: Failed<io::Error>) -> Self {
        let kind = match &failed {
            Failed::Load(error) => error.kind(),
            Failed::Late => io::ErrorKind::TimedOut,
            Failed::Other(_) | Failed::Lost => io::ErrorKind::Other,
        };
        Self::new(kind, failed)
    }
}

impl<E: Send + Sync + 'static> From<Fault> for Failed<E> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Load(error, words) => match error.downcast() {
                Ok(error) => Self::Load(error),
                Err(_) => Self::Other(words),
            },
            Fault::Late => Self::Late,
            Fault::Lost => Self::Lost,
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    /// The value of a key; where no tier has it, what `load` brings. However many ask, on
    /// however many nodes that share a tier, one loads.
    ///
    /// # Errors
    /// When there is nothing but what the loader failed to bring.
    pub async fn get_or_load<E, F, A>(&self, key: impl AsRef<[u8]>, load: F) -> Result<V, Failed<E>>
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output = Result<V, E>> + Send + 'static,
        E: fmt::Display + Send + Sync + 'static,
    {
        let first = self.0.local(key.as_ref());
        self.0.note_read(key.as_ref(), first.is_ok());
        if let Ok(Local { value: Some(value), age: Age::Fresh, .. }) = first {
            return Ok(value);
        }
        // This loader brings something or fails: that there is nothing is not what it says.
        let nothing = matches!(first, Ok(Local { value: None, .. }));
        let load = loader(move |_| async move { load().await.map(Loaded::from) });
        let first = (!nothing).then_some(first);
        let Answer { value, .. } = self.0.load(key.as_ref(), first, nothing, load).await?;
        // Another, for which this caller waited, may have found nothing.
        value.ok_or(Failed::Lost)
    }

    /// The value of a key, or that there is none; where no tier knows, what `load` says. It
    /// hears what was known before, and may say that it is still so.
    ///
    /// # Errors
    /// When there is nothing but what the loader failed to bring.
    pub async fn find_or_load<E, F, A>(
        &self,
        key: impl AsRef<[u8]>,
        load: F,
    ) -> Result<Option<V>, Failed<E>>
    where
        F: FnOnce(Option<Previous<V>>) -> A + Send + 'static,
        A: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
        E: fmt::Display + Send + Sync + 'static,
    {
        let first = self.0.local(key.as_ref());
        self.0.note_read(key.as_ref(), first.is_ok());
        if let Ok(Local { value, age: Age::Fresh, .. }) = first {
            return Ok(value);
        }
        let answer = self.0.load(key.as_ref(), Some(first), false, loader(load)).await?;
        Ok(answer.value)
    }

    /// Loads a key anew, whatever is known of it.
    ///
    /// # Errors
    /// When the loader failed, and nothing stale may be answered instead.
    pub async fn refresh<E, F, A>(
        &self,
        key: impl AsRef<[u8]>,
        load: F,
    ) -> Result<Option<V>, Failed<E>>
    where
        F: FnOnce(Option<Previous<V>>) -> A + Send + 'static,
        A: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
        E: fmt::Display + Send + Sync + 'static,
    {
        Ok(self.0.load(key.as_ref(), None, true, loader(load)).await?.value)
    }
}
