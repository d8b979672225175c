//! What a statement answers.

use std::sync::Arc;

use flow::Result;

use super::codes;
use super::value::{FromValue, Value};

/// The answer to one statement: the rows it gave, and how many it touched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    rows: Vec<Row>,
    touched: u64,
}

impl Rows {
    /// The answer of a statement that gives rows.
    pub(super) fn given(rows: Vec<Row>) -> Self {
        let touched = rows.len() as u64;
        Self { rows, touched }
    }

    /// The answer of a statement that changes rows.
    pub(super) fn changed(touched: u64) -> Self {
        Self { rows: Vec::new(), touched }
    }

    /// How many rows were given, or changed where none are given.
    pub fn touched(&self) -> u64 {
        self.touched
    }

    /// How many rows there are to read.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Row> {
        self.rows.iter()
    }

    /// The first row.
    pub fn first(&self) -> Option<&Row> {
        self.rows.first()
    }

    /// The one row of a statement that always gives one.
    pub fn only(&self) -> Result<&Row> {
        match self.rows.as_slice() {
            [row] => Ok(row),
            rows => Err(codes::NOT_ONE.error(format!("{} rows instead of one", rows.len()))),
        }
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a Row;
    type IntoIter = std::slice::Iter<'a, Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

/// One row. The names of its columns are shared with its siblings.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    columns: Arc<[Box<str>]>,
    values: Vec<Value>,
}

impl Row {
    pub(super) fn new(columns: Arc<[Box<str>]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The value of the column of this name.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let Some(index) = self.columns.iter().position(|name| **name == *column) else {
            return Err(codes::VALUE.error(format!("there is no column `{column}`")));
        };
        self.at(index)
    }

    /// The value of the column at this place, from zero.
    pub fn at<T: FromValue>(&self, index: usize) -> Result<T> {
        let Some(value) = self.values.get(index) else {
            return Err(codes::VALUE.error(format!("there is no column {index}")));
        };
        let kind = value.kind();
        T::from_value(value.clone()).ok_or_else(|| {
            let column = self.columns.get(index).map_or("?", AsRef::as_ref);
            codes::VALUE.error(format!("column `{column}` holds {kind}, or out of range"))
        })
    }

    /// The names of its columns, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(AsRef::as_ref)
    }

    /// All values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}
