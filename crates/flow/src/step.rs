//! An answer that is often there at once.

use std::future::Future;
use std::pin::Pin;

/// A future on the heap, for the slow way.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a hot trait answers: the value itself, or a promise of it. The value
/// costs no allocation, so the fast way stays fast behind a trait object.
pub enum Step<'a, T> {
    /// Here it is.
    Now(T),
    /// It will take a while.
    Later(BoxFuture<'a, T>),
}

impl<'a, T> Step<'a, T> {
    /// A promise.
    pub fn later(future: impl Future<Output = T> + Send + 'a) -> Self {
        Step::Later(Box::pin(future))
    }

    /// Waits for the value.
    pub async fn wait(self) -> T {
        match self {
            Step::Now(value) => value,
            Step::Later(future) => future.await,
        }
    }

    /// Changes the value when it is there.
    pub fn map<U>(self, change: impl FnOnce(T) -> U + Send + 'a) -> Step<'a, U>
    where
        T: 'a,
    {
        match self {
            Step::Now(value) => Step::Now(change(value)),
            Step::Later(future) => Step::later(async move { change(future.await) }),
        }
    }
}
