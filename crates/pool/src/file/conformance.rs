//! What every [`Files`] must do, whatever disk it is.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test, though other crates may run it"
)]

use std::path::{Path, PathBuf};

use flow::{Code, Result};

use super::{Entry, Files, Open, Sort, codes};

type Case = (&'static str, fn(&dyn Files, &Path));

/// Runs the whole suite in `place`, an empty directory.
pub fn run(files: &dyn Files, place: &Path) {
    let cases: [Case; 12] = [
        ("bytes", bytes_come_back_where_they_were_put),
        ("holes", holes_and_longer_sizes_read_as_zeros),
        ("modes", each_way_to_open_means_what_it_says),
        ("appends", appends_land_one_after_the_other),
        ("shared", handles_of_one_file_see_each_other),
        ("rename", a_rename_replaces_in_one_step),
        ("unlinked", a_removed_file_lives_while_it_is_open),
        ("names", directories_list_their_names_in_order),
        ("wrong", what_cannot_be_done_says_why),
        ("space", space_can_be_taken_ahead),
        ("atomic", a_file_is_replaced_as_a_whole),
        ("deep", directories_are_made_all_the_way),
    ];
    for (name, case) in cases {
        let place = place.join(name);
        files.create_dir(&place).expect("a directory can be made");
        case(files, &place);
    }
}

fn write(files: &dyn Files, path: &Path, bytes: &[u8]) {
    let file = files.open(path, Open::Create).expect("a file can be made");
    file.truncate(0).expect("a file can be emptied");
    file.write_at(bytes, 0).expect("a file can be written");
}

fn read(files: &dyn Files, path: &Path) -> Vec<u8> {
    files.read(path).expect("a file can be read")
}

fn refused<T>(result: Result<T>, code: &Code) {
    match result {
        Ok(_) => panic!("should have failed with {}", code.name),
        Err(error) => assert_eq!(error.code(), code, "{error:?}"),
    }
}

fn bytes_come_back_where_they_were_put(files: &dyn Files, place: &Path) {
    let file = files.open(&place.join("f"), Open::New).unwrap();
    let long: Vec<u8> = (0..10_000u32).map(|n| (n % 251) as u8).collect();
    file.write_at(&long, 0).unwrap();
    file.write_at(b"middle", 5_000).unwrap();
    let mut part = [0; 8];
    assert_eq!(file.read_at(&mut part, 4_999).unwrap(), 8);
    assert_eq!(&part[1..7], b"middle");
    assert_eq!((part[0], part[7]), (long[4_999], long[5_006]));
    assert_eq!(file.read_at(&mut part, 9_998).unwrap(), 2, "short at the end");
    assert_eq!(file.read_at(&mut part, 10_000).unwrap(), 0);
    assert_eq!(file.read_at(&mut part, 20_000).unwrap(), 0);
    assert_eq!(file.size().unwrap(), 10_000);
    file.sync().unwrap();
    file.sync_all().unwrap();
}

fn holes_and_longer_sizes_read_as_zeros(files: &dyn Files, place: &Path) {
    let path = place.join("f");
    let file = files.open(&path, Open::New).unwrap();
    file.write_at(b"end", 1_000).unwrap();
    file.truncate(2_000).unwrap();
    let bytes = read(files, &path);
    assert_eq!(bytes.len(), 2_000);
    assert!(bytes[..1_000].iter().chain(&bytes[1_003..]).all(|byte| *byte == 0));
    file.truncate(1_001).unwrap();
    file.truncate(1_003).unwrap();
    assert_eq!(&read(files, &path)[1_000..], b"e\0\0", "what was cut off stays off");
}

fn each_way_to_open_means_what_it_says(files: &dyn Files, place: &Path) {
    let (there, absent) = (place.join("there"), place.join("absent"));
    write(files, &there, b"kept");
    for how in [Open::Read, Open::Write] {
        refused(files.open(&absent, how), &codes::MISSING);
    }
    refused(files.open(&there, Open::New), &codes::EXISTS);
    for how in [Open::Read, Open::Write, Open::Create, Open::Append] {
        assert_eq!(files.open(&there, how).unwrap().size().unwrap(), 4);
    }
    for how in [Open::Create, Open::New, Open::Append] {
        files.open(&absent, how).unwrap();
        files.remove(&absent).unwrap();
    }
    let reader = files.open(&there, Open::Read).unwrap();
    refused(reader.write_at(b"no", 0), &codes::MISUSED);
    refused(reader.append(b"no"), &codes::MISUSED);
    assert!(reader.truncate(0).is_err());
    let appender = files.open(&there, Open::Append).unwrap();
    refused(appender.write_at(b"no", 0), &codes::MISUSED);
    refused(appender.read_at(&mut [0; 4], 0), &codes::MISUSED);
    let writer = files.open(&there, Open::Write).unwrap();
    refused(writer.append(b"no"), &codes::MISUSED);
    assert_eq!(read(files, &there), b"kept");
}

fn appends_land_one_after_the_other(files: &dyn Files, place: &Path) {
    let path = place.join("f");
    let one = files.open(&path, Open::Append).unwrap();
    let other = files.open(&path, Open::Append).unwrap();
    std::thread::scope(|threads| {
        for (file, letter) in [(&one, b'a'), (&other, b'b')] {
            threads.spawn(move || (0..50).for_each(|_| file.append(&[letter; 100]).unwrap()));
        }
    });
    let bytes = read(files, &path);
    assert_eq!(bytes.len(), 10_000);
    let whole = |piece: &[u8]| piece.iter().all(|byte| *byte == piece[0]);
    assert!(bytes.chunks(100).all(whole), "no append is torn apart");
}

fn handles_of_one_file_see_each_other(files: &dyn Files, place: &Path) {
    let path = place.join("f");
    let one = files.open(&path, Open::New).unwrap();
    let other = files.open(&path, Open::Write).unwrap();
    one.write_at(b"seen", 0).unwrap();
    let mut bytes = [0; 4];
    assert_eq!(other.read_at(&mut bytes, 0).unwrap(), 4);
    assert_eq!(&bytes, b"seen");
    other.truncate(1).unwrap();
    assert_eq!(one.size().unwrap(), 1);
}

fn a_rename_replaces_in_one_step(files: &dyn Files, place: &Path) {
    let (from, to, deep) = (place.join("from"), place.join("to"), place.join("d/deep"));
    write(files, &from, b"new");
    write(files, &to, b"old");
    let old = files.open(&to, Open::Read).unwrap();
    files.rename(&from, &to).unwrap();
    assert_eq!(read(files, &to), b"new");
    assert!(!files.exists(&from).unwrap());
    let mut bytes = [0; 3];
    old.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"old", "who had the old file open still has it");
    files.create_dir(&place.join("d")).unwrap();
    files.rename(&to, &deep).unwrap();
    assert_eq!(read(files, &deep), b"new");
    files.rename(&place.join("d"), &place.join("e")).unwrap();
    assert_eq!(read(files, &place.join("e/deep")), b"new");
    refused(files.rename(&from, &to), &codes::MISSING);
    files.rename(&place.join("e/deep"), &place.join("e/deep")).unwrap();
    assert_eq!(read(files, &place.join("e/deep")), b"new", "renaming to itself is nothing");
}

