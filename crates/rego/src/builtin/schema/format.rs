//! Forms that strings may have to be of.

use std::net::IpAddr;

use regex::Regex;

/// Whether a text is of a form; forms that are not known are all forms.
pub(super) fn is_of(format: &str, text: &str) -> bool {
    match format {
        "date" => is_date(text),
        "time" => is_time(text, true) || is_time(text, false),
        "date-time" => is_date_time(text),
        "hostname" => is_hostname(text),
        "email" | "idn-email" => is_email(text),
        "ipv4" => text.contains('.') && text.parse::<IpAddr>().is_ok(),
        "ipv6" => text.contains(':') && text.parse::<IpAddr>().is_ok(),
        "uri" | "iri" => is_reference(text) && has_scheme(text),
        "uri-reference" | "iri-reference" => is_reference(text),
        "uri-template" => is_template(text),
        "uuid" => is_uuid(text),
        "regex" => Regex::new(text).is_ok(),
        "json-pointer" => is_pointer(text),
        "relative-json-pointer" => is_relative_pointer(text),
        _ => true,
    }
}

/// Two digits up to a number.
fn two(text: &str, most: u32) -> bool {
    text.len() == 2
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u32>().is_ok_and(|number| number <= most)
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let digits = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let (Ok(year), Ok(number)) = (year.parse::<u32>(), month.parse::<u32>()) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match number {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    digits && two(month, 12) && number > 0 && two(day, days) && day != "00"
}

fn is_time(text: &str, zoned: bool) -> bool {
    let (clock, zone) = match text.find(['Z', '+', '-']) {
        Some(place) if zoned => text.split_at_checked(place).unwrap_or((text, "")),
        None if !zoned => (text, "Z"),
        _ => return false,
    };
    let zone = match zone {
        "Z" => true,
        zone => zone
            .get(1..)
            .and_then(|zone| zone.split_once(':'))
            .is_some_and(|(hour, minute)| two(hour, 24) && two(minute, 60)),
    };
    let (clock, fraction) = match clock.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let fraction = fraction
        .is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let parts: Vec<&str> = clock.split(':').collect();
    let clock = matches!(parts.as_slice(), [hour, minute, second]
        if two(hour, 23) && two(minute, 59) && two(second, 59));
    zone && fraction && clock
}

fn is_date_time(text: &str) -> bool {
    let both =
        text.split_once('T').is_some_and(|(date, time)| is_date(date) && is_time(time, true));
    both || is_date(text) || is_time(text, true) || is_time(text, false)
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() < 256 && text.split('.').all(label)
}

/// An address, which a name may stand before.
fn is_email(text: &str) -> bool {
    let address = match text.trim().rsplit_once('<') {
        Some((_, address)) => match address.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        None => text.trim(),
    };
    let word = |byte: u8| {
        byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
    };
    let atoms = |text: &str| text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(word));
    let quoted = |text: &str| text.len() > 2 && text.starts_with('"') && text.ends_with('"');
    let literal = |text: &str| text.starts_with('[') && text.ends_with(']');
    address.rsplit_once('@').is_some_and(|(local, domain)| {
        (atoms(local) || quoted(local)) && (atoms(domain) || literal(domain))
    })
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn is_reference(text: &str) -> bool {
    let escapes = text.split('%').skip(1).all(|after| {
        after.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    // What comes before the first colon, if it is in the first part, is a scheme or nothing.
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    let host = text
        .split_once("//")
        .map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    escapes
        && !text.contains('\\')
        && !text.chars().any(char::is_control)
        && !host.contains(' ')
        && (!first.contains(':') || has_scheme(text))
}

fn is_template(text: &str) -> bool {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let balanced = path.split('{').skip(1).all(|part| part.contains('}'));
    is_reference(text) && balanced
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_pointer(text: &str) -> bool {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes
}

fn is_relative_pointer(text: &str) -> bool {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let Some((digits, rest)) = text.split_at_checked(end) else { return false };
    let number = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
    number && (rest == "#" || is_pointer(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let cases: [(&str, &[&str], &[&str]); 14] = [
            ("date", &["2024-02-29"], &["2023-02-29", "24-01-01", "2024-13-01", "2024-01-00"]),
            ("time", &["10:11:12", "10:11:12Z", "10:11:12.5+02:00"], &["24:00:00", "10:11"]),
            ("date-time", &["2024-01-01T10:11:12Z", "2024-01-01"], &["2024-01-01 10:11:12Z", "x"]),
            ("hostname", &["a.example", "A-1"], &["-a", "a..b", ""]),
            ("email", &["a@b", "A <a.b@c.de>"], &["a", "@b", "a@", "a b@c"]),
            ("ipv4", &["1.2.3.4"], &["1.2.3", "::1", "1.2.3.256"]),
            ("ipv6", &["::1"], &["1.2.3.4", "1::2::3"]),
            ("uri", &["http://a/b?c#d", "mailto:a@b"], &["/a", "1:a", "a:\\b", "a:%zz"]),
            ("uri-reference", &["/a", "a", "//h/p"], &["\\a", "%x"]),
            ("uri-template", &["/a/{b}"], &["/a/{b"]),
            (
                "uuid",
                &["01234567-89ab-cdef-0123-456789ABCDEF"],
                &["0123", "g1234567-89ab-cdef-0123-456789abcdef"],
            ),
            ("regex", &["a+", ""], &["("]),
            ("json-pointer", &["", "/a~0/b"], &["a", "/~2"]),
            ("relative-json-pointer", &["0#", "1/a", "0"], &["01", "/a", "-1"]),
        ];
        for (format, yes, no) in cases {
            for text in yes {
                assert!(is_of(format, text), "{format}: {text}");
            }
            for text in no {
                assert!(!is_of(format, text), "{format}: {text}");
            }
        }
        assert!(is_of("unheard-of", "anything"));
    }
}
