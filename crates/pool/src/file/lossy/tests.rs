use super::*;
use crate::file::{Open, codes};

fn path(text: &str) -> &Path {
    Path::new(text)
}

fn disk() -> Lossy {
    Lossy::new(1)
}

/// The three fates of what was not synced, with a few dozen mixtures.
fn fates() -> impl Iterator<Item = Survival> {
    let mixed = (0..40).map(|seed| Survival::Some(Random::seeded(seed)));
    [Survival::Nothing, Survival::Everything].into_iter().chain(mixed)
}

fn put(disk: &Lossy, at: &str, bytes: &[u8]) -> Arc<dyn File> {
    let file = disk.open(path(at), Open::Create).unwrap();
    file.write_at(bytes, 0).unwrap();
    file
}

#[test]
fn it_does_what_files_must() {
    let disk = disk();
    disk.create_dir(path("/place")).unwrap();
    crate::file::conformance::run(&disk, path("/place"));
}

#[test]
fn a_synced_file_whose_name_was_not_is_gone() {
    let disk = disk();
    put(&disk, "/f", b"bytes").sync().unwrap();
    assert!(!disk.crash(&Survival::Nothing).exists(path("/f")).unwrap());
}

#[test]
fn a_name_without_its_bytes_is_an_empty_file() {
    let disk = disk();
    put(&disk, "/f", b"bytes");
    disk.sync_dir(path("/")).unwrap();
    let after = disk.crash(&Survival::Nothing);
    assert_eq!(after.read(path("/f")).unwrap(), b"");
}

#[test]
fn a_synced_file_with_a_synced_name_stays() {
    let disk = disk();
    put(&disk, "/f", b"bytes").sync().unwrap();
    disk.sync_dir(path("/")).unwrap();
    for fate in fates() {
        assert_eq!(disk.crash(&fate).read(path("/f")).unwrap(), b"bytes");
    }
}

#[test]
fn what_is_in_a_lost_directory_is_lost_with_it() {
    let disk = disk();
    disk.create_dir(path("/d")).unwrap();
    put(&disk, "/d/f", b"bytes").sync().unwrap();
    disk.sync_dir(path("/d")).unwrap();
    assert!(!disk.crash(&Survival::Nothing).exists(path("/d")).unwrap());
    let disk = super::Lossy::new(1);
    disk.create_dir_all(path("/d/e")).unwrap();
    assert!(disk.crash(&Survival::Nothing).exists(path("/d/e")).unwrap());
}

#[test]
fn a_removed_name_comes_back_unless_its_directory_was_synced() {
    let disk = disk();
    put(&disk, "/f", b"bytes").sync().unwrap();
    disk.sync_dir(path("/")).unwrap();
    disk.remove(path("/f")).unwrap();
    let after = disk.crash(&Survival::Nothing);
    assert_eq!(after.read(path("/f")).unwrap(), b"bytes");
    after.remove(path("/f")).unwrap();
    after.sync_dir(path("/")).unwrap();
    for fate in fates() {
        assert!(!after.crash(&fate).exists(path("/f")).unwrap());
    }
}

