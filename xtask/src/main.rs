//! The project's own chores: `cargo xtask check|test|bench|services`.

fn main() {}
