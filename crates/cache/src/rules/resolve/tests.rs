use proptest::prelude::*;

use super::*;
use crate::rules::{Cause, Preset};

fn rules(toml: &str) -> Rules {
    toml::from_str(toml).unwrap()
}

fn resolved(own: &str, base: &str) -> Resolved {
    rules(own).resolve("n", &rules(base)).unwrap()
}

fn lives(own: &str, base: &str) -> [String; 3] {
    let resolved = resolved(own, base);
    [resolved.memory, resolved.l2, resolved.l3].map(|life| life.to_string())
}

#[test]
fn what_is_nearest_goes_first() {
    for (own, base, expected) in [
        ("", "", ["not set"; 3]),
        ("", "ttl = '60s'", ["1m"; 3]),
        ("ttl = '5s'", "ttl = '60s'", ["5s"; 3]),
        ("ttl = '5s'", "memory_ttl = '1s'\nl3_ttl = '60s'", ["5s"; 3]),
        ("memory_ttl = '5s'", "ttl = '60s'", ["5s", "1m", "1m"]),
        ("memory_ttl = '5s'\nttl = '60s'", "", ["5s", "1m", "1m"]),
        ("preset = 'tokens'", "ttl = '60s'", ["1h"; 3]),
        ("preset = 'tokens'\nttl = '5s'", "", ["5s"; 3]),
        ("", "preset = 'tokens'", ["1h"; 3]),
        ("ttl = '5s'", "preset = 'tokens'", ["5s"; 3]),
    ] {
        assert_eq!(lives(own, base), expected, "{own} over {base}");
    }
}

#[test]
fn a_ttl_of_zero_is_said_and_not_the_default() {
    for (own, base, expected) in [
        ("ttl = '0s'", "", ["0s"; 3]),
        ("ttl = '0s'", "ttl = '60s'", ["0s"; 3]),
        ("ttl = '0s'", "preset = 'auth'", ["0s"; 3]),
        ("preset = 'auth'\nttl = '0s'", "", ["0s"; 3]),
        ("", "ttl = '0s'", ["0s"; 3]),
        ("ttl = '5s'", "ttl = '0s'", ["5s"; 3]),
        ("memory_ttl = '0s'", "ttl = '60s'", ["0s", "1m", "1m"]),
        ("l2_ttl = '0s'", "ttl = '60s'", ["1m", "0s", "1m"]),
        ("l3_ttl = '0s'\nmemory_ttl = '5s'", "", ["5s", "not set", "0s"]),
    ] {
        assert_eq!(lives(own, base), expected, "{own} over {base}");
    }
    assert_eq!(resolved("nothing_ttl = '0s'", "nothing_ttl = '30s'").nothing, Life::NotKept);
}

#[test]
fn nearer_tiers_never_outlive_farther_ones() {
    for (own, expected) in [
        ("memory_ttl = '60s'\nl2_ttl = '30s'\nl3_ttl = '10s'", ["10s"; 3]),
        ("memory_ttl = '60s'\nl2_ttl = '30s'", ["30s", "30s", "not set"]),
        ("l3_ttl = '10s'", ["10s"; 3]),
        ("l3_ttl = '10s'\nl3 = false", ["not set", "not set", "0s"]),
        ("ttl = '60s'\nl2 = false\nmemory = false", ["0s", "0s", "1m"]),
    ] {
        assert_eq!(lives(own, ""), expected, "{own}");
    }
}

#[test]
fn what_is_not_said_is_what_runs_on_a_laptop() {
    let resolved = resolved("", "");
    assert_eq!((resolved.jitter_percent, resolved.priority), (5, 5));
    assert_eq!((resolved.stale, resolved.early_percent), (Duration::ZERO, None));
    assert_eq!((resolved.nothing, resolved.adaptive), (Life::NotKept, None));
    assert_eq!((resolved.soft_timeout, resolved.hard_timeout), (None, HARD_TIMEOUT));
    assert_eq!((resolved.quota_bytes, resolved.quota_entries), (None, None));
    assert!(!resolved.sealed && !resolved.confidential && resolved.origin.is_none());
    assert_eq!(resolved.codec.compress_above, flow::unit::Size::kib(1));
}

