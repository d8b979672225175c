//! A place on the map, in twenty bytes.

use std::fmt;

/// The mean radius of the Earth.
const EARTH_KM: f64 = 6_371.0;

/// What is known of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::behaviour) struct Place {
    /// Whether somebody hides behind it.
    pub(super) hidden: bool,
    /// The number of whoever operates its network; 0 for nobody.
    pub(super) operator: u32,
    /// Where it is.
    pub(super) spot: Option<Spot>,
}

/// Somewhere, more or less.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Spot {
    pub(super) latitude: f32,
    pub(super) longitude: f32,
    /// They are this far from there at most, in most cases.
    pub(super) radius_km: u16,
    pub(super) country: Country,
}

/// A country's two letters; zeros for nowhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Country([u8; 2]);

impl Country {
    pub(super) fn new(code: &str) -> Self {
        Self(code.as_bytes().try_into().unwrap_or_default())
    }

    pub(super) fn is_nowhere(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(code) if !self.is_nowhere() => f.write_str(code),
            _ => f.write_str("somewhere"),
        }
    }
}

impl Spot {
    /// How far it is at least to somebody there: the distance less what is uncertain of both.
    pub(super) fn km_to(&self, other: &Self) -> f64 {
        let uncertain = f64::from(self.radius_km) + f64::from(other.radius_km);
        (self.distance(other) - uncertain).max(0.0)
    }

    /// The way of a great circle.
    fn distance(&self, other: &Self) -> f64 {
        let of = |spot: &Self| {
            (f64::from(spot.latitude).to_radians(), f64::from(spot.longitude).to_radians())
        };
        let ((lat1, lon1), (lat2, lon2)) = (of(self), of(other));
        let (sin_lat, sin_lon) = (((lat2 - lat1) / 2.0).sin(), ((lon2 - lon1) / 2.0).sin());
        let chord = sin_lat * sin_lat + lat1.cos() * lat2.cos() * sin_lon * sin_lon;
        2.0 * EARTH_KM * chord.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(latitude: f32, longitude: f32, radius_km: u16) -> Spot {
        Spot { latitude, longitude, radius_km, country: Country::default() }
    }

    #[test]
    fn distances_are_those_of_an_atlas_less_what_is_uncertain() {
        let (london, sydney, here) =
            (spot(51.5074, -0.1278, 0), spot(-33.8688, 151.2093, 0), spot(0.0, 0.0, 100));
        let there = spot(0.0, 180.0, 500);
        for (from, to, expected) in [
            (&london, &sydney, 16_994.0),
            (&london, &london, 0.0),
            (&here, &there, 20_015.0 - 600.0),
            (&here, &spot(0.0, 1.0, 100), 0.0),
        ] {
            let km = from.km_to(to);
            assert!((km - expected).abs() < 5.0, "{km} is not {expected}");
            assert!((km - to.km_to(from)).abs() < 1e-6);
        }
    }
}
