//! Policies that take long, and those who ask for something else meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use flow::question::policy::Freshness;
use flow::unit::Span;
use policy::{Config, Decider};

use super::node::{Node, Plane, ask, code, one};

/// Takes longer than it may, and in steps of which none is long.
const POLICY: &str = "package k

quick := input.n + 1

slow if {
	some one in numbers.range(1, 5000)
	some two in numbers.range(1, 5000)
	one * two < 0
}
";

async fn slow(decider: Arc<Decider>, node: Arc<Node>, number: usize) -> &'static str {
    let input = format!("{{\"n\":{number}}}");
    let asked = ask(&decider, &node.tenant, "k/slow", &input, Freshness::Any).await;
    code(&asked.unwrap_err())
}

fn decider(node: &Node, limit: Duration) -> Arc<Decider> {
    let config = Config { timeout: Span(limit), steps_max: u64::MAX, ..Config::default() };
    Arc::new(node.decider(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_asks_for_something_else_does_not_wait() {
    let node = Arc::new(Plane::new().await.node().await);
    node.put("k", POLICY).await.unwrap();
    let decider = decider(&node, Duration::from_secs(3));
    let over = Arc::new(AtomicBool::new(false));
    let long = {
        let (decider, node, over) = (decider.clone(), node.clone(), over.clone());
        tokio::spawn(async move {
            let code = slow(decider, node, 0).await;
            over.store(true, Ordering::Release);
            code
        })
    };
    for number in 0..50 {
        let (decider, node) = (decider.clone(), node.clone());
        let quick = tokio::spawn(async move {
            let input = format!("{{\"n\":{number}}}");
            let decided = ask(&decider, &node.tenant, "k/quick", &input, Freshness::Any).await;
            one(&decided.unwrap()).0.map(str::to_owned)
        });
        assert_eq!(quick.await.unwrap(), Some((number + 1).to_string()));
    }
    assert!(!over.load(Ordering::Acquire), "fifty were answered while one was not");
    assert_eq!(long.await.unwrap(), "policy-failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn only_so_many_take_long_at_a_time() {
    let node = Arc::new(Plane::new().await.node().await);
    node.put("k", POLICY).await.unwrap();
    let decider = decider(&node, Duration::from_millis(500));
    let cores = available_parallelism().unwrap().get();
    let asked = (0..cores + 4).map(|number| slow(decider.clone(), node.clone(), number));
    let asked: Vec<_> = asked.map(tokio::spawn).collect();
    let mut refused = 0;
    for one in asked {
        match one.await.unwrap() {
            "policy-failed" => {}
            other => {
                assert_eq!(other, "policy-long");
                refused += 1;
            }
        }
    }
    assert!((1..=4).contains(&refused), "{refused} were refused at once");
    let again = slow(decider, node, 0).await;
    assert_eq!(again, "policy-failed", "there is room again");
}
