//! How the door fails to open.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&CONFIG];

/// A setting is wrong.
pub static CONFIG: Code =
    Code::new(Kind::Invalid, "door-resp-config", "A setting is wrong", "change the setting named");
