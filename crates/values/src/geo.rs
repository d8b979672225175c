//! Places on the earth as scores of a sorted set: the world is halved again and again, in
//! turn from west to east and from south to north, and each half is one bit of 52.
//!
//! What is far apart has different upper bits, and what has the same upper bits is in the
//! same cell, so that the members of a cell are a range of scores.

mod area;

pub use area::{Area, Shape};

/// How often each side is halved.
const STEPS: u32 = 26;

const LONGITUDE_MAX: f64 = 180.0;
const LATITUDE_MAX: f64 = 85.051_128_78;
const EARTH_RADIUS_METERS: f64 = 6_372_797.560_856;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

impl Place {
    /// Whether it is where places can be kept: the poles are not.
    pub fn is_near_enough(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The score it is kept as.
    pub fn score(self) -> f64 {
        Cell::of(self, STEPS, LATITUDE_MAX).bits as f64
    }

    /// The middle of the smallest cell with this score.
    pub fn of_score(score: f64) -> Self {
        let [west_south, east_north] = Cell { bits: bits(score), steps: STEPS }.corners();
        let middle = |one: f64, other: f64, most: f64| ((one + other) / 2.0).clamp(-most, most);
        Self {
            longitude: middle(west_south.longitude, east_north.longitude, LONGITUDE_MAX),
            latitude: middle(west_south.latitude, east_north.latitude, LATITUDE_MAX),
        }
    }

    /// How many meters it is to another, on a ball.
    pub fn meters_to(self, other: Self) -> f64 {
        let across = ((other.longitude.to_rad() - self.longitude.to_rad()) / 2.0).sin();
        if across == 0.0 {
            return self.meters_north_to(other);
        }
        let (own, its) = (self.latitude.to_rad(), other.latitude.to_rad());
        let along = ((its - own) / 2.0).sin();
        let sum = along * along + own.cos() * its.cos() * across * across;
        2.0 * EARTH_RADIUS_METERS * sum.sqrt().asin()
    }

    fn meters_north_to(self, other: Self) -> f64 {
        EARTH_RADIUS_METERS * (other.latitude.to_rad() - self.latitude.to_rad()).abs()
    }

    /// The name of its cell that is used elsewhere, where the poles are included. Its last
    /// letter says nothing.
    pub fn name(self) -> String {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, STEPS, 90.0).bits;
        let letter = |at: u32| {
            let five = if at == 10 { 0 } else { bits >> (47 - at * 5) & 0x1f };
            char::from(LETTERS.get(five as usize).copied().unwrap_or(b'0'))
        };
        (0..11).map(letter).collect()
    }
}

/// The bits of a score. Most scores of other sorted sets are no places at all, but they are
/// shown as the same ones that Redis shows.
fn bits(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    match score {
        ..HALF => score as i64 as u64,
        _ if score < HALF + HALF => score as u64,
        _ => 0,
    }
}

/// Angles, computed in the same steps as Redis does, so that nothing is rounded otherwise.
trait Angle {
    fn to_rad(self) -> f64;
    fn to_deg(self) -> f64;
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

impl Angle for f64 {
    fn to_rad(self) -> f64 {
        self * DEGREE
    }

    fn to_deg(self) -> f64 {
        self / DEGREE
    }
}

/// A part of the world, as large as the number of times it was halved says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    bits: u64,
    steps: u32,
}

impl Cell {
    fn of(place: Place, steps: u32, latitude_max: f64) -> Self {
        let count = (1u64 << steps) as f64;
        let part = |at: f64, most: f64| ((at + most) / (most + most) * count) as u32;
        let east = part(place.longitude, LONGITUDE_MAX);
        let north = part(place.latitude, latitude_max);
        Self { bits: spread(north) | spread(east) << 1, steps }
    }

    /// Where it begins and ends.
    fn corners(self) -> [Place; 2] {
        let (north, east) = (gather(self.bits), gather(self.bits >> 1));
        let count = (1u64 << self.steps) as f64;
        let at = |part: u32, most: f64| -most + f64::from(part) / count * (most + most);
        [0, 1].map(|side| Place {
            longitude: at(east.wrapping_add(side), LONGITUDE_MAX),
            latitude: at(north.wrapping_add(side), LATITUDE_MAX),
        })
    }

    /// The one next to it; behind the edge of the world it begins again.
    fn beside(self, east: i32, north: i32) -> Self {
        let within = (1u64 << self.steps) as u32 - 1;
        let moved = |part: u32, by: i32| spread(part.wrapping_add_signed(by) & within);
        let (own_north, own_east) = (gather(self.bits), gather(self.bits >> 1));
        Self { bits: moved(own_north, north) | moved(own_east, east) << 1, steps: self.steps }
    }

    /// The scores of all that is in it, the last one not included.
    fn scores(self) -> (f64, f64) {
        let scale = 2 * (STEPS - self.steps);
        ((self.bits << scale) as f64, ((self.bits + 1) << scale) as f64)
    }
}

/// Puts a zero before each bit.
fn spread(part: u32) -> u64 {
    let mut bits = u64::from(part);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Takes every second bit, beginning with the lowest.
fn gather(bits: u64) -> u32 {
    let mut part = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        part = (part | part >> shift) & mask;
    }
    part as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_found_again_within_a_meter(
            longitude in -179.9..179.9f64, latitude in -85.0..85.0f64,
        ) {
            let place = Place { longitude, latitude };
            let found = Place::of_score(place.score());
            prop_assert!(place.meters_to(found) < 1.0);
            prop_assert_eq!(found.score(), place.score());
        }

        #[test]
        fn all_that_is_near_is_in_the_area(
            longitude in -170.0..170.0f64, latitude in -70.0..70.0f64,
            east in -1.0..1.0f64, north in -1.0..1.0f64, meters in 1.0..100_000.0f64,
        ) {
            let center = Place { longitude, latitude };
            let other = Place { longitude: longitude + east, latitude: latitude + north };
            let other = Place::of_score(other.score());
            let area = Area { center, shape: Shape::Circle { radius: meters } };
            let within = area.ranges().into_iter().any(|(min, max)| (min..max).contains(&other.score()));
            if area.distance(other).is_some() {
                prop_assert!(within);
            }
        }
    }

    #[test]
    fn the_name_of_a_cell_is_the_one_known_elsewhere() {
        let palermo = Place { longitude: 13.361_389, latitude: 38.115_556 };
        assert_eq!(Place::of_score(palermo.score()).name(), "sqc8b49rny0");
    }
}
