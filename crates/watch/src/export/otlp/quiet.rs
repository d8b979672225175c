//! Not watching oneself: what the exporter causes is not collected, or each export
//! would be something to export.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is at work for the exporter.
pub(super) fn is_quiet() -> bool {
    QUIET.get()
}

/// Runs this work without collecting what it says.
pub(super) fn quietly<F: Future>(work: F) -> Quietly<F> {
    Quietly(Box::pin(work))
}

pub(super) struct Quietly<F>(Pin<Box<F>>);

impl<F: Future> Future for Quietly<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _reset = Reset(QUIET.replace(true));
        self.0.as_mut().poll(context)
    }
}

/// Puts back what was, also when the work panics.
struct Reset(bool);

impl Drop for Reset {
    fn drop(&mut self) {
        QUIET.set(self.0);
    }
}
