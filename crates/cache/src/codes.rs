//! How the cache fails.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&TOO_LARGE];

/// One value would crowd out too many others.
pub static TOO_LARGE: Code = Code::new(
    Kind::Invalid,
    "cache-value-too-large",
    "The value is too large to cache",
    "store it as an object, or raise `cache.capacity`: one value may take a tenth of it",
);
