//! The text of policies, and the tree it is read as.

pub mod tree;

pub use tree::Module;
