//! What a client prefers, from headers like `accept` and `accept-encoding`.

/// The best of `offers` (ours, best first) by a header's preferences; `None`
/// when it takes none of them.
pub(crate) fn best<'o>(header: &str, offers: &[&'o str]) -> Option<&'o str> {
    let mut best = None;
    for offer in offers {
        let quality = quality(header, offer);
        // Among equals our own order decides.
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((*offer, quality));
        }
    }
    best.map(|(offer, _)| offer)
}

/// How much a header likes an offer, in thousandths: the word of the range that
/// names it most exactly.
fn quality(header: &str, offer: &str) -> u32 {
    let ranges = header.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let exactness = exactness(parts.next()?, offer)?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Some((exactness, weight.map_or(1000, thousandths)))
    });
    ranges.max_by_key(|(exactness, _)| *exactness).map_or(0, |(_, quality)| quality)
}

fn exactness(range: &str, offer: &str) -> Option<u8> {
    if range.eq_ignore_ascii_case(offer) {
        return Some(2);
    }
    let (kind, rest) = range.split_once('/').unwrap_or((range, "*"));
    let same = offer.split_once('/').is_some_and(|(of, _)| of.eq_ignore_ascii_case(kind));
    match (kind, rest) {
        ("*", "*") => Some(0),
        (_, "*") if same => Some(1),
        _ => None,
    }
}

/// A weight between 0 and 1; what cannot be read weighs nothing.
fn thousandths(weight: &str) -> u32 {
    let weight: f64 = weight.parse().unwrap_or(0.0);
    (weight.clamp(0.0, 1.0) * 1000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_prefers_and_we_break_ties() {
        let offers = ["zstd", "gzip"];
        for (header, expected) in [
            ("", None),
            ("gzip", Some("gzip")),
            ("gzip, zstd", Some("zstd")),
            ("gzip, zstd;q=0.5", Some("gzip")),
            ("*", Some("zstd")),
            ("zstd;q=0, *;q=0.5", Some("gzip")),
            ("identity", None),
            ("br, GZIP ; q=0.1", Some("gzip")),
            ("gzip;q=x", None),
        ] {
            assert_eq!(best(header, &offers), expected, "{header}");
        }
    }

    #[test]
    fn media_ranges() {
        let offers = ["application/json", "text/event-stream"];
        for (header, expected) in [
            ("text/event-stream", Some("text/event-stream")),
            ("text/*", Some("text/event-stream")),
            ("*/*", Some("application/json")),
            ("text/event-stream, */*;q=0.1", Some("text/event-stream")),
            ("image/png", None),
        ] {
            assert_eq!(best(header, &offers), expected, "{header}");
        }
    }
}
