//! The binary `stockade`: loads its configuration, builds the plane, serves, and
//! drains.

mod config;

fn main() {
    let _ = config::Config::default();
}
