//! How fast is too fast.
//!
//! [`Table`] keeps a number for each key, [`Gcra`] and [`Window`] say what the number means,
//! [`Limits`] who is held to which of them, and [`Blocks`] who is kept out for a while. What is
//! worth having under way at a time, whoever asks, is [`Adaptive`].

mod adaptive;
mod block;
mod config;
mod gcra;
mod pace;
mod shared;
mod table;
mod window;

pub use adaptive::{Adaptive, Concurrency, Slot};
pub use block::{Block, Blocks, Subject};
pub use config::{Blocking, Config, Mode};
pub use gcra::Gcra;
pub use pace::Limits;
pub use shared::Shared;
pub use table::{Law, Print, Table, Taken};
pub use window::Window;

pub(crate) use pace::{Asking, Verdict};
