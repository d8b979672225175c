//! The same where the keys lie on several Redis: on a cluster, behind sentinels, and on
//! servers that know nothing of each other.

use std::time::Duration;

use engines::own::{RedisCluster, RedisSentinel, RedisServer};

use crate::server::{pause, until};
use crate::{Fleet, SOON, Shared, calm, herd, now};

/// A fleet that reads keys which lie on all of the servers.
fn fleet(urls: &[String]) -> Fleet {
    let shared = [(); 3].map(|()| Shared::Servers(urls.to_vec()));
    Fleet::with_keys(&shared, (0..8).map(|n| format!("hot{n}")).collect())
}

/// Changes the truth on one node after the other for so long; who cannot be told is not.
fn change_for(fleet: &Fleet, time: Duration) {
    let begun = now();
    for n in 0.. {
        if now().since(begun) > time {
            return;
        }
        fleet.change(n as usize % 3, n);
        pause(Duration::from_millis(300));
    }
}

/// Until purges reach everybody again, by every means, and everybody believes itself.
fn await_health(fleet: &Fleet, what: &str) {
    let begun = now();
    for n in 0..4 {
        let told = until("purges flow again", SOON, || {
            fleet.change(1, n).then(|| fleet.truths.lock().last().unwrap().1)
        });
        fleet.await_truth(told);
    }
    fleet.await_belief();
    eprintln!("{what}: all is well {:?} after", now().since(begun));
}

fn hosts(urls: &[String]) -> String {
    urls.join(",").replace("redis://", "")
}

#[test]
fn a_cluster_promotes_replicas_and_nobody_hears_an_error() {
    let Some(mut cluster) = RedisCluster::start_replicated() else { return };
    let fleet = fleet(&[format!("redis+cluster://{}", hosts(&cluster.urls()))]);
    calm(&fleet);
    herd(&fleet);
    fleet.read_while(|| {
        // One of them is where nodes tell each other.
        for n in 0..3 {
            change_for(&fleet, Duration::from_secs(1));
            cluster.nodes()[n].kill();
            change_for(&fleet, Duration::from_secs(4));
            cluster.await_promotion(n);
            await_health(&fleet, "a replica leads");
            cluster.nodes()[n].restart();
            change_for(&fleet, Duration::from_secs(2));
            await_health(&fleet, "the old primary follows");
        }
    });
}

#[test]
fn sentinels_promote_a_replica_and_nobody_hears_an_error() {
    let Some(mut set) = RedisSentinel::start(3) else { return };
    let fleet = fleet(&[format!("redis-sentinel://{}/{}", hosts(&set.urls()), set.name())]);
    calm(&fleet);
    fleet.read_while(|| {
        change_for(&fleet, Duration::from_secs(1));
        set.master().kill();
        change_for(&fleet, Duration::from_secs(3));
        set.await_promotion();
        await_health(&fleet, "the replica leads");
        set.master().restart();
        change_for(&fleet, Duration::from_secs(3));
        await_health(&fleet, "the old master is back");
    });
}

#[test]
fn servers_of_their_own_come_back_with_old_data_that_is_not_believed() {
    let start = || RedisServer::start_with(&["--save", "", "--appendonly", "no"]);
    let Some(mut servers) = (0..3).map(|_| start()).collect::<Option<Vec<_>>>() else { return };
    let urls: Vec<_> = servers.iter().map(RedisServer::url).collect();
    let fleet = fleet(&urls);
    calm(&fleet);
    herd(&fleet);
    let values = |server: &RedisServer| {
        let found = server.connect().unwrap().ask(&["KEYS", "stockade:v:main:users=hot*"]);
        found.unwrap().parts().len()
    };
    assert!(servers.iter().all(|server| values(server) > 0), "each has some of the keys");
    fleet.read_while(|| {
        for server in &mut servers {
            await_health(&fleet, "before");
            server.connect().unwrap().ask(&["SAVE"]).unwrap();
            // All of these are forgotten with the server.
            for change in 0..8 {
                assert!(fleet.change(change as usize % 3, change));
            }
            server.kill();
            change_for(&fleet, Duration::from_secs(4));
            server.restart();
            assert!(values(server) > 0, "the old data is there");
            await_health(&fleet, "a server is back with old data");
        }
    });
}
