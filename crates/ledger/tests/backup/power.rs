//! Whatever interrupts a backup or a restoring.

use flow::Random;
use ledger::Log;
use ledger::backup::Until;
use ledger::disk::Options;
use pool::file::lossy::{Failure, Fault, Lossy, Op, Survival};

use super::model::{AGAIN, BACKUP, Model, check, copy, create, restore};
use crate::support::options;

fn survivals(seed: u64) -> [Survival; 4] {
    let some = |seed| Survival::Some(Random::seeded(seed));
    [Survival::Nothing, Survival::Everything, some(seed), some(seed + 1_000)]
}

/// The backup is whole, and holds what it held before or all of it.
fn holds(lossy: &Lossy, sizes: &[u64], when: &str) {
    let lossy = copy(lossy);
    let report = check(&lossy, BACKUP).unwrap_or_else(|error| panic!("{when}: {error:?}"));
    assert_eq!(report.damages, [], "{when}");
    assert!(sizes.contains(&report.checkpoint.size), "{when}: {}", report.checkpoint.size);
    let restored = restore(&lossy, Until::End).unwrap_or_else(|error| panic!("{when}: {error:?}"));
    assert_eq!(restored.checkpoint.size, report.checkpoint.size, "{when}");
}

/// A disk without a backup, one with the beginning of one, and what is then in the log.
async fn beginnings() -> (Model, [(Lossy, Option<u64>); 2]) {
    let (none, begun) = (Lossy::new(2), Lossy::new(3));
    let mut model = Model::new(&Lossy::new(1));
    model.grow(5).await;
    create(&model.log, &begun).await.unwrap();
    let before = model.size();
    model.grow(15).await;
    (model, [(none, None), (begun, Some(before))])
}

#[tokio::test]
async fn the_power_may_go_off_at_any_operation_of_a_backup() {
    let (mut model, beginnings) = beginnings().await;
    for (start, before) in beginnings {
        for n in 1.. {
            let lossy = copy(&start);
            lossy.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
            let done = create(&model.log, &lossy).await.is_ok();
            let sizes: Vec<u64> = before.into_iter().chain([model.size()]).collect();
            if n == 20 {
                model.grow(1).await;
            }
            for (way, survival) in survivals(n).iter().enumerate() {
                let left = lossy.left_by_a_crash(survival);
                let when = format!("after {before:?}, operation {n}, way {way}");
                // A first backup that was not finished is none.
                if before.is_some() || done || check(&left, BACKUP).is_ok() {
                    holds(&left, &sizes, &when);
                }
                // The next one goes on, with the log as it is by then.
                let made = create(&model.log, &left).await;
                made.unwrap_or_else(|error| panic!("{when}: {error:?}"));
                holds(&left.crash(&Survival::Nothing), &[model.size()], &when);
            }
            if done {
                assert!(n > 20, "nothing was interrupted");
                break;
            }
        }
    }
}

/// Makes each operation of a backup fail so.
async fn any_may_fail(failure: Failure) {
    let (model, beginnings) = beginnings().await;
    for (start, before) in beginnings {
        for n in 1.. {
            let lossy = copy(&start);
            let operations = lossy.operations(Op::Any);
            lossy.plan(Fault::nth(Op::Any, n, failure));
            let done = create(&model.log, &lossy).await.is_ok();
            let over = lossy.operations(Op::Any) - operations < n;
            let when = format!("{failure:?} after {before:?} at operation {n}");
            lossy.forgive();
            if before.is_some() || done {
                let sizes: Vec<u64> = before.into_iter().chain([model.size()]).collect();
                holds(&lossy, &sizes, &when);
            }
            assert!(!over || done, "{when}");
            let made = create(&model.log, &lossy).await;
            made.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            holds(&lossy.crash(&Survival::Nothing), &[model.size()], &when);
            if over {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_leaves_the_backup_from_before() {
    any_may_fail(Failure::Io).await;
}

#[tokio::test]
async fn a_full_disk_leaves_the_backup_from_before() {
    any_may_fail(Failure::Full).await;
    any_may_fail(Failure::Short).await;
}

#[tokio::test]
async fn what_was_not_restored_to_its_end_is_not_opened_with_a_part() {
    let (own, start) = (Lossy::new(1), Lossy::new(2));
    let mut model = Model::new(&own);
    model.grow(20).await;
    create(&model.log, &start).await.unwrap();
    for n in 1.. {
        let lossy = copy(&start);
        lossy.plan(Fault::nth(Op::Change, n, Failure::PowerOff));
        let done = restore(&lossy, Until::End).is_ok();
        for survival in survivals(n) {
            let left = lossy.left_by_a_crash(&survival);
            let opened = Log::on_disk(Options { folder: AGAIN.into(), ..options(&left) });
            let sizes = if done { vec![model.size()] } else { vec![0, model.size()] };
            match opened {
                Ok(log) => assert!(sizes.contains(&log.size()), "operation {n}"),
                Err(error) => assert!(!done, "operation {n}: {error:?}"),
            }
        }
        if done {
            return;
        }
    }
}

#[tokio::test]
async fn a_disk_that_lies_is_seen_to_lose() {
    for ending in [".log", "level-0", "checkpoint.new"] {
        let (model, [(start, _), _]) = beginnings().await;
        start.plan(Fault::since(Op::Sync, 1, Failure::Lie).on(ending));
        create(&model.log, &start).await.unwrap();
        let left = start.crash(&Survival::Nothing);
        let lost = create(&model.log, &left).await.is_err()
            || check(&left, BACKUP).map_or(true, |report| report.checkpoint.size == 0);
        assert!(lost, "{ending} need not have been synced");
    }
}
