//! Real engines for tests: Redis and PostgreSQL on free loopback ports, in
//! temporary directories, gone when the test process is gone.
//!
//! Most tests share one server and keep to their own corner of it, a key prefix
//! or a database:
//!
//! ```no_run
//! let Some(redis) = engines::redis() else { return };
//! let Some(postgres) = engines::postgres() else { return };
//! println!("{} {} {}", redis.url(), redis.prefix(), postgres.url());
//! ```
//!
//! The shared server is the one that `STOCKADE_TEST_REDIS` or
//! `STOCKADE_TEST_POSTGRES` names (`cargo xtask test` and `cargo xtask services`
//! set them), otherwise one this process starts for itself. A test that kills,
//! pauses or restarts its engine starts its [`own`].
//!
//! An engine that is not installed is skipped out loud: a line on stderr and
//! `None`. With `CI=true` it is a panic instead. An engine that is installed and
//! does not start is always a panic: something is wrong that nobody should miss.
//!
//! Clients in other languages, which are tested against and never used here, are
//! [installed](clients) by the tools of their languages.
//!
//! What is deliberately absent: clients of its own. The few commands these servers need to
//! be watched and cleaned up are spoken by hand ([`resp`]) or through `psql`, so
//! that this crate compiles in a second and depends on no client it helps to test.

pub mod clients;
pub mod known;
pub mod own;
pub mod resp;

mod directory;
mod postgres;
mod process;
mod proxy;
mod redis;
mod shared;
mod wait;

pub use shared::{Postgres, Redis, postgres, redis};