#[test]
fn parts_of_a_codec_are_said_one_by_one() {
    let resolved = resolved("codec.compression = 'lz4'", "codec.compress_above = '4KiB'");
    assert_eq!(resolved.codec.compression, pool::codec::Compression::Lz4);
    assert_eq!(resolved.codec.compress_above, flow::unit::Size::kib(4));
}

#[test]
fn what_was_set_for_all_can_be_unset_for_one() {
    let base = "early_percent = 80\nquota_bytes = '1MiB'\nquota_entries = 7\nstale = '5s'\n\
                tags = ['a']\npreset = 'auth'";
    let own = "early_percent = 100\nquota_bytes = '0'\nquota_entries = 0\nstale = '0s'\n\
               tags = []\nadaptive.on = false\nconfidential = false";
    let resolved = resolved(own, base);
    assert_eq!((resolved.early_percent, resolved.stale), (None, Duration::ZERO));
    assert_eq!((resolved.quota_bytes, resolved.quota_entries), (None, None));
    assert!(resolved.tags.is_empty() && !resolved.confidential && resolved.adaptive.is_none());
}

#[test]
fn dependencies_and_origins_are_read() {
    let own = "origin = 'http://users/{tenant}/{key}?full'\n\
               depends_on = [{ table = 'users', purge = { key = 'user:{id}' }, refresh = true },\n\
               { event = 'reorganised', purge = 'all' }, { namespace = 'teams' }]";
    let resolved = resolved(own, "");
    assert_eq!(resolved.origin.unwrap().to_string(), "http://users/{tenant}/{key}?full");
    let causes: Vec<_> = resolved.depends_on.iter().map(|one| one.on.clone()).collect();
    let expected = [
        Cause::Table("users".into()),
        Cause::Event("reorganised".into()),
        Cause::Namespace("teams".into()),
    ];
    assert_eq!(causes, expected);
    assert!(resolved.depends_on[0].refresh && !resolved.depends_on[1].refresh);
}

#[test]
fn what_cannot_hold_says_what_to_change() {
    for (own, part) in [
        ("priority = 11", "write 0 to 10"),
        ("jitter_percent = 51", "write 0 to 50"),
        ("early_percent = 0", "write 1 to 100"),
        ("early_percent = 101", "write 1 to 100"),
        ("codec.compress_saves_percent = 100", "write 0 to 99"),
        ("hard_timeout = '0s'", "leave it out"),
        ("soft_timeout = '2s'\nhard_timeout = '1s'", "exchange them"),
        ("ttl = '5s'\nadaptive.on = true", "set `adaptive.min`"),
        ("ttl = '5s'\nadaptive = { on = true, min = '9s', max = '1s' }", "`adaptive.min` is `9s`"),
        ("ttl = '5s'\nadaptive = { on = true, min = '0s', max = '9s' }", "above zero"),
        ("ttl = '5s'\nadaptive = { on = true, min = '6s', max = '9s' }", "outside of `6s` to `9s`"),
        ("adaptive = { on = true, min = '1s', max = '9s' }", "set `ttl`"),
        ("preset = 'auth'\nttl = '1s'", "outside of `5m` to `2h`"),
        ("tags = ['']", "write 1 to 256"),
        ("origin = 'users/{key}'", "begins with `http://`"),
        ("origin = 'http://{key}/'", "name the server"),
        ("origin = 'http://'", "name the server"),
        ("origin = 'http://users/'", "say with `{key}`"),
        ("origin = 'http://users/{key}/{id}'", "are known"),
        ("origin = 'http://users/ {key}'", "leave out the space"),
        ("origin = 'http://users/#{key}'", "never sent"),
        ("origin = 'http://a:b@users/{key}'", "take it out"),
        ("origin = 'http://users/{key'", "does not close"),
        ("depends_on = [{ purge = 'all' }]", "say one of"),
        ("depends_on = [{ event = 'a', table = 'b' }]", "say one of"),
        ("depends_on = [{ event = '' }]", "write its name"),
        ("depends_on = [{ namespace = 'n' }]", "depend on itself"),
        ("depends_on = [{ namespace = 'm', purge = { tag = '{id}' } }]", "replace `{id}`"),
        ("depends_on = [{ event = 'a', purge = { tag = '{' } }]", "does not close"),
    ] {
        let error = rules(own).resolve("n", &Rules::default()).unwrap_err();
        assert!(error.detail().contains(part), "{own}: {}", error.detail());
        assert!(error.detail().starts_with("namespace `n`: "), "{}", error.detail());
    }
}

