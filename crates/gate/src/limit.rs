//! How fast is too fast.

mod gcra;

pub(crate) use gcra::Limits;
