//! Functions that remember what they answered.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::io;
use std::num::ParseIntError;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use cache::rules::Rules;
use cache::{Failed, Key, Terms, Tiered, cached, key};
use flow::feed::Purge;
use flow::unit::Span;

/// Counts what it is asked for.
#[derive(Clone)]
struct Users {
    cache: Tiered<String>,
    asked: Arc<AtomicU32>,
}

#[derive(Debug, Clone, PartialEq)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Failed<Refused>> for Refused {
    fn from(failed: Failed<Refused>) -> Self {
        Self(format!("no user: {failed}"))
    }
}

impl Users {
    fn new() -> Self {
        let rules = Rules { nothing_ttl: Some(Span::secs(60)), ..Rules::default() };
        Self {
            cache: Tiered::builder("users").rules(rules).build().unwrap(),
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> u32 {
        self.asked.swap(0, Relaxed)
    }

    /// By a key of the caller's choice.
    #[cached(cache = "self.cache", key = "(tenant, id)", ttl = "1h 30m", tags = ["users", format!("tenant:{tenant}")])]
    async fn user(&self, tenant: &str, mut id: u64) -> Result<String, Refused> {
        self.asked.fetch_add(1, Relaxed);
        id += 1;
        match tenant {
            "nobody" => Err(Refused("gone".into())),
            _ => Ok(format!("{tenant} {id}")),
        }
    }

    /// By the name of the function and all arguments but one.
    #[cached(cache = self.cache, skip(via), priority = 3)]
    async fn nick(
        &self,
        name: String,
        lang: Option<&str>,
        via: &[u8],
    ) -> Result<Option<String>, Failed<Refused>> {
        self.asked.fetch_add(1, Relaxed);
        let found = (name != "nobody").then(|| format!("{name} {lang:?} {}", via.len()));
        Ok(found)
    }

    #[cached(cache = self.cache)]
    async fn shared(self: &Arc<Self>, names: &[String]) -> io::Result<String> {
        self.asked.fetch_add(1, Relaxed);
        match names {
            [] => Err(io::ErrorKind::NotFound.into()),
            names => Ok(names.join(" ")),
        }
    }
}

#[tokio::test]
async fn a_method_is_called_once_for_each_key() {
    let users = Users::new();
    for _ in 0..3 {
        assert_eq!(users.user("acme", 7).await.unwrap(), "acme 8");
    }
    assert_eq!(users.asked(), 1);
    assert_eq!(users.user("acme", 8).await.unwrap(), "acme 9");
    assert_eq!(users.asked(), 1);
    let hit = users.cache.get("acme/7").await.unwrap();
    assert_eq!(hit.value, "acme 8");
    let left = hit.ttl.unwrap();
    assert!(left <= Duration::from_secs(5400) && left > Duration::from_secs(4000), "{left:?}");
}

#[tokio::test]
async fn it_is_purged_by_key_by_pattern_and_by_tag() {
    let users = Users::new();
    let purges = [
        Purge::Key(key::of(&("acme", 7)).into()),
        Purge::Glob("acme/*".into()),
        Purge::Tag("tenant:acme".into()),
        Purge::Tag("users".into()),
    ];
    for purge in purges {
        users.user("acme", 7).await.unwrap();
        assert_eq!(users.asked(), 1, "{purge:?}");
        assert_eq!(users.cache.purge(&purge).await.unwrap().memory, 1, "{purge:?}");
    }
    users.user("acme", 7).await.unwrap();
    users.cache.purge(&Purge::Tag("tenant:other".into())).await.unwrap();
    users.user("acme", 7).await.unwrap();
    assert_eq!(users.asked(), 1);
}

#[tokio::test]
async fn failures_are_not_kept_and_told_in_the_functions_own_words() {
    let users = Users::new();
    for _ in 0..2 {
        assert_eq!(users.user("nobody", 7).await, Err(Refused("no user: gone".into())));
        assert_eq!(users.asked(), 1);
    }
    let users = Arc::new(users);
    let failed = users.shared(&[]).await.unwrap_err();
    assert_eq!(failed.kind(), io::ErrorKind::NotFound);
    assert_eq!(users.shared(&["a".into(), "b".into()]).await.unwrap(), "a b");
    assert_eq!(users.cache.get("shared/(a,b)").await.unwrap().value, "a b");
}

#[tokio::test]
async fn that_there_is_nothing_is_remembered() {
    let users = Users::new();
    for via in [&b"one"[..], b"other"] {
        assert_eq!(users.nick("nobody".into(), None, via).await.unwrap(), None);
    }
    assert_eq!(users.asked(), 1);
    let ann = users.nick("ann".into(), Some("de"), b"one").await.unwrap();
    assert_eq!(ann.unwrap(), "ann Some(\"de\") 3");
    assert_eq!(
        users.nick("ann".into(), Some("de"), b"").await.unwrap().unwrap(),
        "ann Some(\"de\") 3"
    );
    assert_eq!(users.asked(), 1);
    assert!(users.cache.get("nick/ann/de").await.is_ok());
}

static SQUARES: LazyLock<Tiered<u64>> =
    LazyLock::new(|| Tiered::builder("squares").build().unwrap());

/// A number as it is written, and how often it is asked for it.
#[cached(cache = SQUARES)]
async fn squared<N: Key + Into<u64> + Send + 'static>(
    number: N,
    _as: &'static str,
) -> Result<u64, Failed<ParseIntError>> {
    let number = number.into();
    Ok(number * number)
}

#[cached(cache = &*SQUARES, key = format!("sum of {}", numbers.len()))]
async fn sum(numbers: Vec<u64>) -> Result<u64, Failed<&'static str>> {
    Ok(numbers.iter().sum())
}

