//! Reading feeds, which are written by strangers.

use std::net::IpAddr;

use flow::{Result, Time};
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::Format;
use super::ranges::Entries;
use crate::codes::FEED;

/// More entries are not taken from one feed.
const ENTRIES_MAX: usize = 1_000_000;
/// What objects of a JSON feed call what they are about.
const FIELDS: [&str; 10] = [
    "ip",
    "ip_address",
    "address",
    "cidr",
    "network",
    "prefix",
    "range",
    "indicator",
    "value",
    "asn",
];

/// A page of a TAXII collection.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) more: bool,
    pub(super) next: Option<String>,
    #[serde(default)]
    pub(super) objects: Vec<Value>,
}

/// What a feed says; its entries hold until then at most.
pub(super) fn entries(format: Format, body: &[u8], until: Time) -> Result<Entries> {
    let mut entries = Entries::default();
    match format {
        Format::Csv => csv(body, until, &mut entries)?,
        Format::Json => json(body, until, &mut entries)?,
        Format::Stix | Format::Taxii => stix(body, until, &mut entries)?,
    }
    let count = entries.networks.len() + entries.operators.len();
    if count == 0 && !body.trim_ascii().is_empty() && format != Format::Taxii {
        // An error page says nothing about addresses.
        return Err(FEED.error("there is no address in it"));
    }
    if count > ENTRIES_MAX {
        return Err(FEED.error(format!("it has more than {ENTRIES_MAX} entries")));
    }
    Ok(entries)
}

pub(super) fn page(body: &[u8]) -> Result<Page> {
    serde_json::from_slice(body)
        .map_err(|error| FEED.error("a page of the collection cannot be read").because(error))
}

/// The address of the page behind this one.
pub(super) fn with_next(url: &str, next: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    let next: String = next.bytes().map(letter).collect();
    format!("{url}{sign}next={next}")
}

fn csv(body: &[u8], until: Time, entries: &mut Entries) -> Result<()> {
    let text = std::str::from_utf8(body).map_err(|_| FEED.error("it is not text"))?;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let first = line.split([',', ';', '\t', ' ']).next().unwrap_or_default();
        entries.take(first.trim_matches('"'), until);
    }
    Ok(())
}

fn json(body: &[u8], until: Time, entries: &mut Entries) -> Result<()> {
    for document in serde_json::Deserializer::from_slice(body).into_iter::<Value>() {
        let document = document.map_err(|error| FEED.error("it is not JSON").because(error))?;
        entries.take_json(&document, until);
    }
    Ok(())
}

fn stix(body: &[u8], until: Time, entries: &mut Entries) -> Result<()> {
    let page = page(body)?;
    for object in &page.objects {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        if object.get("revoked").and_then(Value::as_bool).unwrap_or(false) {
            continue;
        }
        match text("type") {
            "indicator" => {
                let named = serde_json::from_value(text("valid_until").into());
                let until = named.map_or(until, |named: Time| named.min(until));
                entries.take_pattern(text("pattern"), until);
            }
            // Alone they say that an address exists, not that it is a threat.
            "ipv4-addr" | "ipv6-addr" | "domain-name" => entries.passed_over += 1,
            _ => {}
        }
    }
    Ok(())
}

impl Entries {
    /// Takes an address, a network or `AS1234`.
    fn take(&mut self, word: &str, until: Time) {
        let network = word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
        if let Ok(network) = network {
            // What holds half of the world is a mistake.
            let least = if network.addr().is_ipv4() { 8 } else { 16 };
            match network.prefix_len() >= least {
                true => self.networks.push((network, until)),
                false => self.passed_over += 1,
            }
            return;
        }
        let number = word.get(..2).filter(|start| start.eq_ignore_ascii_case("as"));
        match number.and_then(|_| word.get(2..)?.parse().ok()) {
            Some(number) => self.operators.push((number, until)),
            None => self.passed_over += 1,
        }
    }

    fn take_json(&mut self, value: &Value, until: Time) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.take_json(item, until)),
            Value::String(word) => self.take(word, until),
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::Number(number) if name == "asn" => {
                            self.take(&format!("AS{number}"), until);
                        }
                        Value::String(word) if FIELDS.contains(&&**name) => self.take(word, until),
                        Value::Array(_) | Value::Object(_) => self.take_json(value, until),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes what a pattern compares with, where any of it alone is a match:
    /// `[ipv4-addr:value = '192.0.2.1' OR ipv4-addr:value = '192.0.2.2']`.
    fn take_pattern(&mut self, pattern: &str, until: Time) {
        let joined =
            [" AND ", "FOLLOWEDBY", "NOT ", "!="].iter().any(|word| pattern.contains(word));
        if joined {
            self.passed_over += 1;
            return;
        }
        let before = self.networks.len() + self.operators.len();
        for term in pattern.split(" OR ") {
            let term = term.trim_matches(['[', ']', '(', ')', ' ']);
            let Some((path, value)) = compared(term) else { continue };
            match path {
                "ipv4-addr:value" | "ipv6-addr:value" => {
                    self.take(value.trim_matches('\''), until);
                }
                "autonomous-system:number" => self.take(&format!("AS{value}"), until),
                _ => {}
            }
        }
        if self.networks.len() + self.operators.len() == before {
            self.passed_over += 1;
        }
    }
}

/// Both sides of a comparison.
fn compared(term: &str) -> Option<(&str, &str)> {
    let (path, value) = term.split_once('=').or_else(|| term.split_once("ISSUBSET"))?;
    Some((path.trim(), value.trim()))
}
