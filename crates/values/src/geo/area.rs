//! A part of the world in which members are looked for.

use super::{Angle, Cell, EARTH_RADIUS_METERS, LATITUDE_MAX, Place, STEPS};

/// Half of the way around the world, on a flat map.
const MAP_MAX: f64 = 20_037_726.37;

/// All that is near a place.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// The place.
    pub center: Place,
    /// What is near.
    pub shape: Shape,
}

/// What is near a place, in meters.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// What is not farther away.
    Circle {
        /// How far it may be.
        radius: f64,
    },
    /// What is between two meridians and two circles of latitude.
    Box {
        /// How far these meridians are apart.
        width: f64,
        /// How far these circles are apart.
        height: f64,
    },
}

impl Area {
    /// How many meters a place is from the middle, if it is within.
    pub fn distance(&self, place: Place) -> Option<f64> {
        let center = self.center;
        let within = match self.shape {
            Shape::Circle { radius } => center.meters_to(place) <= radius,
            Shape::Box { width, height } => {
                let beside = Place { longitude: center.longitude, ..place };
                place.meters_north_to(center) <= height / 2.0
                    && place.meters_to(beside) <= width / 2.0
            }
        };
        within.then(|| center.meters_to(place))
    }

    /// Ranges of scores, the last ones not included, that hold all that is within, and more.
    /// They come in the order in which Redis looks at them.
    pub fn ranges(&self) -> Vec<(f64, f64)> {
        let mut cells: Vec<Cell> = Vec::new();
        let mut last = 0;
        let around = self.cells();
        for (at, cell) in around.iter().enumerate() {
            let Some(cell) = cell else { continue };
            // In a large area there are fewer cells than sides to look to.
            if last > 0 && around.get(last) == Some(&Some(*cell)) {
                continue;
            }
            cells.push(*cell);
            last = at;
        }
        cells.into_iter().map(Cell::scores).collect()
    }

    /// The cell in the middle and those around it, as far as they are needed: north, south,
    /// east, west, and what is between these.
    fn cells(&self) -> [Option<Cell>; 9] {
        let [low, high] = self.bounds();
        let mut steps = self.steps();
        let mut cell = Cell::of(self.center, steps, LATITUDE_MAX);
        let corner = |cell: Cell, side: usize| {
            let [first, last] = cell.corners();
            if side == 0 { first } else { last }
        };
        let too_small = corner(cell.beside(0, 1), 1).latitude < high.latitude
            || corner(cell.beside(0, -1), 0).latitude > low.latitude
            || corner(cell.beside(1, 0), 1).longitude < high.longitude
            || corner(cell.beside(-1, 0), 0).longitude > low.longitude;
        if steps > 1 && too_small {
            steps -= 1;
            cell = Cell::of(self.center, steps, LATITUDE_MAX);
        }
        let [first, last] = cell.corners();
        let all = steps < 2;
        let north = all || last.latitude <= high.latitude;
        let south = all || first.latitude >= low.latitude;
        let east = all || last.longitude <= high.longitude;
        let west = all || first.longitude >= low.longitude;
        let side = |needed: bool, east, north| needed.then(|| cell.beside(east, north));
        [
            Some(cell),
            side(north, 0, 1),
            side(south, 0, -1),
            side(east, 1, 0),
            side(west, -1, 0),
            side(north && east, 1, 1),
            side(north && west, -1, 1),
            side(south && east, 1, -1),
            side(south && west, -1, -1),
        ]
    }

    /// The corners of what is within, about.
    fn bounds(&self) -> [Place; 2] {
        let Place { longitude, latitude } = self.center;
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let up = (height / EARTH_RADIUS_METERS).to_deg();
        // Meridians are farthest apart on the side of the equator, but it is the other that
        // is looked at.
        let edge = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = (width / EARTH_RADIUS_METERS / edge.to_rad().cos()).to_deg();
        [
            Place { longitude: longitude - aside, latitude: latitude - up },
            Place { longitude: longitude + aside, latitude: latitude + up },
        ]
    }

    /// How often to halve the world so that a cell is about as large as what is within.
    fn steps(&self) -> u32 {
        let mut meters = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                (width / 2.0 * (width / 2.0) + height / 2.0 * (height / 2.0)).sqrt()
            }
        };
        if meters == 0.0 {
            return STEPS;
        }
        let mut steps = 1i32;
        // Less than this is not told from more steps than there are.
        while meters < MAP_MAX && steps < 64 {
            meters *= 2.0;
            steps += 1;
        }
        let poles = [66.0, 80.0].iter().filter(|near| self.center.latitude.abs() > **near).count();
        (steps - 2 - poles as i32).clamp(1, STEPS as i32).unsigned_abs()
    }
}
