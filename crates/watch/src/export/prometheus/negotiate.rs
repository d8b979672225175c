//! Which format a scraper wants.

/// A format of the exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text format 0.0.4, which everything reads.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Length-delimited protobuf, with native histograms.
    Protobuf,
}

impl Format {
    /// What the answer says it is.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// The format of one media range with its parameters, if it is one of ours.
    fn of(media: &str, parameters: &[(&str, &str)]) -> Option<Self> {
        let find = |name: &str| {
            let same = |(known, _): &&(&str, &str)| known.eq_ignore_ascii_case(name);
            parameters.iter().find(same).map(|(_, value)| *value)
        };
        let says = |name, value: &str| find(name) == Some(value);
        let silent = |name| find(name).is_none();
        match media {
            "application/vnd.google.protobuf"
                if says("proto", "io.prometheus.client.MetricFamily")
                    && says("encoding", "delimited") =>
            {
                Some(Self::Protobuf)
            }
            "application/openmetrics-text"
                if says("version", "1.0.0") || says("version", "0.0.1") || silent("version") =>
            {
                Some(Self::OpenMetrics)
            }
            "text/plain" if says("version", "0.0.4") || silent("version") => Some(Self::Text),
            "text/*" | "*/*" => Some(Self::Text),
            _ => None,
        }
    }
}

/// The format with the highest weight in an `Accept` header, the first of equals;
/// [`Format::Text`] when none is known, because a scraper that cannot read it is
/// not a scraper.
pub fn choose(accept: &str) -> Format {
    let mut best = (Format::Text, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let parameters: Vec<(&str, &str)> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
            .collect();
        let weight = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let weight = weight.map_or(1.0, |(_, weight)| weight.parse().unwrap_or(0.0));
        if let Some(format) = Format::of(&media, &parameters).filter(|_| weight > best.1) {
            best = (format, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scraper_chooses() {
        let prometheus_2_native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1";
        for (accept, expected) in [
            (prometheus_2_native, Format::Protobuf),
            (prometheus_2, Format::OpenMetrics),
            (prometheus_3, Format::OpenMetrics),
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/html, image/png", Format::Text),
            ("text/plain;q=0.9, application/openmetrics-text;q=0.8", Format::Text),
            ("Application/OpenMetrics-Text; Version=2.0.0", Format::Text),
            ("Application/OpenMetrics-Text; Version=1.0.0", Format::OpenMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"", Format::OpenMetrics),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=much", Format::Text),
            ("application/vnd.google.protobuf", Format::Text),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                Format::Text,
            ),
        ] {
            assert_eq!(choose(accept), expected, "{accept}");
        }
    }
}