#[tokio::test]
async fn a_function_is_cached_where_an_expression_says() {
    assert_eq!(squared(7_u32, "u32").await.unwrap(), 49);
    assert_eq!(SQUARES.get("squared/7/u32").await.unwrap().value, 49);
    SQUARES.set("squared/8/u64", 1, Terms::default()).await.unwrap();
    assert_eq!(squared(8_u64, "u64").await.unwrap(), 1);
    assert_eq!(sum(vec![1, 2]).await.unwrap(), 3);
    assert_eq!(sum(vec![1, 1]).await.unwrap(), 3, "its key says that it is the same");
    assert_eq!(sum_of_text("1 2").await.unwrap(), 3);
}

#[cached(cache = SQUARES, ttl = "0s")]
async fn sum_of_text(text: &str) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    text.split(' ').map(|number| Ok(number.parse::<u64>()?)).sum()
}

#[derive(Key)]
struct Page<'a, I> {
    site: &'a str,
    r#type: Kind,
    ids: Vec<I>,
}

#[derive(Key)]
enum Kind {
    Plain,
    Sized(u32, u32),
    Named { by: Id },
}

#[derive(Key)]
struct Id(u64);

#[derive(Key)]
struct Pair(u8, Option<Id>);

#[derive(Key)]
struct Whole;

#[test]
fn structs_and_enums_are_keys() {
    let page = |r#type| key::of(&Page { site: "a.b", r#type, ids: vec![Id(7)] });
    assert_eq!(page(Kind::Plain), "site=a.b/type=Plain/ids=(7,)");
    assert_eq!(page(Kind::Sized(1, 2)), "site=a.b/type=Sized(1/2)/ids=(7,)");
    assert_eq!(page(Kind::Named { by: Id(3) }), "site=a.b/type=Named(by=3/)/ids=(7,)");
    assert_eq!(key::of(&Pair(1, None)), "1/none");
    assert_eq!(key::of(&("x", Whole, Pair(1, Some(Id(2))))), "x/Whole/(1/2)");
}

#[tokio::test]
async fn callers_on_any_thread_share_one_call() {
    let users = Users::new();
    let callers = (0..100).map(|_| {
        let users = users.clone();
        tokio::spawn(async move { users.user("acme", 7).await })
    });
    for caller in futures_util::future::join_all(callers).await {
        assert_eq!(caller.unwrap().unwrap(), "acme 8");
    }
    assert_eq!(users.asked(), 1);
}

#[tokio::test]
async fn what_two_functions_remember_in_one_cache_is_each_ones_own() {
    let values: Tiered<u64> = Tiered::builder("values").build().unwrap();
    assert_eq!(doubled(&values, 7).await.unwrap(), 14);
    assert_eq!(tripled(&values, 7).await.unwrap(), 21);
    assert_eq!(doubled_uncached(&values, 8).await, Ok(16));
    assert!(values.get("doubled/8").await.is_err());
}

#[cached(cache = values, skip(values))]
async fn doubled(values: &Tiered<u64>, number: u64) -> Result<u64, Failed<Refused>> {
    let _ = values;
    Ok(number * 2)
}

#[cached(cache = values, skip(values))]
async fn tripled(values: &Tiered<u64>, number: u64) -> Result<u64, Failed<Refused>> {
    let _ = values;
    Ok(number * 3)
}
