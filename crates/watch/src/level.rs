//! Which lines are worth writing: `info,flow=debug`.

use flow::Result;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use crate::codes;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads a level and the levels of single parts.
///
/// Not by the reader that comes with the filter: it takes `inof` for a part that
/// is called so, and then says nothing at all.
pub(crate) fn read(text: &str) -> Result<Targets> {
    let mut targets = Targets::new().with_default(LevelFilter::INFO);
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        targets = match part.split_once('=') {
            None => targets.with_default(level(part)?),
            Some((target, word)) => targets.with_target(target.trim(), level(word.trim())?),
        };
    }
    Ok(targets)
}

fn level(word: &str) -> Result<LevelFilter> {
    let known = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    word.parse().ok().filter(|_| known).ok_or_else(|| {
        codes::LOG_LEVEL.error(format!("`{word}` is not a level; write {}", LEVELS.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn a_level_and_those_of_parts() {
        let targets = read("warn, flow=debug,pool::kv=off").unwrap();
        for (target, level, enabled) in [
            ("gate", Level::WARN, true),
            ("gate", Level::INFO, false),
            ("flow::serve", Level::DEBUG, true),
            ("flow::serve", Level::TRACE, false),
            ("pool::kv::redis", Level::ERROR, false),
            ("pool::sql", Level::WARN, true),
        ] {
            assert_eq!(targets.would_enable(target, &level), enabled, "{target} {level}");
        }
        assert!(read("").unwrap().would_enable("gate", &Level::INFO));
    }

    #[test]
    fn a_typo_is_not_a_silent_log() {
        for wrong in ["inof", "flow=loud", "flow=", "3"] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.code().name, "watch-log-level", "{wrong}");
        }
        assert!(read("inof").unwrap_err().detail().starts_with("`inof` is not a level"));
    }
}
