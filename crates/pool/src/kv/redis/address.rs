//! Where a Redis is, as people write it.

use std::fmt;
use std::str::FromStr;

/// One server, a group watched by Sentinels, or a Cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) shape: Shape,
    pub(crate) tls: bool,
    /// The servers, or the Sentinels, or some nodes of the cluster.
    pub(crate) hosts: Vec<(String, u16)>,
    /// The number of the database; a cluster has only 0.
    pub(crate) database: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Single,
    Sentinel { master: String },
    Cluster,
}

const FORMS: &str = "`redis://host:6379/0`, `rediss://…` with TLS, \
    `redis-sentinel://host:26379,host:26379/master` or `redis+cluster://host:6379,host:6379`";

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| format!("a Redis URL is written {FORMS}"))?;
        if rest.contains('@') {
            // It may hold a password and must not be repeated.
            return Err("a Redis URL holds no user and no password; \
                write `username = \"…\"` and `password = \"env:NAME\"` beside it"
                .to_owned());
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (kind, tls, port) = match scheme {
            "redis" => (Kind::Single, false, 6379),
            "rediss" => (Kind::Single, true, 6379),
            "redis-sentinel" => (Kind::Sentinel, false, 26379),
            "rediss-sentinel" => (Kind::Sentinel, true, 26379),
            "redis+cluster" => (Kind::Cluster, false, 6379),
            "rediss+cluster" => (Kind::Cluster, true, 6379),
            other => return Err(format!("`{other}://` is not a Redis URL; write {FORMS}")),
        };
        let hosts = authority
            .split(',')
            .map(|host| parse_host(host, port))
            .collect::<Result<Vec<_>, _>>()?;
        if matches!(kind, Kind::Single) && hosts.len() > 1 {
            return Err(format!("`{scheme}://` takes one host; for several write {FORMS}"));
        }
        let (shape, database) = kind.shape(path)?;
        Ok(Self { shape, tls, hosts, database })
    }
}

enum Kind {
    Single,
    Sentinel,
    Cluster,
}

impl Kind {
    fn shape(self, path: &str) -> Result<(Shape, i64), String> {
        let number = |text: &str| match text {
            "" => Ok(0),
            text => text
                .parse::<u16>()
                .map(i64::from)
                .map_err(|_| format!("`{text}` is not the number of a Redis database")),
        };
        match self {
            Kind::Single => Ok((Shape::Single, number(path)?)),
            Kind::Cluster if path.is_empty() => Ok((Shape::Cluster, 0)),
            Kind::Cluster => Err("a Redis cluster has only database 0: leave the path away".into()),
            Kind::Sentinel => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err("name the master: `redis-sentinel://host:26379/master`".into());
                }
                let master = master.to_owned();
                Ok((Shape::Sentinel { master }, number(database)?))
            }
        }
    }
}

fn parse_host(text: &str, default: u16) -> Result<(String, u16), String> {
    let wrong = || format!("`{text}` is not a host; write `host:port` or `[::1]:port`");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or_else(wrong)?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().map_err(|_| wrong())?,
        None if port.is_empty() => default,
        None => return Err(wrong()),
    };
    let odd = |letter: char| letter.is_whitespace() || "?#%".contains(letter);
    if host.is_empty() || host.contains(odd) {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> =
            self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        f.write_str(&hosts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(Shape, bool, &str, i64), &str>) {
        match (text.parse::<Address>(), expected) {
            (Ok(got), Ok((shape, tls, hosts, database))) => {
                assert_eq!(
                    (got.shape.clone(), got.tls, got.to_string().as_str(), got.database),
                    (shape, tls, hosts, database),
                    "{text}"
                );
            }
            (Err(message), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
            (got, expected) => panic!("`{text}` gave {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn every_form_is_read() {
        let sentinel = || Shape::Sentinel { master: "main".into() };
        check("redis://a", Ok((Shape::Single, false, "a:6379", 0)));
        check("redis://a:1/3", Ok((Shape::Single, false, "a:1", 3)));
        check("rediss://[::1]:2/", Ok((Shape::Single, true, "::1:2", 0)));
        check("redis-sentinel://a:1,b/main", Ok((sentinel(), false, "a:1,b:26379", 0)));
        check("rediss-sentinel://a/main/2", Ok((sentinel(), true, "a:26379", 2)));
        check("redis+cluster://a,b:7", Ok((Shape::Cluster, false, "a:6379,b:7", 0)));
        check("rediss+cluster://a", Ok((Shape::Cluster, true, "a:6379", 0)));
    }

    #[test]
    fn wrong_ones_say_what_to_change() {
        check("localhost", Err("is written"));
        check("http://a", Err("not a Redis URL"));
        check("redis://", Err("not a host"));
        check("redis://a:b", Err("not a host"));
        check("redis://a:1:2", Err("not a host"));
        check("redis://a?x=1", Err("not a host"));
        check("redis://[::1", Err("not a host"));
        check("redis://a,b", Err("takes one host"));
        check("redis://a/x", Err("number of a Redis database"));
        check("redis-sentinel://a", Err("name the master"));
        check("redis+cluster://a/1", Err("only database 0"));
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let error = "redis://user:hunter2@host".parse::<Address>().unwrap_err();
        assert!(error.contains("password") && !error.contains("hunter2"), "{error}");
    }
}
