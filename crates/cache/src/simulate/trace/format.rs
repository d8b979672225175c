//! What a file of requests can look like.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use flow::{Error, Result};

use crate::simulate::codes;

/// What the bytes of a trace mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A little-endian `u32` for each request: the object.
    U32,
    /// Two of them: the object and its size.
    IdSize,
    /// Lines `start count ignored n`, as the ARC traces have them: that many objects
    /// in a row.
    Lis,
    /// A key on each line; with weights, a key and a size.
    Text,
    /// The common or combined log of a web server.
    AccessLog,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::U32, Self::IdSize, Self::Lis, Self::Text, Self::AccessLog];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U32 => "u32",
            Self::IdSize => "id-size",
            Self::Lis => "lis",
            Self::Text => "text",
            Self::AccessLog => "access-log",
        }
    }

    /// What the name of a file tells.
    ///
    /// # Errors
    /// It tells nothing.
    pub fn of(path: &Path) -> Result<Self> {
        let unknown = |detail: String| Err(codes::FORMAT_UNKNOWN.error(detail));
        if path == Path::new("-") {
            return unknown("standard input has no name that tells its format".into());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = name.trim_end_matches(".zst").trim_end_matches(".gz");
        let ends = |endings: &[&str]| endings.iter().any(|ending| plain.ends_with(ending));
        match plain {
            _ if ends(&[".id_size.u32", ".id_size", ".id-size"]) => Ok(Self::IdSize),
            _ if ends(&[".u32"]) => Ok(Self::U32),
            _ if ends(&[".lis"]) => Ok(Self::Lis),
            _ if ends(&[".txt", ".keys", ".tsv"]) => Ok(Self::Text),
            // Rotated logs end in a number or a date: `access.log.1`.
            _ if plain.contains("access") && plain.contains("log") || ends(&[".log"]) => {
                Ok(Self::AccessLog)
            }
            _ => unknown(format!("the name `{}` does not tell its format", path.display())),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| codes::FORMAT_UNKNOWN.error(format!("there is no format `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        for (name, expected) in [
            ("a/arc-P3.u32.zst", Some(Format::U32)),
            ("a.u32", Some(Format::U32)),
            ("web.id_size.u32.zst", Some(Format::IdSize)),
            ("web.id-size", Some(Format::IdSize)),
            ("P3.lis", Some(Format::Lis)),
            ("P3.LIS.zst", Some(Format::Lis)),
            ("keys.txt", Some(Format::Text)),
            ("sized.tsv.zst", Some(Format::Text)),
            ("/var/log/nginx/access.log", Some(Format::AccessLog)),
            ("access.log.2.gz", Some(Format::AccessLog)),
            ("access_log-20261121", Some(Format::AccessLog)),
            ("shop.example.log", Some(Format::AccessLog)),
            ("trace", None),
            ("trace.zst", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(Format::of(Path::new(name)).ok(), expected, "{name}");
        }
    }

    #[test]
    fn formats_read_as_they_are_written() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert!("U32".parse::<Format>().is_err());
    }
}
