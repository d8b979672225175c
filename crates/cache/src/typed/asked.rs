//! What `#[cached]` calls: a look first, so that what a load needs is copied only for one.

use std::fmt;
use std::future::Future;

use super::Failed;
use crate::load::{Loaded, loader};
use crate::memory::{Age, Local};
use crate::miss::Miss;
use crate::tiered::{Terms, Tiered};

/// A key that memory could not answer.
pub struct Asked<V> {
    cache: Tiered<V>,
    key: String,
    first: Result<Local<V>, Miss>,
}

#[doc(hidden)]
impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    pub fn ask_value(&self, key: String) -> Result<V, Asked<V>> {
        match self.0.local(key.as_bytes()) {
            Ok(Local { value: Some(value), age: Age::Fresh, .. }) => Ok(value),
            first => Err(Asked { cache: self.clone(), key, first }),
        }
    }

    pub fn ask_option(&self, key: String) -> Result<Option<V>, Asked<V>> {
        match self.0.local(key.as_bytes()) {
            Ok(Local { value, age: Age::Fresh, .. }) => Ok(value),
            first => Err(Asked { cache: self.clone(), key, first }),
        }
    }
}

#[doc(hidden)]
impl<V: Clone + Send + Sync + 'static> Asked<V> {
    pub async fn load_value<E, F, A>(self, terms: Terms, load: F) -> Result<V, Failed<E>>
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output = Result<V, E>> + Send + 'static,
        E: fmt::Display + Send + Sync + 'static,
    {
        // A function that has a value or fails does not say that there is none.
        let nothing = matches!(self.first, Ok(Local { value: None, .. }));
        let first = (!nothing).then_some(self.first);
        let load =
            loader(move |_| async move { load().await.map(|value| Loaded::Value(value, terms)) });
        let answer = self.cache.0.load(self.key.as_bytes(), first, nothing, load).await?;
        answer.value.ok_or(Failed::Lost)
    }

    pub async fn load_option<E, F, A>(self, terms: Terms, load: F) -> Result<Option<V>, Failed<E>>
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output = Result<Option<V>, E>> + Send + 'static,
        E: fmt::Display + Send + Sync + 'static,
    {
        let load = loader(move |_| async move {
            let found = load().await?;
            Ok::<_, E>(found.map_or(Loaded::Nothing, |value| Loaded::Value(value, terms)))
        });
        let answer = self.cache.0.load(self.key.as_bytes(), Some(self.first), false, load).await?;
        Ok(answer.value)
    }
}
