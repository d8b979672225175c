//! Whether, and how eagerly, what will likely be asked next is loaded before it is.

use flow::unit::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::learn::Config;

/// Loading what will likely be asked next, by what followed before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LearnRules {
    /// Whether that is done. It needs an `origin`, a `query` or a `view`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// How often, in percent, a key must have followed another to be loaded after it; 30 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_percent: Option<u8>,
    /// How many keys are loaded in a second at most; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loads_per_second: Option<u32>,
    /// How many bytes of values are loaded in a second at most; 1 MiB when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<Size>,
}

impl LearnRules {
    pub(super) fn over(self, lower: Self) -> Self {
        Self {
            on: self.on.or(lower.on),
            confidence_percent: self.confidence_percent.or(lower.confidence_percent),
            loads_per_second: self.loads_per_second.or(lower.loads_per_second),
            bytes_per_second: self.bytes_per_second.or(lower.bytes_per_second),
        }
    }

    /// What is learned with, if anything is.
    pub(super) fn check(&self, confidential: bool) -> Result<Option<Config>, String> {
        let usual = Config::default();
        let percent = self.confidence_percent.unwrap_or(usual.confidence_percent);
        super::resolve::within("learn.confidence_percent", percent, 1, 100)?;
        if self.loads_per_second == Some(0) || self.bytes_per_second == Some(Size(0)) {
            return Err(
                "`learn` may load nothing; raise its bound, or set `learn.on` to false".into()
            );
        }
        if !self.on.unwrap_or(false) {
            return Ok(None);
        }
        if confidential {
            let say = "`learn` remembers keys, and those of this namespace are confidential; \
                       set `learn.on` to false";
            return Err(say.into());
        }
        Ok(Some(Config {
            confidence_percent: percent,
            predictions_per_second: self.loads_per_second.unwrap_or(usual.predictions_per_second),
            bytes_per_second: self.bytes_per_second.unwrap_or(usual.bytes_per_second),
            ..usual
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_learned_unless_it_is_said() {
        assert_eq!(LearnRules::default().check(false), Ok(None));
        let eager = LearnRules {
            on: Some(true),
            confidence_percent: Some(80),
            loads_per_second: Some(5),
            bytes_per_second: None,
        };
        let config = eager.check(false).unwrap().unwrap();
        assert_eq!((config.confidence_percent, config.predictions_per_second), (80, 5));
        assert!(eager.check(true).unwrap_err().contains("confidential"));
        let off = LearnRules { on: Some(false), ..LearnRules::default() };
        assert_eq!(off.over(eager.clone()).check(true), Ok(None));
        let none = LearnRules { loads_per_second: Some(0), ..eager.clone() };
        assert!(none.check(false).is_err());
        let never = LearnRules { confidence_percent: Some(101), ..eager };
        assert!(never.check(false).unwrap_err().contains("write 1 to 100"));
    }
}
