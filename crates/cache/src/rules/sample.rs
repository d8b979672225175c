//! How often a kept value is compared with what its source has.

use std::time::Duration;

const PER_SECOND_MAX: u64 = 100;

/// The time between two comparisons: of `30/min` two seconds, of `off` none.
pub(super) fn every(written: &str) -> Result<Option<Duration>, String> {
    if written == "off" {
        return Ok(None);
    }
    let wrong = || format!("`sample` is `{written}`; write `1/min`, `5/s`, `20/h` or `off`");
    let (count, unit) = written.split_once('/').ok_or_else(wrong)?;
    let count: u64 = count.trim().parse().map_err(|_| wrong())?;
    let secs = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    if count == 0 || count > PER_SECOND_MAX * secs {
        let say = "write `off`, or 1 to 100 a second";
        return Err(format!("`sample` is `{written}`; {say}"));
    }
    Ok(Some(Duration::from_nanos(secs * 1_000_000_000 / count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for (written, millis) in
            [("1/min", 60_000), ("5/s", 200), ("20 / h", 180_000), ("100/s", 10)]
        {
            assert_eq!(every(written), Ok(Some(Duration::from_millis(millis))), "{written}");
        }
        assert_eq!(every("off"), Ok(None));
        for written in ["", "1", "/min", "1/day", "0/min", "101/s", "-1/s", "1/min/s"] {
            assert!(every(written).unwrap_err().contains("write"), "{written}");
        }
    }
}