#[test]
fn a_rename_between_directories_may_lose_the_file_until_both_are_synced() {
    let fates_of = |sync: &[&str]| {
        let disk = disk();
        for directory in ["/a", "/b"] {
            disk.create_dir_all(path(directory)).unwrap();
        }
        put(&disk, "/a/f", b"bytes").sync().unwrap();
        disk.sync_dir(path("/a")).unwrap();
        disk.rename(path("/a/f"), path("/b/f")).unwrap();
        for directory in sync {
            disk.sync_dir(path(directory)).unwrap();
        }
        let there =
            |disk: Lossy| (disk.exists(path("/a/f")).unwrap(), disk.exists(path("/b/f")).unwrap());
        fates().map(|fate| there(disk.crash(&fate))).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(fates_of(&[]).len(), 4, "one, the other, both or none");
    assert_eq!(fates_of(&["/a"]), [(false, false), (false, true)].into());
    assert_eq!(fates_of(&["/b"]), [(false, true), (true, true)].into());
    assert_eq!(fates_of(&["/b", "/a"]), [(false, true)].into());
}

#[test]
fn an_atomic_write_is_atomic_wherever_the_power_goes_off() {
    for fate in fates() {
        for n in 1.. {
            let disk = disk();
            disk.write_atomically(path("/f"), &[1; 3000]).unwrap();
            disk.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
            let done = disk.write_atomically(path("/f"), &[2; 2000]).is_ok();
            let found = disk.crash(&fate).read(path("/f")).unwrap();
            assert!(found == [2; 2000] || !done && found == [1; 3000], "{fate:?} {n}");
            if done {
                assert!(n > 5, "it takes that many steps");
                break;
            }
        }
    }
}

#[test]
fn a_failed_sync_loses_the_bytes_for_good() {
    let disk = disk();
    let file = put(&disk, "/f", b"");
    file.sync().unwrap();
    disk.sync_dir(path("/")).unwrap();
    for n in 0..20 {
        let bytes = [n + 1; 512];
        file.write_at(&bytes, u64::from(n) * 512).unwrap();
        disk.plan(Fault::nth(Op::Sync, 1, Failure::Io));
        assert_eq!(file.sync().unwrap_err().code(), &codes::FAILED);
        disk.forgive();
        file.sync().expect("the next one claims that all is well");
        let mut read = [0; 512];
        file.read_at(&mut read, u64::from(n) * 512).unwrap();
        assert_eq!(read, bytes, "and the page still shows them");
    }
    let after = disk.crash(&Survival::Everything).read(path("/f")).unwrap();
    assert_eq!(after.len(), 20 * 512, "the size was written by the syncs that followed");
    let lost = after.iter().filter(|byte| **byte == 0).count() / 512;
    assert!((3..20).contains(&lost), "{lost} of 20");
}

#[test]
fn a_failed_directory_sync_loses_names_for_good() {
    let lost = (0..40u64).filter(|seed| {
        let disk = Lossy::new(*seed);
        put(&disk, "/f", b"bytes").sync().unwrap();
        disk.plan(Fault::nth(Op::SyncDir, 1, Failure::Io));
        assert!(disk.sync_dir(path("/")).is_err());
        disk.sync_dir(path("/")).unwrap();
        !disk.crash(&Survival::Everything).exists(path("/f")).unwrap()
    });
    assert!(lost.count() > 10);
}

#[test]
fn a_sync_can_be_a_lie() {
    for op in [Op::Sync, Op::SyncDir] {
        let disk = disk();
        disk.plan(Fault::since(op, 1, Failure::Lie));
        put(&disk, "/f", b"bytes").sync().unwrap();
        disk.sync_dir(path("/")).unwrap();
        let after = disk.crash(&Survival::Nothing);
        assert!(after.read(path("/f")).is_ok_and(|bytes| bytes.is_empty()) == (op == Op::Sync));
    }
}

#[test]
fn a_full_disk_refuses_to_grow_and_nothing_else() {
    let disk = disk();
    let file = put(&disk, "/f", &[1; 100]);
    disk.make_room(Some(50));
    assert_eq!(disk.free(path("/")).unwrap(), 50);
    assert_eq!(file.write_at(&[2; 100], 100).unwrap_err().code(), &codes::FULL);
    assert_eq!(file.size().unwrap(), 150, "what fitted is there");
    file.write_at(&[3; 150], 0).expect("overwriting needs no room");
    assert_eq!(file.allocate(200).unwrap_err().code(), &codes::FULL);
    file.sync().unwrap();
    file.truncate(20).unwrap();
    assert_eq!(disk.free(path("/")).unwrap(), 130);
    disk.remove(path("/f")).unwrap();
    assert_eq!(disk.free(path("/")).unwrap(), 150);
    disk.make_room(None);
    put(&disk, "/g", &[0; 10_000]);
}

#[test]
fn faults_strike_the_operation_they_were_planned_for() {
    let disk = disk();
    let file = put(&disk, "/f", &[0; 1000]);
    put(&disk, "/other", b"");
    disk.plan(Fault::nth(Op::Write, 2, Failure::Io).on("f"));
    disk.plan(Fault::nth(Op::Read, 1, Failure::Flip));
    disk.plan(Fault::since(Op::Rename, 1, Failure::Full));
    put(&disk, "/other", b"1");
    file.write_at(b"\0", 0).unwrap();
    put(&disk, "/other", b"2");
    assert_eq!(file.write_at(b"\0", 0).unwrap_err().code(), &codes::FAILED);
    file.write_at(b"\0", 0).unwrap();
    let ones = |bytes: Vec<u8>| bytes.iter().map(|byte| byte.count_ones()).sum::<u32>();
    assert_eq!(ones(disk.read(path("/f")).unwrap()), 1, "one bit came back wrong");
    assert_eq!(ones(disk.read(path("/f")).unwrap()), 0, "once");
    for _ in 0..3 {
        let refused = disk.rename(path("/f"), path("/g")).unwrap_err();
        assert_eq!(refused.code(), &codes::FULL);
    }
    disk.forgive();
    disk.rename(path("/f"), path("/g")).unwrap();
}

#[test]
fn a_short_write_leaves_a_part() {
    let disk = disk();
    let file = put(&disk, "/f", b"");
    disk.plan(Fault::nth(Op::Write, 1, Failure::Short));
    assert_eq!(file.write_at(&[1; 1000], 0).unwrap_err().code(), &codes::FULL);
    let size = file.size().unwrap();
    assert!(size > 0 && size < 1000, "{size}");
}

#[test]
fn rot_stays() {
    let disk = disk();
    put(&disk, "/f", b"a").sync().unwrap();
    disk.sync_dir(path("/")).unwrap();
    disk.rot(path("/f"), 1).unwrap();
    assert_eq!(disk.read(path("/f")).unwrap(), b"c");
    let after = disk.crash(&Survival::Nothing);
    assert_eq!(after.read(path("/f")).unwrap(), b"c");
}

#[test]
fn without_power_nothing_answers() {
    let disk = disk();
    let file = put(&disk, "/f", b"a");
    disk.plan(Fault::nth(Op::SyncDir, 1, Failure::PowerOff));
    assert!(disk.sync_dir(path("/")).is_err());
    assert!(file.read_at(&mut [0], 0).is_err() && file.sync().is_err());
    assert!(disk.exists(path("/f")).is_err());
    disk.forgive();
    assert!(disk.exists(path("/f")).is_err(), "only a crash brings it back");
    assert!(!disk.crash(&Survival::Nothing).exists(path("/f")).unwrap());
}

#[test]
fn a_seed_replays_the_same_run() {
    let run = |seed| {
        let disk = Lossy::new(seed);
        for n in 0..20u8 {
            let file = put(&disk, &format!("/{n}"), &[n; 5000]);
            disk.plan(Fault::nth(Op::Sync, 2, Failure::Io));
            file.sync().ok();
        }
        let after = disk.crash(&Survival::Some(Random::seeded(seed)));
        let names = after.list(path("/")).unwrap();
        let bytes = |entry: &Entry| after.read(&path("/").join(&entry.name)).unwrap();
        let bytes: Vec<_> = names.iter().map(bytes).collect();
        (names, bytes, after.operations(Op::Any))
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
