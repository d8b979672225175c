//! Every way this crate can fail, by its stable name.

use flow::{Code, Kind};

/// All of them; the error reference is generated from this table.
pub static CODES: &[&Code] = &[&DEADLINE_PASSED, &BREAKER_OPEN, &PROBE_LATE, &VALUE_CORRUPT];

/// A call, its retries included, took too long.
pub static DEADLINE_PASSED: Code = Code::new(
    Kind::Busy,
    "pool-deadline-passed",
    "the dependency did not answer in time",
    "try again later; if it stays, look at the dependency's load or raise the deadline",
);

/// A dependency failed so often that it is not asked at present.
pub static BREAKER_OPEN: Code = Code::new(
    Kind::Busy,
    "pool-breaker-open",
    "the dependency is not asked at present",
    "try again later; the log says what failed before the breaker opened",
);

/// A health probe took too long.
pub static PROBE_LATE: Code = Code::new(
    Kind::Busy,
    "pool-probe-late",
    "a health probe took too long",
    "look at the part's own log; it accepts connections but does not answer",
);

/// A stored value is not what was written.
pub static VALUE_CORRUPT: Code = Code::new(
    Kind::Corrupt,
    "pool-value-corrupt",
    "a stored value is not what was written",
    "delete the value and look for what else writes to that place",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_begin_with_the_stage() {
        let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
        assert!(names.iter().all(|name| name.starts_with("pool-")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CODES.len());
    }
}