#[test]
fn no_message_repeats_a_credential() {
    for origin in ["http://ann:hunter2@users/{key}", "ann:hunter2@users/{", "ftp://:hunter2@u/"] {
        let own = Rules { origin: Some(origin.into()), ..Rules::default() };
        let error = own.resolve("n", &Rules::default()).unwrap_err();
        assert!(error.detail().contains("take it out"), "{}", error.detail());
        assert!(!error.detail().contains("hunter2"), "{}", error.detail());
    }
}

#[test]
fn unknown_settings_are_refused() {
    for toml in ["tll = '1s'", "adaptive.om = true", "codec.form = 'raw'", "preset = 'users'"] {
        assert!(toml::from_str::<Rules>(toml).is_err(), "{toml}");
    }
    assert!(toml::from_str::<Rules>("depends_on = [{ evnt = 'a' }]").is_err());
}

fn span() -> impl Strategy<Value = Option<Span>> {
    proptest::option::of((0u64..100).prop_map(Span::secs))
}

prop_compose! {
    fn any_rules()(
        preset in proptest::option::of(proptest::sample::select(Preset::ALL.to_vec())),
        ttl in span(), memory_ttl in span(), l2_ttl in span(), l3_ttl in span(),
        memory: Option<bool>, l2: Option<bool>, l3: Option<bool>,
    ) -> Rules {
        Rules { preset, ttl, memory_ttl, l2_ttl, l3_ttl, memory, l2, l3, ..Rules::default() }
    }
}

/// The same by asking the layers one after the other.
fn naive(layers: &[Rules], tier: fn(&Rules) -> (Option<bool>, Option<Span>)) -> Life {
    if layers.iter().find_map(|layer| tier(layer).0) == Some(false) {
        return Life::NotKept;
    }
    Life::of(layers.iter().find_map(|layer| tier(layer).1.or(layer.ttl)))
}

proptest! {
    #[test]
    fn layers_are_asked_in_their_order(own in any_rules(), base in any_rules()) {
        let preset = |rules: &Rules| rules.preset.map(Preset::rules).unwrap_or_default();
        let layers = [own.clone(), preset(&own), base.clone(), preset(&base)];
        let l3 = naive(&layers, |rules| (rules.l3, rules.l3_ttl));
        let l2 = naive(&layers, |rules| (rules.l2, rules.l2_ttl));
        let memory = naive(&layers, |rules| (rules.memory, rules.memory_ttl));
        let kept = |lives: &[Life]| lives.iter().copied().filter(|life| life.keeps()).min();
        let expected = [
            kept(&[l2, l3]).map_or(memory, |far| memory.min(far)),
            kept(&[l3]).map_or(l2, |far| l2.min(far)),
            l3,
        ];
        let own = Rules { adaptive: super::super::AdaptiveRules { on: Some(false), ..own.adaptive.clone() }, ..own };
        let resolved = own.resolve("n", &base).unwrap();
        prop_assert_eq!([resolved.memory, resolved.l2, resolved.l3], expected);
    }

    #[test]
    fn rules_survive_being_written(own in any_rules()) {
        let written = toml::to_string(&own).unwrap();
        prop_assert_eq!(toml::from_str::<Rules>(&written).unwrap(), own);
    }
}
