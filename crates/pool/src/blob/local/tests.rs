use super::*;
use crate::blob::conformance::{self, keys, put};
use crate::blob::{MISSING, RANGE};
use crate::file::Disk;
use crate::file::lossy::{Failure, Fault, Lossy, Op, Survival};

fn open(files: Arc<dyn Files>, base: &Path) -> Result<Local> {
    // Chunks of 8 KiB, so that a blob of some size takes several writes.
    let config = Config { chunk: Size::kib(8), ..Config::default() };
    let (clock, random) = (Clock::manual(Time(1)), Random::seeded(1));
    Local::open(files, base, &config, clock, random, &Registry::default())
}

fn on(disk: &Lossy) -> Result<Local> {
    open(Arc::new(disk.clone()), Path::new("/data"))
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[tokio::test]
async fn files_on_the_disk_do_what_blobs_must() {
    let place = tempfile::tempdir().unwrap();
    let local = open(Arc::new(Disk), &place.path().join("data")).unwrap();
    conformance::run(&local).await;
    let drafts = std::fs::read_dir(place.path().join("data/drafts")).unwrap();
    assert_eq!(drafts.count(), 0, "dropped uploads are gone");
}

#[tokio::test]
async fn files_on_the_lossy_disk_do_too() {
    conformance::run(&on(&Lossy::new(1)).unwrap()).await;
}

/// What was promised of each key; where a call failed, either may be.
struct Promise {
    key: &'static str,
    allowed: Vec<Option<Bytes>>,
}

/// Puts, replaces and deletes until something fails.
async fn work(local: &Local, promises: &mut Vec<Promise>) -> Result<()> {
    let steps = [("a", Some(1)), ("b", Some(2)), ("a", Some(3)), ("b", None), ("c", Some(4))];
    for (name, step) in steps {
        let bytes = step.map(|n: u8| Bytes::from(vec![n; 20_000 + usize::from(n)]));
        let before = promises.iter().rposition(|promise| promise.key == name);
        let before = before.map(|at| promises.remove(at).allowed.remove(0)).unwrap_or_default();
        promises.push(Promise { key: name, allowed: vec![before, bytes.clone()] });
        match &bytes {
            Some(bytes) => drop(put(local, &key(name), bytes.clone()).await?),
            None => assert!(local.delete(&key(name)).await?),
        }
        promises.last_mut().unwrap().allowed = vec![bytes];
    }
    Ok(())
}

async fn found(local: &Local, name: &str) -> Result<Option<Bytes>> {
    match local.get(&key(name), None).await {
        Ok(download) => Ok(Some(download.read().await?)),
        Err(error) if error.code() == &MISSING => Ok(None),
        Err(error) => Err(error),
    }
}

async fn keeps(local: &Local, promises: &[Promise]) -> bool {
    for promise in promises {
        match found(local, promise.key).await {
            Ok(found) if promise.allowed.contains(&found) => {}
            _ => return false,
        }
    }
    local.list("").all(|head| std::future::ready(head.is_ok())).await
}

/// Cuts the power at every operation; how often, and how often a promise was broken.
async fn crash_everywhere(lie: Option<Op>) -> (u32, u32) {
    let (mut crashes, mut broken) = (0, 0);
    for n in 1.. {
        let disk = Lossy::new(n);
        let local = on(&disk).unwrap();
        disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
        if let Some(op) = lie {
            disk.plan(Fault::since(op, 1, Failure::Lie));
        }
        let mut promises = Vec::new();
        let result = work(&local, &mut promises).await;
        let seeds = (0..4).map(|seed| Survival::Some(Random::seeded(n * 4 + seed)));
        for fate in [Survival::Nothing, Survival::Everything].into_iter().chain(seeds) {
            crashes += 1;
            let after = disk.crash(&fate);
            let local = on(&after).expect("it opens after any crash");
            broken += u32::from(!keeps(&local, &promises).await);
            assert!(after.list(Path::new("/data/drafts")).unwrap().is_empty());
        }
        if result.is_ok() {
            break;
        }
    }
    (crashes, broken)
}

#[tokio::test]
async fn what_was_committed_is_kept_wherever_the_power_goes_off() {
    let (crashes, broken) = crash_everywhere(None).await;
    assert!(crashes > 100, "{crashes}");
    assert_eq!(broken, 0);
}

#[tokio::test]
async fn a_disk_that_lies_about_a_sync_is_seen_to_lose() {
    for lie in [Op::Sync, Op::SyncDir] {
        let (crashes, broken) = crash_everywhere(Some(lie)).await;
        assert!(broken > crashes / 10, "{lie:?}: {broken} of {crashes}");
    }
}

#[tokio::test]
async fn a_place_half_made_is_made_whole() {
    for n in 1.. {
        let disk = Lossy::new(n);
        disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
        let made = on(&disk).is_ok();
        let local = on(&disk.crash(&Survival::Some(Random::seeded(n)))).unwrap();
        put(&local, &key("a"), "1".into()).await.unwrap();
        assert_eq!(found(&local, "a").await.unwrap(), Some("1".into()));
        if made {
            break;
        }
    }
}

#[tokio::test]
async fn every_failure_of_the_disk_is_told_and_leaves_what_was_there() {
    for failure in [Failure::Io, Failure::Full, Failure::Short] {
        for n in 1.. {
            let disk = Lossy::new(n);
            let local = on(&disk).unwrap();
            put(&local, &key("a"), "before".into()).await.unwrap();
            disk.plan(Fault::nth(Op::Change, n, failure));
            let result = put(&local, &key("a"), vec![7; 20_000].into()).await;
            disk.forgive();
            let after = found(&local, "a").await.unwrap().unwrap();
            let Err(error) = result else {
                assert_eq!(after, vec![7; 20_000]);
                // A short write strikes only writes.
                if failure == Failure::Short && n < 20 {
                    continue;
                }
                break;
            };
            let expected = if failure == Failure::Io { &codes::FAILED } else { &codes::FULL };
            assert_eq!(error.code(), expected);
            assert!(!error.to_string().contains("/data"), "{error}");
            assert!(after == "before" || after == vec![7; 20_000], "one of the two, whole");
            put(&local, &key("a"), "again".into()).await.expect("a new try works");
            let drafts = disk.list(Path::new("/data/drafts")).unwrap();
            assert_eq!(drafts, [], "no draft stays");
        }
    }
}

#[tokio::test]
async fn a_full_disk_lets_reads_and_deletes_go_on() {
    let disk = Lossy::new(1);
    let local = on(&disk).unwrap();
    put(&local, &key("a"), "there".into()).await.unwrap();
    disk.make_room(Some(10_000));
    let refused = put(&local, &key("b"), vec![0; 20_000].into()).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), (&codes::FULL, Kind::Busy));
    assert_eq!(found(&local, "a").await.unwrap(), Some("there".into()));
    assert_eq!(disk.free(Path::new("/")).unwrap(), 10_000, "the draft gave its room back");
    assert!(local.delete(&key("a")).await.unwrap());
    disk.make_room(Some(30_000));
    put(&local, &key("b"), vec![0; 20_000].into()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_header_is_seen_and_hides_no_other_blob() {
    let disk = Lossy::new(1);
    let local = on(&disk).unwrap();
    for name in ["a", "b"] {
        put(&local, &key(name), "bytes".into()).await.unwrap();
    }
    let path = local.0.path(&key("a"));
    // The key begins at byte 18: `a` becomes another letter.
    disk.rot(&path, 18 * 8 + 1).unwrap();
    let error = local.get(&key("a"), None).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (&DAMAGED, Kind::Corrupt));
    let heads: Vec<_> = local.list("").collect().await;
    assert_eq!(heads.iter().filter(|head| head.is_err()).count(), 1);
    assert_eq!(heads.iter().flatten().next().unwrap().key, key("b"));
    disk.rot(&path, 0).unwrap();
    assert_eq!(local.head(&key("a")).await.unwrap_err().code(), &DAMAGED);
    put(&local, &key("a"), "whole again".into()).await.unwrap();
    assert_eq!(keys(&local, "").await, ["a", "b"]);
}

#[tokio::test]
async fn what_happens_is_counted() {
    let (disk, registry) = (Arc::new(Lossy::new(1)), Registry::default());
    let (config, clock, random) = (Config::default(), Clock::system(), Random::seeded(1));
    let local = Local::open(disk.clone(), Path::new("/"), &config, clock, random, &registry);
    let local = local.unwrap();
    put(&local, &key("a"), vec![1; 300_000].into()).await.unwrap();
    local.get(&key("a"), Some(0..1000)).await.unwrap().read().await.unwrap();
    let behind = local.get(&key("a"), Some(300_001..300_002)).await.unwrap_err();
    assert_eq!(behind.code(), &RANGE);
    disk.plan(Fault::nth(Op::Make, 1, Failure::Io));
    assert!(local.begin(&key("b")).await.is_err());
    local.delete(&key("a")).await.unwrap();
    let signals = &local.0.signals;
    let counts = [&signals.commits, &signals.written, &signals.read, &signals.deleted];
    assert_eq!(counts.map(|count| count.get()), [1, 300_000, 1000, 1]);
    assert_eq!(signals.failures.get(), 1);
}
