//! The vocabulary of Stockade and the one path every request takes.

pub mod clock;
pub mod error;
pub mod fact;
pub mod feed;
pub mod random;
pub mod signal;
pub mod step;
pub mod unit;

pub use clock::{Clock, Moment, Time};
pub use error::{Code, Error, Kind, Result};
pub use random::{Id, Random};
pub use step::{BoxFuture, Step};
