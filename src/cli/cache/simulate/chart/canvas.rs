//! Lines and areas out of dots, two by four in each character.

use std::ops::Range;

use crate::cli::ink::Ink;

/// How something is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stroke {
    Line,
    Dotted,
    /// Everything below, behind all lines.
    Area,
}

impl Stroke {
    /// A piece of it, for a legend.
    pub(super) fn sample(self, ink: Ink) -> String {
        match self {
            Self::Line => ink.green("⠤⠤⠤"),
            Self::Dotted => "⠄⠠⠀⠄".to_owned(),
            Self::Area => ink.dim("⠅⠅⠅"),
        }
    }
}

/// Characters of dots.
#[derive(Debug)]
pub(super) struct Canvas {
    columns: usize,
    dots_high: usize,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    line: u8,
    dotted: u8,
    area: u8,
}

const DOTS_WIDE: usize = 2;
const DOTS_HIGH: usize = 4;
/// The first pattern of dots; the bits of the others count from here.
const EMPTY: u32 = 0x2800;
/// Which bit each dot of a character is, column by column from above.
const BITS: [[u8; DOTS_HIGH]; DOTS_WIDE] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
/// One dot in so many of a dotted line is seen.
const DOTTED: usize = 4;

impl Canvas {
    pub(super) fn new(columns: usize, rows: usize) -> Self {
        let cells = vec![Cell::default(); columns * rows];
        Self { columns, dots_high: rows * DOTS_HIGH, cells }
    }

    /// Draws values of 0 to 1, evenly spread from the left to the right.
    pub(super) fn draw(&mut self, values: &[f64], stroke: Stroke) {
        let mut before = self.height(values, 0);
        let mut drawn = 0;
        for x in 0..self.columns * DOTS_WIDE {
            let y = self.height(values, x);
            for y in self.column(stroke, before, y) {
                let seen = match stroke {
                    Stroke::Line => true,
                    Stroke::Dotted => drawn % DOTTED == 0,
                    Stroke::Area => x % DOTS_WIDE == 0 && y % 2 == 0,
                };
                drawn += 1;
                if seen {
                    self.dot(x, y, stroke);
                }
            }
            before = y;
        }
    }

    /// Row by row, the characters that show the dots.
    pub(super) fn rows(&self, ink: Ink) -> impl Iterator<Item = String> {
        self.cells.chunks(self.columns.max(1)).map(move |cells| {
            let alike = cells.chunk_by(|a, b| a.stroke() == b.stroke());
            let text = |cells: &[Cell]| cells.iter().filter_map(Cell::letter).collect::<String>();
            let colour = |cells: &[Cell]| match cells.first().map(Cell::stroke) {
                Some(Stroke::Line) => ink.green(&text(cells)),
                Some(Stroke::Area) => ink.dim(&text(cells)),
                _ => text(cells),
            };
            alike.map(colour).collect()
        })
    }

    /// How far below the top a column of dots has its value.
    fn height(&self, values: &[f64], x: usize) -> usize {
        let last = values.len().saturating_sub(1);
        let place = x as f64 / (self.columns * DOTS_WIDE - 1) as f64 * last as f64;
        let at = |index: usize| values.get(index.min(last)).copied().unwrap_or_default();
        let (left, right) = (at(place as usize), at(place as usize + 1));
        let value = left + (right - left) * place.fract();
        ((1.0 - value) * (self.dots_high - 1) as f64).round() as usize
    }

    /// Which dots of a column belong to it: a line goes on where it was before.
    fn column(&self, stroke: Stroke, before: usize, y: usize) -> Range<usize> {
        match stroke {
            Stroke::Area => y..self.dots_high,
            _ if y > before => before + 1..y + 1,
            _ if y < before => y..before,
            _ => y..y + 1,
        }
    }

    fn dot(&mut self, x: usize, y: usize, stroke: Stroke) {
        let column = BITS.get(x % DOTS_WIDE);
        let bit = column.and_then(|column| column.get(y % DOTS_HIGH)).copied().unwrap_or_default();
        if let Some(cell) = self.cells.get_mut(y / DOTS_HIGH * self.columns + x / DOTS_WIDE) {
            match stroke {
                Stroke::Line => cell.line |= bit,
                Stroke::Dotted => cell.dotted |= bit,
                Stroke::Area => cell.area |= bit,
            }
        }
    }
}

impl Cell {
    /// What is in front.
    fn stroke(&self) -> Stroke {
        match self {
            Self { line: 1.., .. } => Stroke::Line,
            Self { dotted: 1.., .. } => Stroke::Dotted,
            _ => Stroke::Area,
        }
    }

    fn letter(&self) -> Option<char> {
        let dots = match self.stroke() {
            Stroke::Area => self.area,
            _ => self.line | self.dotted,
        };
        // An empty pattern is drawn by some fonts; a space by none.
        if dots == 0 { Some(' ') } else { char::from_u32(EMPTY + u32::from(dots)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], stroke: Stroke, expected: [&str; 2]) {
        let mut canvas = Canvas::new(4, 2);
        canvas.draw(values, stroke);
        assert_eq!(canvas.rows(Ink::for_output()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_become_dots() {
        check(&[1.0, 1.0], Stroke::Line, ["⠉⠉⠉⠉", "    "]);
        check(&[0.0], Stroke::Line, ["    ", "⣀⣀⣀⣀"]);
        check(&[1.0, 0.0], Stroke::Line, ["⠑⢄  ", "  ⠑⢄"]);
        check(&[0.0, 1.0], Stroke::Line, ["  ⡠⠊", "⡠⠊  "]);
        check(&[0.5, 0.5], Stroke::Dotted, ["    ", "⠁ ⠁ "]);
        check(&[0.5, 0.5], Stroke::Area, ["    ", "⠅⠅⠅⠅"]);
        check(&[], Stroke::Line, ["    ", "⣀⣀⣀⣀"]);
    }

    #[test]
    fn a_fall_is_one_line() {
        check(&[1.0, 1.0, 0.0, 0.0], Stroke::Line, ["⠉⠱⡀ ", "  ⢣⣀"]);
    }

    #[test]
    fn lines_are_in_front_of_areas() {
        let mut canvas = Canvas::new(2, 1);
        canvas.draw(&[1.0, 1.0], Stroke::Area);
        canvas.draw(&[1.0, 1.0], Stroke::Line);
        assert_eq!(canvas.rows(Ink::for_output()).collect::<Vec<_>>(), ["⠉⠉"]);
    }
}
