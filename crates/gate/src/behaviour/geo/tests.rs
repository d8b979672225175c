use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::{Principal, Revisions};

use super::*;

/// The databases MaxMind publishes for tests.
fn suite() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/mmdb");
    if place.is_dir() {
        return Some(place);
    }
    eprintln!("skipped: there are no databases in ../shared/suites/mmdb");
    None
}

fn config(place: &Path) -> Config {
    Config {
        city: Some(place.join("GeoIP2-City-Test.mmdb")),
        anonymous: Some(place.join("GeoIP2-Anonymous-IP-Test.mmdb")),
        asn: Some(place.join("GeoLite2-ASN-Test.mmdb")),
        ..Config::default()
    }
}

fn ann() -> Identity {
    let (tenant, name) = ("main".into(), "ann".into());
    let roles: Arc<[String]> = [].into();
    let epoch = Revisions::default().observe(&"main".into(), &"ann".into());
    Identity::new(Principal::Human, tenant, name, roles, "session:1".into(), epoch)
}

fn at(minutes: u64) -> Time {
    Time((1_000_000 + minutes * 60) * 1_000_000_000)
}

fn kinds(signs: &[Sign]) -> Vec<Kind> {
    signs.iter().map(|sign| sign.kind).collect()
}

const BOXFORD: &str = "2.2.3.1";
const OXFORD: &str = "2.125.160.216";
const SWEDEN: &str = "89.160.20.112";
const CHANGCHUN: &str = "175.16.199.1";

#[test]
fn nobody_is_in_england_and_an_hour_later_in_china() {
    let Some(place) = suite() else { return };
    let geo = Geo::open(&config(&place)).unwrap();
    let come = |address: &str, minutes| geo.came(&ann(), address.parse().unwrap(), at(minutes));
    assert!(come(BOXFORD, 0).is_empty(), "the first country is free");
    assert!(come(OXFORD, 1).is_empty(), "as far as the radii reach, nobody has moved");
    let signs = come(CHANGCHUN, 60);
    assert_eq!(kinds(&signs), [Kind::NewCountry, Kind::ImpossibleTravel]);
    let why = &signs[1].why;
    assert!(why.contains("was in GB 59 min ago and is in CN") && why.contains("km away"), "{why}");
    assert!(come(CHANGCHUN, 61).is_empty());
    assert!(come(BOXFORD, 61 + 12 * 60).is_empty(), "by the evening flight");
    let signs = come(SWEDEN, 61 + 16 * 60);
    assert_eq!(kinds(&signs), [Kind::NewCountry], "a country is new once");
    assert!(come(BOXFORD, 61 + 24 * 60).is_empty());
    assert!(come("127.0.0.1", 61 + 24 * 60).is_empty());
}

#[test]
fn who_comes_through_a_vpn_has_not_travelled() {
    let Some(place) = suite() else { return };
    let geo = Geo::open(&config(&place)).unwrap();
    let come = |address: &str, minutes| geo.came(&ann(), address.parse().unwrap(), at(minutes));
    assert!(come(BOXFORD, 0).is_empty());
    let signs = come("1.2.0.1", 1);
    assert_eq!(kinds(&signs), [Kind::AnonymousAddress]);
    assert!(signs[0].why.contains("a VPN"), "{}", signs[0].why);
    assert!(come(OXFORD, 2).is_empty());
}

#[test]
fn every_address_of_the_published_list_is_where_the_list_says() {
    let Some(place) = suite() else { return };
    let geo = Geo::open(&config(&place)).unwrap();
    let list = std::fs::read(place.join("GeoIP2-City-Test.json")).unwrap();
    let list: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&list).unwrap();
    let mut checked = 0;
    for (network, record) in list.iter().flatten() {
        let Ok(address) = network.split('/').next().unwrap().parse::<IpAddr>() else { continue };
        let country = record.pointer("/country/iso_code").and_then(|code| code.as_str());
        let (Some(country), Some(latitude)) = (country, record.pointer("/location/latitude"))
        else {
            continue;
        };
        let Some(spot) = geo.place(address.to_canonical(), at(0)).spot else { continue };
        checked += 1;
        assert_eq!(spot.country.to_string(), country, "{network}");
        assert!((f64::from(spot.latitude) - latitude.as_f64().unwrap()).abs() < 1e-4, "{network}");
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn a_broken_database_is_refused_and_the_old_one_stays() {
    let Some(place) = suite() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    let put = |name: &str| std::fs::copy(place.join(name), &path).unwrap();
    let broken = [
        "GeoIP2-City-Test-Broken-Double-Format.mmdb",
        "GeoIP2-City-Test-Invalid-Node-Count.mmdb",
        "MaxMind-DB-test-broken-pointers-24.mmdb",
        "MaxMind-DB-test-broken-search-tree-24.mmdb",
        "GeoIP2-City-Test.json",
    ];
    let config = Config { city: Some(path.clone()), ..Config::default() };
    for name in broken {
        put(name);
        let Err(error) = Geo::open(&config) else { panic!("{name} was taken") };
        assert!(error.detail().contains("city.mmdb"), "{error}");
    }
    put("GeoIP2-City-Test.mmdb");
    let geo = Geo::open(&config).unwrap();
    assert!(!geo.refresh().unwrap(), "nothing is new");
    for name in broken {
        put(name);
        assert!(geo.refresh().is_err(), "{name}");
        assert!(geo.place("81.2.69.160".parse().unwrap(), at(0)).spot.is_some());
    }
    std::fs::remove_file(&path).unwrap();
    assert!(geo.refresh().is_err());
    put("GeoLite2-City-Test.mmdb");
    assert!(geo.refresh().unwrap());
    assert!(geo.place("81.2.69.160".parse().unwrap(), at(1)).spot.is_some());
}

#[test]
fn without_databases_nobody_is_anywhere() {
    let geo = Geo::open(&Config::default()).unwrap();
    assert!(!geo.is_on());
    assert!(geo.came(&ann(), "81.2.69.160".parse().unwrap(), at(0)).is_empty());
}
