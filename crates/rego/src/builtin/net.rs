//! Addresses and networks.

mod network;

use super::argument::{at, broken, members, text, wrong_type};
use super::{Builtin, Failure, Surroundings};
use crate::value::Value;
use network::{Network, address};

pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("net.cidr_contains", 2, |_, args| contains(args)),
    Builtin::steady("net.cidr_overlap", 2, |_, args| contains(args)),
    Builtin::steady("net.cidr_contains_matches", 2, contains_matches),
    Builtin::steady("net.cidr_expand", 1, expand),
    Builtin::steady("net.cidr_intersects", 2, |_, args| {
        let (one, two) = (network(text(args, 0)?)?, network(second(args)?)?);
        Ok((one.has(two.first()) || two.has(one.first())).into())
    }),
    Builtin::steady("net.cidr_is_valid", 1, |_, args| {
        let text = args.first().and_then(Value::as_text);
        Ok(text.and_then(Network::parse).is_some().into())
    }),
    Builtin::steady("net.cidr_merge", 1, |_, args| merge(at(args, 0)?)),
    Builtin::fresh("net.lookup_ip_addr", 1, |surroundings, args| {
        let host = text(args, 0)?;
        if let Some(address) = address(host) {
            return Ok(Value::set([Value::from(network::shown(address))]));
        }
        surroundings.keep("net.lookup_ip_addr", at(args, 0)?, |world| {
            Ok(Value::set(world.look_up(host)?.into_iter().map(Value::from)))
        })
    }),
];

fn network(text: &str) -> Result<Network, Failure> {
    Network::parse(text).ok_or_else(|| Failure::Broken(format!("invalid CIDR address: {text}")))
}

/// Whatever is wrong with the second argument is said of the first, as elsewhere.
fn second(args: &[Value]) -> Result<&str, Failure> {
    let arg = at(args, 1)?;
    arg.as_text().ok_or_else(|| wrong_type(0, arg, &["string"]))
}

fn contains(args: &[Value]) -> Result<Value, Failure> {
    let outer = text(args, 0)?;
    Ok(holds(outer, second(args)?)?.into())
}

/// Whether a network holds an address or a whole network.
fn holds(outer: &str, inner: &str) -> Result<bool, Failure> {
    let outer = network(outer)?;
    if let Some(address) = address(inner) {
        return Ok(outer.has(address));
    }
    match Network::parse(inner) {
        Some(inner) => Ok(outer.has(inner.first()) && outer.has(inner.last())),
        None => {
            broken(format!("not a valid textual representation of an IP address or CIDR: {inner}"))
        }
    }
}

/// What holds what, by the places both are found at.
fn contains_matches(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (outer, inner) = (named(args, 0)?, named(args, 1)?);
    let mut found = Vec::new();
    for (outer, outer_key) in &outer {
        surroundings.go_on()?;
        for (inner, inner_key) in &inner {
            let (Value::Text(outer), Value::Text(inner)) = (outer, inner) else {
                let wrong = if let Value::Text(_) = outer { inner } else { outer };
                return Err(wrong_type(0, wrong, &["string"]));
            };
            if holds(outer, inner)? {
                found.push(Value::array([outer_key.clone(), inner_key.clone()]));
            }
        }
    }
    Ok(Value::set(found))
}

/// The networks of an argument, each with its place: itself, an index or a key.
fn named(args: &[Value], place: usize) -> Result<Vec<(Value, Value)>, Failure> {
    let part = |item: &Value| match item {
        Value::Text(_) => Ok(item.clone()),
        Value::Array(items) if !items.is_empty() => Ok(items.first().unwrap_or(item).clone()),
        _ => broken(format!("operand {}: element must be string or non-empty array", place + 1)),
    };
    match at(args, place)? {
        text @ Value::Text(_) => Ok(vec![(text.clone(), text.clone())]),
        Value::Array(items) => {
            let named = |(place, item)| Ok((part(item)?, Value::count(place)));
            items.iter().enumerate().map(named).collect()
        }
        Value::Set(set) => set.iter().map(|item| Ok((part(item)?, item.clone()))).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, item)| Ok((part(item)?, key.clone()))).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// How many addresses may be listed.
const ADDRESSES_MAX: usize = 1 << 20;

fn expand(surroundings: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let network = network(text(args, 0)?)?;
    let mut addresses = Vec::new();
    for address in network.addresses() {
        if addresses.len() >= ADDRESSES_MAX {
            return Err(Failure::Halted("a network has too many addresses"));
        }
        if addresses.len() % 4096 == 4095 {
            surroundings.go_on()?;
        }
        addresses.push(Value::from(network::shown(address)));
    }
    Ok(Value::set(addresses))
}