fn a_removed_file_lives_while_it_is_open(files: &dyn Files, place: &Path) {
    let path = place.join("f");
    write(files, &path, b"still");
    let file = files.open(&path, Open::Write).unwrap();
    files.remove(&path).unwrap();
    assert!(!files.exists(&path).unwrap());
    file.write_at(b"here", 5).unwrap();
    let mut bytes = [0; 9];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 9);
    assert_eq!(&bytes, b"stillhere");
    write(files, &path, b"another");
    assert_eq!(file.size().unwrap(), 9, "a new file of that name is another one");
}

fn directories_list_their_names_in_order(files: &dyn Files, place: &Path) {
    assert_eq!(files.list(place).unwrap(), []);
    write(files, &place.join("b"), b"12");
    files.create_dir(&place.join("a")).unwrap();
    let entry = |name: &str, sort| Entry { name: name.into(), sort };
    let expected = [entry("a", Sort::Directory), entry("b", Sort::File)];
    assert_eq!(files.list(place).unwrap(), expected);
    files.sync_dir(place).unwrap();
    let metadata = files.metadata(&place.join("b")).unwrap().unwrap();
    assert_eq!((metadata.sort, metadata.size), (Sort::File, 2));
    let metadata = files.metadata(&place.join("a")).unwrap().unwrap();
    assert_eq!(metadata.sort, Sort::Directory);
    files.remove_dir(&place.join("a")).unwrap();
    assert_eq!(files.list(place).unwrap().len(), 1);
}

fn what_cannot_be_done_says_why(files: &dyn Files, place: &Path) {
    let absent = place.join("absent");
    refused(files.remove(&absent), &codes::MISSING);
    refused(files.remove_dir(&absent), &codes::MISSING);
    refused(files.list(&absent), &codes::MISSING);
    refused(files.sync_dir(&absent), &codes::MISSING);
    refused(files.create_dir(&absent.join("below")), &codes::MISSING);
    refused(files.open(&absent.join("below"), Open::Create), &codes::MISSING);
    assert_eq!(files.metadata(&absent).unwrap(), None);
    files.create_dir(&place.join("d")).unwrap();
    refused(files.create_dir(&place.join("d")), &codes::EXISTS);
    write(files, &place.join("d/f"), b"");
    assert!(files.remove_dir(&place.join("d")).is_err(), "it is not empty");
    assert!(files.remove(&place.join("d")).is_err(), "it is a directory");
    assert!(files.open(&place.join("d"), Open::Write).is_err());
    assert!(files.list(&place.join("d/f")).is_err(), "it is a file");
    assert!(files.exists(&place.join("d/f")).unwrap());
}

fn space_can_be_taken_ahead(files: &dyn Files, place: &Path) {
    assert!(files.free(place).unwrap() > 0);
    let path = place.join("f");
    write(files, &path, b"kept");
    let file = files.open(&path, Open::Write).unwrap();
    file.allocate(100_000).unwrap();
    assert_eq!(file.size().unwrap(), 100_000);
    file.allocate(10).unwrap();
    assert_eq!(file.size().unwrap(), 100_000, "it never gets shorter");
    assert_eq!(&read(files, &path)[..5], b"kept\0");
}

fn a_file_is_replaced_as_a_whole(files: &dyn Files, place: &Path) {
    let path = place.join("f");
    for bytes in [&b"first"[..], b"a much longer second", b"3"] {
        files.write_atomically(&path, bytes).unwrap();
        assert_eq!(read(files, &path), bytes);
    }
    write(files, &place.join("f.new"), b"left behind by a crash");
    files.write_atomically(&path, b"4").unwrap();
    assert_eq!(read(files, &path), b"4");
    assert_eq!(files.list(place).unwrap().len(), 1, "no draft is left");
}

fn directories_are_made_all_the_way(files: &dyn Files, place: &Path) {
    let deep: PathBuf = place.join("a/b/c");
    for _ in 0..2 {
        files.create_dir_all(&deep).unwrap();
    }
    write(files, &deep.join("f"), b"there");
    assert!(files.create_dir_all(&deep.join("f/g")).is_err(), "a file is in the way");
}
