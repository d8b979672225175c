use crate::beside::Beside;
use crate::dice::Dice;

const LINES: &str = "
geoadd s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
geoadd s nx 1 1 Palermo 12.5 41.9 Rome
geoadd s xx ch 12.6 41.8 Rome 1 1 Nowhere
geoadd s ch 12.6 41.8 Rome 9.19 45.46 Milan
geoadd s nx xx 1 1 a
geoadd s gt 1 1 a
geoadd s 1 1 a 2
geoadd s 1 x a
geoadd s 200 1 a
geoadd s 1 85.06 a
geoadd s inf 1 a
geoadd s 180 85.05112878 corner -180 -85.05112878 other 0 0 zero
geoadd s 1 1
geoadd s nx xx ch 1
geopos s Palermo Catania Rome none corner other zero
geopos none a
geopos s
geohash s Palermo Catania Rome none corner other zero
geohash none a
geodist s Palermo Catania
geodist s Palermo Catania km
geodist s Palermo Catania MI
geodist s Palermo Catania ft
geodist s Palermo Palermo
geodist s Palermo none
geodist s Palermo Catania miles
geodist s Palermo Catania km more
geodist none a b
geodist s corner other
geosearch s fromlonlat 15 37 byradius 200 km asc
geosearch s fromlonlat 15 37 byradius 200 km desc withdist withhash withcoord
geosearch s fromlonlat 15 37 bybox 400 400 km asc withcoord withdist
geosearch s fromlonlat 15 37 bybox 4000 4000 km desc count 2
geosearch s frommember Rome byradius 500 km count 1 any
geosearch s frommember Rome byradius 500 km asc count 1 withdist
geosearch s frommember Rome byradius 0 m
geosearch s frommember Rome byradius 1e30 m asc
geosearch s frommember Rome bybox 0 0 m
geosearch s frommember none byradius 5 km
geosearch s frommember Rome frommember Milan byradius 5 km
geosearch s frommember Rome fromlonlat 1 1 byradius 5 km
geosearch s fromlonlat 1 1 frommember Rome byradius 5 km
geosearch s frommember Rome byradius 5 km bybox 1 1 km
geosearch s fromlonlat 15 37 asc desc asc
geosearch s byradius 5 km asc desc asc
GeoSearch s byradius 5 km asc desc asc
geosearch s fromlonlat 15 37 byradius -5 km
geosearch s fromlonlat 15 37 byradius x km
geosearch s fromlonlat 15 37 byradius 5 miles
geosearch s fromlonlat 15 37 bybox x 5 km
geosearch s fromlonlat 15 37 bybox 5 x km
geosearch s fromlonlat 15 37 bybox 5 -5 km
geosearch s fromlonlat 15 37 byradius 5 km count 0
geosearch s fromlonlat 15 37 byradius 5 km count x
geosearch s fromlonlat 15 37 byradius 5 km any
geosearch s fromlonlat 15 37 byradius 5 km store d
geosearch s fromlonlat 15 37 byradius 5 km storedist
geosearch s fromlonlat 15 37 byradius inf km asc
geosearch s fromlonlat 15 37 byradius 1e-300 km asc
geosearch s fromlonlat 15 85 byradius 900 km asc
geosearch s fromlonlat 179.99 -85 bybox 900 9000 km asc
geosearch s fromlonlat 15 37 bybox inf 10 km asc
geosearch s fromlonlat 15 37 bybox 10 inf km asc
geosearch s fromlonlat 15 370 byradius 5 km
geosearch none fromlonlat 15 37 byradius 5 km
geosearch none frommember x byradius 5 km
geosearch none frommember x byradius 5 miles
geosearchstore d s fromlonlat 15 37 byradius 200 km
zrange d 0 -1 withscores
geosearchstore d s fromlonlat 15 37 byradius 200 km storedist asc count 1
zrange d 0 -1 withscores
geosearchstore d s fromlonlat 15 37 byradius 200 km withdist
geosearchstore d s fromlonlat 0 50 byradius 1 m
exists d
geosearchstore d none fromlonlat 0 50 byradius 1 m
georadius s 15 37 200 km asc
georadius s 15 37 200 km withdist withcoord withhash desc
georadius s 15 37 200 km count 1
georadius s 15 37 200 km store d
georadius s 15 37 200 km storedist d
zrange d 0 -1 withscores
georadius s 15 37 200 km store d withdist
georadius s 15 37 200 km byradius 5 km
georadius s 15 37 x km
georadius s 15 x 1 km
georadius s 15 37 200 km store
georadius none 15 37 200 km
georadius none 15 37 200 km store d
exists d
georadius_ro s 15 37 200 km asc
georadius_ro s 15 37 200 km store d
georadiusbymember s Rome 500 km asc
georadiusbymember s none 500 km
georadiusbymember none x y z
georadiusbymember none x y z nonsense
georadiusbymember s Rome 500 km asc store d
zrange d 0 -1 withscores
georadiusbymember_ro s Rome 500 km desc
georadiusbymember_ro s Rome 500 km storedist d
set t 1
geoadd t 1 1 a
geopos t a
geohash t a
geodist t a b
geosearch t nonsense 1 2 3 4 5
georadius t x y z km
geosearchstore d t fromlonlat 1 1 byradius 1 m
geosearchstore t s fromlonlat 15 37 byradius 200 km
type t
zadd odd -5 a 1e300 b 0.5 c
geopos odd c
geoadd
geosearch s
";

