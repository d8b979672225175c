//! Only the benchmark beside this is of interest.
