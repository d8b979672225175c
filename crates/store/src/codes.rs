//! How the store fails.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&BUCKET, &KEY, &ABSENT, &GONE];

/// A bucket that cannot be called so.
pub static BUCKET: Code = Code::new(
    Kind::Invalid,
    "store-bucket-name",
    "That is no name for a bucket",
    "use 1 to 63 lower-case letters, digits, `-` and `.`",
);

/// An object that cannot be called so.
pub static KEY: Code = Code::new(
    Kind::Invalid,
    "store-object-key",
    "That is no key for an object",
    "use 1 to 1024 bytes without control characters",
);

/// Nothing of that name.
pub static ABSENT: Code =
    Code::new(Kind::Missing, "store-no-object", "There is no such object", "check bucket and key");

/// The catalog knows it and the bytes are not there.
pub static GONE: Code = Code::new(
    Kind::Corrupt,
    "store-bytes-gone",
    "The bytes of an object are gone",
    "keep the data directory as it is and restore the object from a backup",
);
