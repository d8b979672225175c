//! Everything that leaves the process.

pub mod codes;

pub mod breaker;
pub mod file;
pub mod health;
pub mod retry;
pub mod sql;