#[test]
fn places_answer_as_those_of_redis() {
    for resp3 in [false, true] {
        let Some(mut both) = Beside::start(resp3) else { return };
        for line in LINES.lines().filter(|line| !line.is_empty()) {
            both.same(line);
        }
    }
}

#[test]
fn where_something_is_kept_is_a_key_too() {
    let words = "georadius s 1 1 5 km store d storedist store e";
    let mut places = Vec::new();
    for word in words.split(' ') {
        let start = places.last().map_or(0, |last: &std::ops::Range<usize>| last.end + 1);
        places.push(start..start + word.len());
    }
    let arguments = crate::command::Arguments::new(words.as_bytes(), &places);
    let keys = crate::command::find(b"georadius").unwrap().keys_of(arguments);
    let keys: Vec<_> = keys.into_iter().map(|at| arguments.text(at).unwrap()).collect();
    assert_eq!(keys, ["s", "d", "store", "e"]);
}

#[test]
fn what_is_near_is_what_redis_finds() {
    let Some(mut both) = Beside::start(true) else { return };
    let mut dice = Dice::thrown();
    let mut place = |spread: i64| {
        let mut within = |most: i64| (dice.below(2 * most as usize) as i64 - most) as f64 / 1e6;
        (within(180_000_000.min(spread)), within(85_000_000.min(spread)))
    };
    for at in 0..400 {
        let (longitude, latitude) = place(if at % 2 == 0 { 180_000_000 } else { 3_000_000 });
        both.same(&format!("geoadd g {longitude} {latitude} m{at}"));
        both.same(&format!("geopos g m{at}"));
        both.same(&format!("geohash g m{at}"));
        both.same(&format!("geodist g m{at} m{} km", at / 2));
    }
    for at in 0..600 {
        let (longitude, latitude) = place(if at % 2 == 0 { 180_000_000 } else { 3_000_000 });
        let radius = 10f64.powf(f64::from(at % 75) / 10.0);
        let order = ["asc", "desc", "asc count 5", "count 3 any", ""][at as usize % 5];
        let with = ["", "withdist", "withcoord withhash"][at as usize % 3];
        let shape = match at % 4 {
            0 => format!("bybox {radius} {} m", radius * 2.0),
            _ => format!("byradius {radius} m"),
        };
        both.same(&format!("geosearch g fromlonlat {longitude} {latitude} {shape} {order} {with}"));
        let member = format!("m{}", at % 400);
        both.same(&format!("geosearch g frommember {member} {shape} {order} {with}"));
    }
}
