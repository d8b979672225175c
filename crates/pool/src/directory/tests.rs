use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::file::lossy::{Failure, Fault, Lossy, Op};
use crate::file::{Open, codes};

fn config() -> Config {
    Config { reserve: Size::kib(256), ..Config::default() }
}

fn open(path: &Path) -> Result<Directory> {
    Directory::open(path, &config(), &Registry::default())
}

#[test]
fn a_new_directory_is_private_and_says_what_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("deep/data");
    let directory = open(&path).unwrap();
    assert_eq!(fs::read_to_string(path.join("FORMAT")).unwrap(), "stockade 1\n");
    assert!(directory.is_private());
    assert_eq!(directory.reserve().left().unwrap(), 256 << 10);
    assert!(directory.free().unwrap() > 0 && directory.path() == path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let error = directory.must_be_private().unwrap_err();
    assert_eq!(error.code(), &EXPOSED);
    assert!(error.to_string().contains("mode 750"), "{error}");
    assert!(error.advice().contains("chmod 700"), "{}", error.advice());
    drop(directory);
    open(&path).unwrap();
}

#[test]
fn a_second_server_is_refused_and_told_who_is_there() {
    let place = tempfile::tempdir().unwrap();
    let first = open(place.path()).unwrap();
    let error = open(place.path()).unwrap_err();
    assert_eq!(error.code(), &LOCKED);
    let pid = std::process::id();
    assert!(error.to_string().contains(&format!("process id {pid}")), "{error}");
    drop(first);
    open(place.path()).unwrap();
}

#[tokio::test]
async fn a_successor_waits_for_its_turn() {
    let place = tempfile::tempdir().unwrap();
    let (config, registry, clock) = (config(), Registry::default(), Clock::system());
    let wait = |limit| Directory::open_waiting(place.path(), &config, &registry, &clock, limit);
    let first = open(place.path()).unwrap();
    let refused = wait(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(refused.code(), &LOCKED);
    let mut successor = std::pin::pin!(wait(Duration::from_secs(60)));
    let early = clock.within(Duration::from_millis(50), &mut successor).await;
    assert!(early.is_none(), "the first one still has it");
    drop(first);
    successor.await.unwrap();
}

#[test]
fn a_directory_with_other_things_in_it_is_refused() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("thesis.tex"), "chapter one").unwrap();
    assert_eq!(open(place.path()).unwrap_err().code(), &FOREIGN);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "and left as it was");
}

fn reserve(disk: &Lossy) -> Result<Reserve> {
    Reserve::open(Arc::new(disk.clone()), "/reserve".into(), 100_000, &Registry::default())
}

#[test]
fn reserved_space_lets_a_full_disk_record_what_it_must() {
    let disk = Lossy::new(1);
    disk.make_room(Some(150_000));
    let reserve = reserve(&disk).unwrap();
    let log = disk.open(Path::new("/log"), Open::Append).unwrap();
    log.append(&[0; 50_000]).unwrap();
    let refused = log.append(&[1; 3_000]).unwrap_err();
    assert_eq!(refused.code(), &codes::FULL);
    assert_eq!(reserve.release(10_000).unwrap(), 10_000);
    log.append(&[1; 3_000]).unwrap();
    assert_eq!(reserve.left().unwrap(), 90_000);
    assert_eq!(reserve.refill().unwrap(), 10_000, "there is no room for that yet");
    disk.make_room(Some(200_000));
    assert_eq!(reserve.refill().unwrap(), 0);
    assert_eq!(reserve.left().unwrap(), 100_000);
    assert_eq!(reserve.release(u64::MAX).unwrap(), 100_000, "and not more");
}

#[test]
fn a_server_starts_on_a_full_disk() {
    let disk = Lossy::new(1);
    disk.make_room(Some(500));
    let reserve = reserve(&disk).unwrap();
    assert_eq!((reserve.left().unwrap(), reserve.refill().unwrap()), (0, 100_000));
    disk.make_room(Some(1 << 20));
    assert_eq!(reserve.refill().unwrap(), 0);
}

#[test]
fn a_smaller_reserve_gives_space_back_and_a_broken_disk_is_told() {
    let disk = Lossy::new(1);
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    let open = |size| Reserve::open(files.clone(), "/r".into(), size, &Registry::default());
    assert_eq!(open(5_000).unwrap().left().unwrap(), 5_000);
    assert_eq!(open(2_000).unwrap().left().unwrap(), 2_000);
    let place = tempfile::tempdir().unwrap();
    let config = Config { reserve: flow::unit::Size(0), ..Config::default() };
    let none = Directory::open(place.path(), &config, &Registry::default()).unwrap();
    assert_eq!((none.reserve().left().unwrap(), none.reserve().refill().unwrap()), (0, 0));
    disk.plan(Fault::nth(Op::Sync, 1, Failure::Io));
    assert_eq!(open(2_000).unwrap_err().code(), &codes::FAILED);
}
