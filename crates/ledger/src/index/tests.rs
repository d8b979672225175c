use std::collections::BTreeMap;

use flow::Random;
use pool::file::Open;
use pool::file::lossy::{Failure, Fault, Lossy, Op, Survival};
use proptest::prelude::*;

use super::*;
use crate::codes::DAMAGED;

const FOLDER: &str = "/index";
const WAYS: [Direction; 2] = [Direction::Forward, Direction::Backward];

fn open(disk: &Lossy, room: u64) -> Index {
    Index::with_room(Arc::new(disk.clone()), Path::new(FOLDER), room).unwrap()
}

/// What the index should know.
#[derive(Default)]
struct Model {
    terms: BTreeMap<Term, Vec<u64>>,
    events: Vec<Vec<Term>>,
}

/// Terms that all have, many have, few have and one has.
fn of(position: u64) -> Vec<Term> {
    let mixed = |salt: u64| {
        let mixed = (position ^ (salt << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
    };
    let mut terms = vec![Term::of(0), Term::of(mixed(0)), Term::of(mixed(1)), Term::of(mixed(1))];
    terms.push(Term::of((1 << 48) - 1 - mixed(2) % 5));
    terms.push(Term::of((mixed(3) % 97) << 41));
    if mixed(4) % 3 > 0 {
        terms.push(Term::of(position / 300 + 1));
    }
    terms
}

impl Model {
    fn add(&mut self, index: &Index) {
        let position = self.events.len() as u64 + 1;
        let terms = of(position);
        index.add(position, &terms).unwrap();
        for term in &terms {
            let positions = self.terms.entry(*term).or_default();
            if positions.last() != Some(&position) {
                positions.push(position);
            }
        }
        self.events.push(terms);
    }

    fn truncate(&mut self, last: u64) {
        self.events.truncate(last as usize);
        self.terms.values_mut().for_each(|positions| positions.retain(|one| *one <= last));
        self.terms.retain(|_, positions| !positions.is_empty());
    }

    /// Adds again what an index lacks.
    fn catch_up(&self, index: &Index) {
        let lacking = self.events.iter().enumerate().skip(index.covered() as usize);
        lacking.for_each(|(place, terms)| index.add(place as u64 + 1, terms).unwrap());
        assert_eq!(index.covered(), self.events.len() as u64);
    }

    fn wanted(&self, terms: &[Term], range: &RangeInclusive<u64>, way: Direction) -> Vec<u64> {
        let positions = |term| self.terms.get(term).map_or(&[][..], Vec::as_slice);
        let Some((first, others)) = terms.split_first() else { return Vec::new() };
        let all = positions(first).iter().copied().filter(|position| {
            range.contains(position)
                && others.iter().all(|term| positions(term).binary_search(position).is_ok())
        });
        match way {
            Direction::Forward => all.collect(),
            Direction::Backward => all.rev().collect(),
        }
    }

    fn check(&self, index: &Index, terms: &[Term], range: &RangeInclusive<u64>) {
        for way in WAYS {
            for term in terms {
                let found: Result<Vec<u64>> = index.postings(*term, range.clone(), way).collect();
                assert_eq!(found.unwrap(), self.wanted(&[*term], range, way), "{term:?} {range:?}");
            }
            for terms in [terms, terms.get(..2).unwrap_or_default()] {
                let found: Result<Vec<u64>> =
                    index.all(terms, range.clone(), way).unwrap().collect();
                assert_eq!(found.unwrap(), self.wanted(terms, range, way));
            }
        }
        for term in terms {
            let count = self.terms.get(term).map_or(0, Vec::len) as u64;
            assert!(index.count(*term).unwrap() >= count);
        }
    }
}

fn tidy(index: &Index, most: usize) {
    for _ in 0..most {
        let Some(due) = index.due() else { break };
        index.tidy(due).unwrap();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(u16),
    Tidy(usize),
    Open,
    Crash(u64),
    Truncate(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u16..400).prop_map(Step::Add),
        3 => (1usize..30).prop_map(Step::Tidy),
        1 => Just(Step::Open),
        1 => any::<u64>().prop_map(Step::Crash),
        1 => any::<prop::sample::Index>().prop_map(Step::Truncate),
    ];
    prop::collection::vec(step, 1..20)
}

fn looks() -> impl Strategy<Value = Looks> {
    prop::collection::vec(
        any::<(prop::sample::Index, prop::sample::Index, prop::sample::Index)>(),
        1..4,
    )
}

/// Where to look: terms of these events, and one that may be none.
type Looks = Vec<(prop::sample::Index, prop::sample::Index, prop::sample::Index)>;

fn look(model: &Model, index: &Index, looks: &Looks) {
    let end = model.events.len() + 2;
    for (event, low, high) in looks {
        let mut terms = of(event.index(end) as u64 + 1);
        terms.push(Term::of(event.index(end) as u64));
        terms.sort_by_key(|term| term.number().wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let pairs: Vec<&[Term]> = terms.chunks(2).collect();
        for pair in pairs {
            model.check(index, pair, &(low.index(end) as u64..=high.index(end) as u64));
            model.check(index, pair, &(0..=u64::MAX));
        }
        model.check(index, &terms, &(low.index(end) as u64..=u64::MAX));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_knows_what_was_added(
        room in 1u64..60,
        steps in steps(),
        looks in looks(),
    ) {
        let mut disk = Lossy::new(7);
        let mut index = open(&disk, room);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Add(count) => (0..count).for_each(|_| model.add(&index)),
                Step::Tidy(most) => tidy(&index, most),
                Step::Open => {
                    index = open(&disk, room);
                    model.catch_up(&index);
                }
                Step::Crash(seed) => {
                    disk = disk.crash(&Survival::Some(Random::seeded(seed)));
                    index = open(&disk, room);
                    model.catch_up(&index);
                }
                Step::Truncate(last) => {
                    let last = last.index(model.events.len() + 1) as u64;
                    index.truncate(last).unwrap();
                    model.truncate(last);
                    prop_assert_eq!(index.covered(), last);
                }
            }
            look(&model, &index, &looks);
        }
        tidy(&index, usize::MAX);
        look(&model, &index, &looks);
        let runs = index.snapshot().runs.len();
        prop_assert!(runs < 8 * 6, "{} runs", runs);
    }

    #[test]
    fn whatever_is_damaged_is_noticed(
        events in 1u16..900,
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        how in 0..4,
        already_open: bool,
    ) {
        let disk = Lossy::new(7);
        let mut index = open(&disk, 20);
        let mut model = Model::default();
        (0..events).for_each(|_| model.add(&index));
        tidy(&index, usize::MAX);
        let names = disk.list(Path::new(FOLDER)).unwrap();
        prop_assume!(!names.is_empty());
        let path = Path::new(FOLDER).join(&names[which.index(names.len())].name);
        let file = disk.open(&path, Open::Write).unwrap();
        let size = file.size().unwrap();
        match how {
            0 => file.truncate(place.index(size as usize) as u64).unwrap(),
            1 => file.write_at(&[0; 100], size).unwrap(),
            _ => disk.rot(&path, place.index(size as usize * 8)).unwrap(),
        }
        if !already_open {
            index = open(&disk, 20);
            model.truncate(index.covered());
        }
        for (term, positions) in &model.terms {
            for way in WAYS {
                let found: Result<Vec<u64>> = index.postings(*term, 0..=u64::MAX, way).collect();
                match found {
                    Ok(mut found) => {
                        found.sort_unstable();
                        prop_assert_eq!(&found, positions);
                    }
                    Err(error) => prop_assert_eq!(error.code(), &DAMAGED),
                }
            }
        }
        index.truncate(0).unwrap();
        prop_assert_eq!(index.covered(), 0);
        model.catch_up(&index);
        tidy(&index, usize::MAX);
        model.check(&open(&disk, 20), &[], &(0..=u64::MAX));
        for (term, positions) in &model.terms {
            let found: Result<Vec<u64>> = index.postings(*term, 0..=u64::MAX, WAYS[0]).collect();
            prop_assert_eq!(&found.unwrap(), positions);
        }
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let disk = Lossy::new(7);
    let index = open(&disk, 150);
    (1..=151).for_each(|position| index.add(position, &of(position)).unwrap());
    tidy(&index, 1);
    let name = disk.list(Path::new(FOLDER)).unwrap().remove(0).name;
    let mut path = Path::new(FOLDER).join(&name);
    // As one that was merged: it is not read as a whole when it is opened.
    let name = Name { level: 1, ..Name::read(name.to_str().unwrap()).unwrap() };
    let sealed = std::mem::replace(&mut path, Path::new(FOLDER).join(name.write()));
    disk.rename(&sealed, &path).unwrap();
    let size = disk.metadata(&path).unwrap().unwrap().size as usize;
    for byte in 0..size {
        let bit = byte * 8 + byte % 8;
        disk.rot(&path, bit).unwrap();
        let read = Run::open(&disk, Path::new(FOLDER), name).and_then(|run| {
            let mut terms = run.terms();
            while let Some(entry) = terms.next()? {
                terms.positions(&entry, |_| Ok(()))?;
            }
            Ok(())
        });
        assert_eq!(read.unwrap_err().code(), &DAMAGED, "byte {byte}");
        disk.rot(&path, bit).unwrap();
    }
    assert_eq!(open(&disk, 150).covered(), 150);
}

#[test]
fn a_reader_keeps_what_it_began_with() {
    let disk = Lossy::new(7);
    let index = open(&disk, 10);
    let mut model = Model::default();
    (0..500).for_each(|_| model.add(&index));
    let mut early = index.postings(Term::of(0), 1..=500, Direction::Forward);
    assert_eq!(early.next().unwrap().unwrap(), 1);
    tidy(&index, 20);
    let mut late = index.postings(Term::of(0), 1..=500, Direction::Backward);
    assert_eq!(late.next().unwrap().unwrap(), 500);
    tidy(&index, usize::MAX);
    index.truncate(3).unwrap();
    assert!(early.map(Result::unwrap).eq(2..=500));
    assert!(late.map(Result::unwrap).eq((1..500).rev()));
    assert!(disk.list(Path::new(FOLDER)).unwrap().len() <= 1);
}

#[test]
fn it_is_read_while_it_is_added_to_and_tidied() {
    let index = open(&Lossy::new(7), 50);
    let (index, most) = (&index, 4000);
    std::thread::scope(|scope| {
        scope.spawn(|| (1..=most).for_each(|position| index.add(position, &of(position)).unwrap()));
        scope.spawn(|| {
            while index.covered() < most || index.due().is_some() {
                index.due().into_iter().for_each(|due| index.tidy(due).unwrap());
            }
        });
        while index.covered() < most {
            let end = index.covered();
            let found = index.postings(Term::of(0), 1..=end, Direction::Forward);
            assert!(found.map(Result::unwrap).eq(1..=end));
            let found = index.postings(Term::of(0), 1..=end, Direction::Backward);
            assert!(found.map(Result::unwrap).take(70).eq((1..=end).rev().take(70)));
        }
    });
    assert_eq!(index.count(Term::of(0)).unwrap(), most);
    assert_eq!(index.waiting(), 0);
}

#[test]
fn a_gap_is_refused() {
    let index = open(&Lossy::new(7), 10);
    index.add(1, &of(1)).unwrap();
    index.add(1, &of(2)).unwrap();
    let error = index.add(3, &of(3)).unwrap_err();
    assert_eq!(error.detail(), "the index ends before 2, and 3 is not next");
    assert_eq!(index.covered(), 1);
    assert_eq!(index.count(of(1)[1]).unwrap(), 1);
}

#[test]
fn what_lies_behind_a_gap_and_what_was_merged_is_removed() {
    let disk = Lossy::new(7);
    let index = open(&disk, 10);
    let mut model = Model::default();
    (0..201).for_each(|_| model.add(&index));
    while index.due() == Some(Due::Seal) {
        tidy(&index, 1);
    }
    let folder = Path::new(FOLDER);
    let seventh = folder.join(Name { first: 61, last: 70, level: 0 }.write());
    let kept = disk.read(&seventh).unwrap();
    tidy(&index, 1);
    // As if the power had gone off before all that was merged was removed.
    disk.write_atomically(&seventh, &kept).unwrap();
    disk.write_atomically(&folder.join("index.new"), b"half").unwrap();
    let index = open(&disk, 10);
    assert_eq!(index.covered(), 200);
    assert!(!disk.exists(&seventh).unwrap());
    assert!(!disk.exists(&folder.join("index.new")).unwrap());
    model.truncate(200);
    model.check(&index, &of(65), &(0..=u64::MAX));
    disk.remove(&folder.join(Name { first: 161, last: 170, level: 0 }.write())).unwrap();
    assert_eq!(open(&disk, 10).covered(), 160);
    assert_eq!(disk.list(folder).unwrap().len(), 9);
}

#[test]
fn a_run_too_large_to_hold_its_fences_reads_them() {
    let disk = Lossy::new(7);
    let index = open(&disk, 12_000);
    let mut model = Model::default();
    (0..12_001).for_each(|_| model.add(&index));
    tidy(&index, 1);
    let name = index.snapshot().runs[0].name;
    let run = Run::open(&disk, Path::new(FOLDER), name).unwrap().reading_fences();
    model.truncate(12_000);
    for (term, positions) in model.terms.iter().step_by(17) {
        assert_eq!(run.find(*term).unwrap().unwrap().0, positions.len() as u64);
        assert!(run.find(Term::of(term.number() ^ (1 << 20))).unwrap().is_none());
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let disk = Lossy::new(7);
    let index = open(&disk, 100);
    let mut model = Model::default();
    (0..250).for_each(|_| model.add(&index));
    disk.make_room(Some(500));
    assert!(index.tidy(Due::Seal).is_err());
    model.check(&index, &of(9), &(0..=u64::MAX));
    disk.make_room(None);
    tidy(&index, usize::MAX);
    assert_eq!(index.snapshot().runs.len(), 2);
    model.check(&index, &of(9), &(0..=u64::MAX));
}

#[test]
fn a_long_list_is_entered_anywhere() {
    let index = open(&Lossy::new(7), 12_000);
    let mut model = Model::default();
    (0..12_001).for_each(|_| model.add(&index));
    tidy(&index, 1);
    let all = |range, way| index.postings(Term::of(0), range, way).map(Result::unwrap);
    for from in (1..12_000).step_by(37) {
        assert!(all(from..=u64::MAX, Direction::Forward).take(3).eq((from..=12_001).take(3)));
        assert!(all(0..=from, Direction::Backward).take(3).eq((1..=from).rev().take(3)));
        let mut leaping = index.postings(Term::of(0), 1..=u64::MAX, Direction::Forward);
        leaping.next().unwrap().unwrap();
        leaping.seek(from + 1);
        assert_eq!(leaping.next().unwrap().unwrap(), from + 1);
        leaping.seek(from + 700);
        assert_eq!(leaping.next().map(Result::unwrap), Some(from + 700).filter(|at| *at < 12_002));
        let mut leaping = index.postings(Term::of(0), 1..=12_000, Direction::Backward);
        leaping.next().unwrap().unwrap();
        leaping.seek(from - 1);
        assert_eq!(leaping.next().map(Result::unwrap), Some(from - 1).filter(|at| *at > 0));
    }
    for position in (1..12_000).step_by(499) {
        model.check(&index, &of(position), &(0..=u64::MAX));
        model.check(&index, &of(position)[4..], &(0..=u64::MAX));
    }
}

#[test]
fn the_power_may_go_off_at_any_step_of_a_merge() {
    for step in 1.. {
        let disk = Lossy::new(step);
        let index = open(&disk, 100);
        let mut model = Model::default();
        (0..801).for_each(|_| model.add(&index));
        while index.due() == Some(Due::Seal) {
            tidy(&index, 1);
        }
        model.truncate(800);
        for run in &index.snapshot().runs {
            disk.open(&run.path, Open::Write).unwrap().sync().unwrap();
        }
        disk.sync_dir(Path::new(FOLDER)).unwrap();
        disk.plan(Fault::nth(Op::Change, step, Failure::PowerOff));
        let done = index.tidy(Due::Merge).is_ok();
        let disk = disk.crash(&Survival::Some(Random::seeded(step)));
        let index = open(&disk, 100);
        assert_eq!(index.covered(), 800);
        for position in [1, 399, 800] {
            model.check(&index, &of(position), &(0..=u64::MAX));
        }
        if done {
            break;
        }
    }
}
