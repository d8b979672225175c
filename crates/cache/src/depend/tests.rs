use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use flow::Result;
use serde_json::json;

use super::*;
use crate::load::{Loaded, Previous};
use crate::{Config, Fetch, Ground, Miss, Terms};

/// Answers with how often it was asked.
#[derive(Default)]
struct Count(AtomicU64);

impl Fetch for Count {
    fn fetch(
        &self,
        _: String,
        _: Option<Previous<Bytes>>,
    ) -> BoxFuture<'static, Result<Loaded<Bytes>>> {
        let asked = self.0.fetch_add(1, Relaxed) + 1;
        Box::pin(async move { Ok(Loaded::from(Bytes::from(asked.to_string()))) })
    }
}

fn cache(toml: &str) -> Result<(Cache, Arc<Count>)> {
    let config: Config = toml::from_str(toml).unwrap();
    let count = Arc::<Count>::default();
    let ground = Ground { fetch: Some(count.clone()), ..Ground::default() };
    Ok((Cache::new(&config, ground)?, count))
}

async fn set(cache: &Cache, namespace: &str, keys: &[&str]) {
    for key in keys {
        cache.namespace("main", namespace).set(key, "v".into(), Terms::default()).await.unwrap();
    }
}

async fn held(cache: &Cache, namespace: &str, keys: &[&str]) -> Vec<bool> {
    let values = cache.namespace("main", namespace);
    let mut held = Vec::new();
    for key in keys {
        held.push(values.get(key).await != Err(Miss::Absent));
    }
    held
}

#[tokio::test]
async fn an_event_purges_what_depends_on_it_of_that_tenant() {
    let (cache, _) = cache(
        "[namespaces.users]\ndepends_on = [{ event = 'user.updated', purge = { key = 'user:{user.id}' } }]\n\
         [namespaces.pages]\ndepends_on = [{ event = 'user.updated', purge = { glob = 'page:{user.id}:*' } }]",
    )
    .unwrap();
    set(&cache, "users", &["user:7", "user:8"]).await;
    set(&cache, "pages", &["page:7:a", "page:77:a"]).await;
    let cause = Cause::Event("user.updated".into());
    let details = Details::of_json(&json!({"user": {"id": 7, "tags": [1]}, "gone": null}));
    cache.happened("other", &cause, None, &details).await;
    assert_eq!(held(&cache, "users", &["user:7", "user:8"]).await, [true, true]);
    let effect = cache.happened("main", &cause, Some("users"), &details).await;
    assert_eq!(effect, Effect { purges: 1, dropped: 1, warmups: 0 });
    assert_eq!(held(&cache, "users", &["user:7", "user:8"]).await, [false, true]);
    assert_eq!(cache.happened("main", &cause, None, &details).await.purges, 2);
    assert_eq!(held(&cache, "pages", &["page:7:a", "page:77:a"]).await, [false, true]);
    // What says too little makes all untrue.
    cache.happened("main", &cause, None, &Details::default()).await;
    assert_eq!(held(&cache, "users", &["user:8"]).await, [false]);
    assert_eq!(cache.awaited(), BTreeSet::from(["user.updated"]));
}

#[tokio::test]
async fn a_purge_goes_on_to_what_depends_on_it() {
    let (cache, _) = cache(
        "[namespaces.teams]\ndepends_on = [{ namespace = 'users', purge = { glob = '*:{key}' } }]\n\
         [namespaces.pages]\ndepends_on = [{ namespace = 'teams' }]",
    )
    .unwrap();
    let fill = async || {
        set(&cache, "users", &["7"]).await;
        set(&cache, "teams", &["x:7", "x:8"]).await;
        set(&cache, "pages", &["a"]).await;
    };
    fill().await;
    assert!(cache.namespace("main", "users").remove("7").await.unwrap());
    assert_eq!(held(&cache, "teams", &["x:7", "x:8"]).await, [false, true]);
    assert_eq!(held(&cache, "pages", &["a"]).await, [false]);
    fill().await;
    cache.namespace("main", "users").purge(&Purge::Tag("t".into())).await.unwrap();
    assert_eq!(held(&cache, "teams", &["x:7", "x:8"]).await, [false, false]);
}

#[test]
fn circles_are_refused_with_their_path() {
    let on = |name: &str, other: &str| {
        format!("[namespaces.{name}]\ndepends_on = [{{ namespace = '{other}' }}]\n")
    };
    let toml = [on("a", "b"), on("b", "c"), on("c", "a")].concat();
    let said = cache(&toml).err().unwrap();
    assert!(said.to_string().contains("`a` → `b` → `c` → `a`"), "{said}");
}

#[tokio::test]
async fn what_was_read_lately_is_loaded_anew_and_nothing_else() {
    let (cache, count) = cache(
        "[namespaces.users]\norigin = 'http://users/{key}'\n\
         depends_on = [{ event = 'moved', purge = { glob = '{team}:*' }, refresh = true }]",
    )
    .unwrap();
    let values = cache.namespace("main", "users");
    for key in ["a:1", "a:2", "b:1"] {
        values.get(key).await.unwrap();
    }
    let cause = Cause::Event("moved".into());
    let details = Details::of_json(&json!({"team": "a"}));
    cache.happened("main", &cause, None, &details).await;
    while count.0.load(Relaxed) < 5 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(count.0.load(Relaxed), 5, "two of three");
    assert!(["4", "5"].contains(&&*String::from_utf8_lossy(
        values.get("a:1").await.unwrap().value.as_text().unwrap()
    )));
    assert_eq!(values.get("b:1").await.unwrap().value, "3");
    for n in 0..1000 {
        values.get(format!("a:{n}")).await.unwrap();
    }
    let before = count.0.load(Relaxed);
    cache.happened("main", &cause, None, &details).await;
    while count.0.load(Relaxed) < before + 256 {
        tokio::task::yield_now().await;
    }
    assert!(count.0.load(Relaxed) <= before + 256);
}
