use flow::request::Password;
use flow::{Door, Id, Moment};

use super::*;

fn failures() -> Failures {
    Failures::new(&Config::default())
}

fn at(secs: u64) -> Time {
    Time((1_000_000 + secs) * 1_000_000_000)
}

fn from<'a>(address: &str, credential: Credential<'a>) -> Request<'a> {
    let peer = Some(address.parse().unwrap());
    Request { id: Id(1), at: Moment(0), door: Door::Http, credential, peer, agent: "" }
}

fn password(name: &str) -> Credential<'_> {
    Credential::Password(Password { tenant: "main", name, secret: "x", code: None })
}

fn kinds(signs: &[Sign]) -> Vec<Kind> {
    signs.iter().map(|sign| sign.kind).collect()
}

#[test]
fn the_fifth_failure_within_an_hour_is_a_sign_of_guessing() {
    let failures = failures();
    let try_at = |secs| kinds(&failures.failed(&from("192.0.2.1", password("ann")), at(secs)));
    for secs in [0, 600, 1_200, 1_800] {
        assert!(try_at(secs).is_empty(), "{secs}");
    }
    assert_eq!(try_at(2_400), [Kind::BruteForce]);
    let slowly = self::failures();
    for n in 0..50 {
        let request = from("192.0.2.1", password("ann"));
        assert!(slowly.failed(&request, at(n * 901)).is_empty(), "four an hour are not");
    }
}

#[test]
fn whoever_gets_in_after_all_has_mistyped() {
    let failures = failures();
    let ann = from("192.0.2.1", password("ann"));
    for round in 0..20 {
        for _ in 0..4 {
            assert!(failures.failed(&ann, at(round)).is_empty());
        }
        failures.succeeded(&ann, at(round));
    }
}

#[test]
fn an_old_key_shown_again_and_again_is_no_guess_and_five_keys_are() {
    let failures = failures();
    for n in 0..100 {
        assert!(failures.failed(&from("192.0.2.1", Credential::Bearer("old")), at(n)).is_empty());
    }
    let keys = ["a", "b", "c", "d"];
    let signs =
        keys.map(|key| failures.failed(&from("192.0.2.1", Credential::Bearer(key)), at(100)));
    assert_eq!(kinds(&signs[3]), [Kind::BruteForce]);
    assert!(signs[..3].iter().all(Vec::is_empty));
}

#[test]
fn many_accounts_from_one_network_are_stuffing() {
    let failures = failures();
    let mut signs = Vec::new();
    for n in 0..10 {
        let (name, address) = (format!("user-{n}"), format!("192.0.2.{n}"));
        signs = failures.failed(&from(&address, password(&name)), at(n));
    }
    assert_eq!(kinds(&signs), [Kind::Stuffing]);
    assert_eq!(signs[0].subject, Subject::Stranger("192.0.2.9".parse().unwrap()));
}

#[test]
fn one_account_from_many_addresses_is_stuffing() {
    let failures = failures();
    let mut signs = Vec::new();
    for n in 0..5 {
        signs = failures.failed(&from(&format!("198.51.{n}.1"), password("ann")), at(n));
    }
    assert_eq!(kinds(&signs), [Kind::Stuffing]);
    assert!(signs[0].why.contains("5 addresses"), "{}", signs[0].why);
}
