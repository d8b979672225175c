//! How configuration can be wrong.

use flow::{Code, Kind};

pub(crate) static UNREADABLE: Code = Code::new(
    Kind::Invalid,
    "config-unreadable",
    "The configuration file cannot be read",
    "write a TOML file; `stockade config reference` lists what can stand in it",
);

pub(crate) static UNKNOWN_KEY: Code = Code::new(
    Kind::Invalid,
    "config-unknown-key",
    "There is no such setting",
    "`stockade config reference` lists every setting",
);

pub(crate) static WRONG_VALUE: Code = Code::new(
    Kind::Invalid,
    "config-wrong-value",
    "A setting has a value that means nothing",
    "`stockade config reference` says what each setting takes",
);

pub(crate) static MISSING_VALUE: Code = Code::new(
    Kind::Invalid,
    "config-missing-value",
    "A setting needs another one that is not there",
    "set it too, or neither",
);

pub(crate) static UNSAFE: Code = Code::new(
    Kind::Refused,
    "config-unsafe",
    "Production refuses this setting",
    "change the setting, or use the profile `development` where nothing is at stake",
);

/// Every code of this module.
pub(crate) static CODES: &[&Code] =
    &[&UNREADABLE, &UNKNOWN_KEY, &WRONG_VALUE, &MISSING_VALUE, &UNSAFE];
