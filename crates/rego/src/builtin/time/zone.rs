//! Zones of time.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::super::Failure;
use super::super::argument::broken;

/// A zone of time.
pub(super) enum Zone {
    /// That of Greenwich, without summer time.
    Universal,
    /// One that has a name.
    Named(TimeZone),
}

/// The zones that came with the program: what is on a machine changes no decision.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

impl Zone {
    /// The zone of a name. Where a program runs is nothing a policy should depend on: its local
    /// time is that of Greenwich.
    pub(super) fn named(name: &str) -> Result<Self, Failure> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::Universal);
        }
        match ZONES.get(name) {
            Ok(zone) if zone.iana_name() == Some(name) => Ok(Self::Named(zone)),
            _ => broken(format!("unknown time zone {name}")),
        }
    }

    /// How many seconds east of Greenwich it is at a moment, and what it is called then.
    pub(super) fn at(&self, seconds: i64) -> (i64, [u8; 8]) {
        let Self::Named(zone) = self else { return (0, abbreviated("UTC")) };
        let Ok(moment) = Timestamp::from_second(seconds) else { return (0, abbreviated("UTC")) };
        let info = zone.to_offset_info(moment);
        (i64::from(info.offset().seconds()), abbreviated(info.abbreviation()))
    }
}

fn abbreviated(name: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    bytes
}
