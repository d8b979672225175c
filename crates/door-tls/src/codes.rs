//! How TLS fails at a door.

use flow::{Code, Kind};

/// Every code of this crate.
pub static CODES: &[&Code] = &[&CERTIFICATE, &CLIENTS, &KEY];

/// Certificate or key cannot be used.
pub static CERTIFICATE: Code = Code::new(
    Kind::Invalid,
    "door-tls-certificate",
    "The certificate cannot be used",
    "name a PEM file with the chain, leaf first, and the key that belongs to it",
);

/// What clients' certificates are verified by cannot be used.
pub static CLIENTS: Code = Code::new(
    Kind::Invalid,
    "door-tls-clients",
    "Clients' certificates cannot be verified",
    "name PEM files: the authorities in `clients.authorities`, their lists in `clients.revoked`",
);

/// Where the key is was not said as a reference.
pub static KEY: Code = Code::new(
    Kind::Invalid,
    "door-tls-key",
    "The key is not a reference",
    "name where the key is: `file:PATH` or `env:NAME`",
);
