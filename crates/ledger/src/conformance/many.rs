//! Many at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Keep, Place, event, everything, open, to};
use crate::event::{Appended, Record};

const WRITERS: usize = 16;
const APPENDS: usize = 40;

pub(super) async fn sixteen_writers_get_what_they_were_promised(place: &dyn Place) {
    let keep = open(place).await;
    let promised = write(std::slice::from_ref(&keep)).await;
    place.close(keep).await;
    let keep = open(place).await;
    check(&everything(&*keep).await, &promised);
}

/// Sixteen writers at once, at several nodes of one log: each gets what it was promised,
/// and all nodes see it.
pub async fn writers(nodes: &[Arc<dyn Keep>]) {
    let promised = write(nodes).await;
    for node in nodes {
        check(&everything(&**node).await, &promised);
    }
}

/// What each writer was answered.
async fn write(nodes: &[Arc<dyn Keep>]) -> Vec<Vec<Vec<Appended>>> {
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let keep = nodes[writer % nodes.len()].clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0..APPENDS {
                    let name = |part| format!("{writer} {n} {part}");
                    let own = to(&format!("own {writer}"), &name(0)).event(event(&name(1)));
                    let answer = keep.append(vec![own, to("shared", &name(2))]).await;
                    acknowledged.push(answer.expect("it can be appended"));
                }
                acknowledged
            })
        })
        .collect();
    let mut promised = Vec::new();
    for writer in writers {
        promised.push(writer.await.unwrap());
    }
    promised
}

fn check(log: &[Record], promised: &[Vec<Vec<Appended>>]) {
    assert_eq!(log.len(), WRITERS * APPENDS * 3);
    for (place, record) in log.iter().enumerate() {
        assert_eq!(record.position, place as u64 + 1);
    }
    assert!(log.is_sorted_by_key(|record| record.time));
    assert_eq!(log.iter().map(|record| record.id).collect::<BTreeSet<_>>().len(), log.len());
    let mut versions: HashMap<&str, u64> = HashMap::new();
    for record in log {
        let version = versions.entry(record.stream()).or_default();
        *version += 1;
        assert_eq!(record.version, *version);
    }
    for (writer, answers) in promised.iter().enumerate() {
        let mut last = 0;
        for (n, answer) in answers.iter().enumerate() {
            let [own, shared]: [Appended; 2] = answer[..].try_into().unwrap();
            assert!(own.first > last, "a writer's events are in the order it was answered");
            assert_eq!((own.last, shared.first), (own.first + 1, own.last + 1));
            assert_eq!(own.version, 2 * (n as u64 + 1));
            for (part, position) in (own.first..=shared.last).enumerate() {
                assert_eq!(log[position as usize - 1].kind(), format!("{writer} {n} {part}"));
            }
            last = shared.last;
        }
    }
}
