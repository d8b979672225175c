//! Directories as earlier releases left them still open.
//!
//! `golden/N/` is one of format N with an object store in it. A release that
//! changes a format adds a directory and changes none.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use flow::signal::Registry;
use flow::{Clock, Random, Time};
use pool::blob::{Blobs, Key, Local, local};
use pool::directory::{Config, Directory};
use pool::file::{Disk, Files, Sort};

fn copy(from: &Path, to: &Path) {
    Disk.create_dir_all(to).expect("a copy can be made");
    for entry in Disk.list(from).expect("the fixture can be listed") {
        let (from, to) = (from.join(&entry.name), to.join(&entry.name));
        match entry.sort {
            Sort::Directory => copy(&from, &to),
            Sort::File => drop(fs::copy(from, to).expect("a file can be copied")),
        }
    }
}

#[tokio::test]
async fn every_golden_directory_opens_and_has_what_it_had() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let formats = Disk.list(&golden).unwrap();
    assert!(!formats.is_empty());
    for format in formats {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        copy(&golden.join(&format.name), &path);
        let registry = Registry::default();
        let directory = Directory::open(&path, &Config::default(), &registry).unwrap();
        let (config, random) = (local::Config::default(), Random::system());
        let (files, base) = (directory.files(), path.join("objects"));
        let blobs = Local::open(files, &base, &config, Clock::system(), random, &registry);
        let key = Key::new("golden/ünï code").unwrap();
        let download = Arc::new(blobs.unwrap()).get(&key, None).await.unwrap();
        assert_eq!(download.head.modified, Time(1_700_000_000_000_000_000));
        assert_eq!(download.read().await.unwrap(), "what was kept");
    }
}
