//! Columns, and what they are called where a condition is asked.

use flow::question::filter::Target;
use rego::Value;

use super::Refused;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// The table, with its schema before a dot where there is one.
    pub(crate) table: String,
    /// Its name in it.
    pub(crate) name: String,
}

/// What tables and columns are called that policies call otherwise.
#[derive(Debug)]
pub(crate) struct Names<'a>(Option<&'a Value>);

impl<'a> Names<'a> {
    /// The names that hold for a target: its own, those of its kind, or those of all.
    pub(crate) fn of(said: &'a Value, target: Target) -> Result<Self, Refused> {
        let kind = match target {
            Target::Ucast(_) => "ucast",
            Target::Sql(_) => "sql",
        };
        let own = [target.dialect(), kind].into_iter().find_map(|name| said.get(&name.into()));
        let names = match own {
            Some(own) => Some(own),
            None if is_for_others(said) => None,
            None => Some(said),
        };
        names.map(checked).transpose()?;
        Ok(Self(names))
    }

    /// The column of a table, as policies call both.
    pub(crate) fn column(&self, table: &str, name: &str) -> Column {
        let own = self.get(table, "$self").unwrap_or(table);
        let name = self.get(table, name).unwrap_or(name);
        Column { table: own.to_owned(), name: name.to_owned() }
    }

    /// The column that a name alone stands for, where it is said of which table it is.
    pub(crate) fn short(&self, name: &str) -> Option<Column> {
        let table = self.get(name, "$table")?;
        Some(self.column(table, name))
    }

    fn get(&self, table: &str, name: &str) -> Option<&'a str> {
        self.0?.get(&table.into())?.get(&name.into())?.as_text()
    }
}

/// Whether names are said for targets, of which none is this one.
fn is_for_others(said: &Value) -> bool {
    let is_object = |value: &Value| matches!(value, Value::Object(_));
    let of_tables = |value: &Value| match value {
        Value::Object(members) => members.iter().any(|(_, value)| is_object(value)),
        _ => false,
    };
    matches!(said, Value::Object(members) if members.iter().any(|(_, value)| of_tables(value)))
}

/// Names are objects of texts, one for each table.
fn checked(names: &Value) -> Result<(), Refused> {
    let Value::Object(tables) = names else {
        let story = "names are an object of tables, each an object of columns".to_owned();
        return Err(Refused { line: "targetSQLTableMappings".to_owned(), story });
    };
    for (table, columns) in tables.iter() {
        let table = table.as_text().unwrap_or_default();
        let Value::Object(columns) = columns else {
            let story = "the names of a table are an object: `{\"$self\": …}`".to_owned();
            return Err(Refused { line: format!("targetSQLTableMappings.{table}"), story });
        };
        let wrong = columns.iter().find(|(_, value)| value.as_text().is_none());
        if let Some((name, value)) = wrong {
            let name = name.as_text().unwrap_or_default();
            let story = format!("a name is a text, and not of type {}", value.type_name());
            return Err(Refused { line: format!("targetSQLTableMappings.{table}.{name}"), story });
        }
    }
    Ok(())
}