/// As few networks as hold the same addresses.
fn merge(value: &Value) -> Result<Value, Failure> {
    let Some(items) = members(value) else { return broken("operand must be an array") };
    let mut networks = Vec::with_capacity(items.len());
    for item in items {
        let Some(text) = item.as_text() else { return broken("element must be string") };
        networks.push(match address(text) {
            Some(address) => match Network::of_class(address) {
                Some(network) => network,
                None => return broken("IPv6 invalid: needs prefix length"),
            },
            None => network(text)?,
        });
    }
    let merged = network::merged(networks);
    Ok(Value::set(merged.iter().map(|network| Value::from(network.to_string()))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn networks() {
        check(&[
            ("net.cidr_contains", r#"["10.0.0.0/8", "10.1.2.3"]"#, "true"),
            ("net.cidr_contains", r#"["10.0.0.0/8", "10.1.0.0/16"]"#, "true"),
            ("net.cidr_contains", r#"["10.1.0.0/16", "10.0.0.0/8"]"#, "false"),
            ("net.cidr_contains", r#"["2001:db8::/32", "2001:db8::1"]"#, "true"),
            ("net.cidr_contains", r#"["10.0.0.0/8", "::ffff:10.0.0.1"]"#, "true"),
            ("net.cidr_contains", r#"["10.0.0.0/8", "2001:db8::1"]"#, "false"),
            (
                "net.cidr_contains",
                r#"["10.0.0.0/33", "10.0.0.1"]"#,
                "net.cidr_contains: invalid CIDR address: 10.0.0.0/33",
            ),
            (
                "net.cidr_contains",
                r#"["10.0.0.0/8", "x"]"#,
                "net.cidr_contains: not a valid textual representation of an IP address or CIDR: x",
            ),
            (
                "net.cidr_contains_matches",
                r#"["1.1.1.0/24", "1.1.1.128"]"#,
                r#"[["1.1.1.0/24","1.1.1.128"]]"#,
            ),
            (
                "net.cidr_contains_matches",
                r#"[["1.1.2.0/24", "1.1.1.0/24"], "1.1.1.128"]"#,
                r#"[[1,"1.1.1.128"]]"#,
            ),
            (
                "net.cidr_contains_matches",
                r#"[["1.1.1.0/24"], {"x": "1.1.1.1", "y": ["1.1.1.2", 3]}]"#,
                r#"[[0,"x"],[0,"y"]]"#,
            ),
            (
                "net.cidr_contains_matches",
                r#"[["1.1.1.0/24"], [1]]"#,
                "net.cidr_contains_matches: operand 2: element must be string or non-empty array",
            ),
            (
                "net.cidr_expand",
                r#"["192.168.0.1/30"]"#,
                r#"["192.168.0.0","192.168.0.1","192.168.0.2","192.168.0.3"]"#,
            ),
            ("net.cidr_expand", r#"["::/32"]"#, "halted: a network has too many addresses"),
            ("net.cidr_intersects", r#"["10.0.0.0/8", "10.1.0.0/16"]"#, "true"),
            ("net.cidr_intersects", r#"["10.0.0.0/16", "10.1.0.0/16"]"#, "false"),
            ("net.cidr_is_valid", r#"["10.0.0.0/8"]"#, "true"),
            ("net.cidr_is_valid", r#"["10.0.0.1"]"#, "false"),
            ("net.cidr_is_valid", r#"["010.0.0.0/8"]"#, "false"),
            ("net.cidr_is_valid", "[1]", "false"),
            (
                "net.cidr_merge",
                r#"[["192.0.128.0/24", "192.0.129.0/24"]]"#,
                r#"["192.0.128.0/23"]"#,
            ),
            (
                "net.cidr_merge",
                r#"[["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/9"]]"#,
                r#"["10.0.0.0/8","11.0.0.0/9"]"#,
            ),
            ("net.cidr_merge", r#"[["0.0.0.0/1", "128.0.0.0/1"]]"#, r#"["0.0.0.0/0"]"#),
            (
                "net.cidr_merge",
                r#"[["2001:db8::/33", "2001:db8:8000::/33"]]"#,
                r#"["2001:db8::/32"]"#,
            ),
            ("net.cidr_merge", r#"[["192.168.1.1"]]"#, r#"["192.168.1.1/24"]"#),
            (
                "net.cidr_merge",
                r#"[["2001:db8::1"]]"#,
                "net.cidr_merge: IPv6 invalid: needs prefix length",
            ),
            ("net.lookup_ip_addr", r#"["10.0.0.1"]"#, r#"["10.0.0.1"]"#),
            ("net.cidr_merge", "[1]", "net.cidr_merge: operand must be an array"),
            (
                "net.lookup_ip_addr",
                r#"["localhost"]"#,
                "net.lookup_ip_addr: this evaluation may not look up names",
            ),
        ]);
    }
}
