//! The binary `stockade`: loads its configuration, builds the plane, serves, and
//! drains.

mod cli;
mod config;
mod serve;
mod wire;

fn main() -> std::process::ExitCode {
    cli::run()
}
