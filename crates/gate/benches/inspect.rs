//! What inspection costs.
fn main() {}
