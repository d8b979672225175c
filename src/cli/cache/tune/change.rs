//! Advice as a diff of the configuration.
//!
//! What nobody said in the file is added, with what holds now behind it; everything else
//! in the file stays as it was written.

use flow::question::cache::Advised;
use flow::question::cache::advice::Advice;
use flow::unit::Span;
use flow::{Code, Kind, Result};
use similar::TextDiff;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

pub(in crate::cli::cache) static UNREADABLE: Code = Code::new(
    Kind::Invalid,
    "cli-cache-tune-file",
    "The configuration file cannot be changed",
    "mend what `stockade config check` says of it, or name another with `--config FILE`",
);

/// A file there is no other name for.
const FILE: &str = "stockade.toml";

/// What is said of a value that has no rule yet.
const NOT_SET: &str = "not set";

/// Lives of single tiers, which go before `ttl` of the same section.
const LIVES: [&str; 3] = ["memory_ttl", "l2_ttl", "l3_ttl"];

/// A configuration file.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

/// What would have to change in the file, or where there is none, in its sections.
pub(super) fn diff(file: Option<&File>, namespaces: &[Advised]) -> Result<String> {
    let before = match file {
        Some(file) => file.text.clone(),
        None => as_it_is(namespaces),
    };
    let mut document = parsed(&before)?;
    for one in namespaces {
        let section = section(&mut document, &path(one), !one.advice.is_empty());
        if let Some(section) = section {
            one.advice.iter().for_each(|advice| change(section, advice));
        }
    }
    let after = document.to_string();
    let name = file.map_or(FILE, |file| &file.name);
    Ok(match before == after {
        true => String::new(),
        false => {
            TextDiff::from_lines(&before, &after).unified_diff().header(name, name).to_string()
        }
    })
}

fn parsed(text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|error| UNREADABLE.error("the file is no TOML").because(error))
}

/// The sections as they would be with what holds now.
fn as_it_is(namespaces: &[Advised]) -> String {
    let mut document = DocumentMut::new();
    for one in namespaces {
        let said = || one.advice.iter().filter(|advice| advice.from != NOT_SET);
        if let Some(section) = section(&mut document, &path(one), !one.advice.is_empty()) {
            said().for_each(|advice| put(section, &advice.setting, typed(&advice.from)));
        }
    }
    document.to_string()
}

/// A name may have dots in it, so the section is not simply cut at its dots.
fn path(one: &Advised) -> Vec<&str> {
    const RULED: &str = "cache.namespaces.";
    match one.section.strip_prefix(RULED) {
        Some(name) => RULED.trim_end_matches('.').split('.').chain([name]).collect(),
        None => one.section.split('.').collect(),
    }
}

/// The section at this path; made where it is wanted and not there.
fn section<'d>(
    document: &'d mut DocumentMut,
    path: &[&str],
    wanted: bool,
) -> Option<&'d mut dyn TableLike> {
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (index, step) in path.iter().enumerate() {
        if wanted && table.get(step).is_none() {
            let mut made = Table::new();
            made.set_implicit(index + 1 < path.len());
            table.insert(step, Item::Table(made));
        }
        table = table.get_mut(step)?.as_table_like_mut()?;
    }
    Some(table)
}

fn change(section: &mut dyn TableLike, advice: &Advice) {
    let Advice { setting, from, to, .. } = advice;
    let same = |item: &Item| {
        let written = item.as_str().and_then(|text| text.parse::<Span>().ok());
        written.is_some() && written == from.parse().ok()
    };
    let is_life = |name: &&&str| section.get(name).is_some_and(same);
    let lives: Vec<_> = LIVES.iter().filter(is_life).collect();
    if setting == "ttl" && !lives.is_empty() {
        lives.iter().for_each(|name| put(section, name, typed(to)));
        if !section.get("ttl").is_some_and(same) {
            return;
        }
    }
    let mut value = typed(to);
    if !is_said(section, setting) && from != NOT_SET {
        value.decor_mut().set_suffix(format!(" # now {from}"));
    }
    put(section, setting, value);
}

fn is_said(section: &dyn TableLike, setting: &str) -> bool {
    match setting.split_once('.') {
        None => section.contains_key(setting),
        Some((outer, inner)) => {
            let outer = section.get(outer).and_then(Item::as_table_like);
            outer.is_some_and(|outer| is_said(outer, inner))
        }
    }
}

/// Sets `a.b` to a value, with what stood around the value before.
fn put(table: &mut dyn TableLike, setting: &str, mut value: Value) {
    if let Some((outer, inner)) = setting.split_once('.') {
        if table.get(outer).is_none() {
            let mut made = Table::new();
            made.set_dotted(true);
            table.insert(outer, Item::Table(made));
        }
        if let Some(outer) = table.get_mut(outer).and_then(Item::as_table_like_mut) {
            put(outer, inner, value);
        }
        return;
    }
    match table.get_mut(setting).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => drop(table.insert(setting, Item::Value(value))),
    }
}

/// A value as the file has it: `true`, `5`, or text.
fn typed(text: &str) -> Value {
    match (text.parse::<bool>(), text.parse::<i64>()) {
        (Ok(flag), _) => flag.into(),
        (_, Ok(number)) => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(namespace: &str, advice: &[[&str; 3]]) -> Advised {
        let one = |[setting, from, to]: &[&str; 3]| Advice {
            setting: (*setting).into(),
            from: (*from).into(),
            to: (*to).into(),
            why: "seen".into(),
        };
        let section = match namespace {
            "other" => "cache.all".to_owned(),
            name => format!("cache.namespaces.{name}"),
        };
        let advice = advice.iter().map(one).collect();
        Advised { namespace: namespace.into(), section, advice, ..Advised::default() }
    }

    /// The lines that go and come.
    fn check(text: Option<&str>, advice: &[[&str; 3]], expected: &[&str]) {
        let file = text.map(|text| File { name: "s.toml".into(), text: text.into() });
        let diff = diff(file.as_ref(), &[advised("pages", advice), advised("b", &[])]).unwrap();
        let changed = diff.lines().skip(2).filter(|line| line.starts_with(['+', '-']));
        assert_eq!(changed.collect::<Vec<_>>(), expected, "{text:?}\n{diff}");
    }

    #[test]
    fn what_is_said_is_changed_where_it_is_said() {
        let longer = [["ttl", "1m", "2m"]];
        for (text, expected) in [
            (
                "[cache.namespaces.pages]\nttl = \"60s\" # a minute\n",
                &["-ttl = \"60s\" # a minute", "+ttl = \"2m\" # a minute"][..],
            ),
            (
                "[cache.namespaces]\npages = { ttl = '1m', priority = 3 }\n",
                &[
                    "-pages = { ttl = '1m', priority = 3 }",
                    "+pages = { ttl = \"2m\", priority = 3 }",
                ],
            ),
            (
                "cache.namespaces.pages.ttl = \"1m\"\n",
                &["-cache.namespaces.pages.ttl = \"1m\"", "+cache.namespaces.pages.ttl = \"2m\""],
            ),
            // The life of a tier goes before that of all.
            (
                "[cache.namespaces.pages]\nttl = \"1h\"\nmemory_ttl = \"1m\"\n",
                &["-memory_ttl = \"1m\"", "+memory_ttl = \"2m\""],
            ),
        ] {
            check(Some(text), &longer, expected);
        }
    }

    #[test]
    fn what_is_not_said_is_added_with_what_holds_now() {
        let text = "# mine\n[cache.all]\nttl = \"1m\"\n\n[cache.namespaces.pages]\npriority = 3\n";
        check(
            Some(text),
            &[["ttl", "1m", "2m"], ["adaptive.max", "2h", "4h"], ["nothing_ttl", "not set", "30s"]],
            &[
                "+ttl = \"2m\" # now 1m",
                "+adaptive.max = \"4h\" # now 2h",
                "+nothing_ttl = \"30s\"",
            ],
        );
        let added = ["+", "+[cache.namespaces.pages]", "+l2 = false # now true"];
        check(Some("[cache]\ncapacity = \"1GiB\"\n"), &[["l2", "true", "false"]], &added);
    }

    #[test]
    fn without_a_file_the_sections_say_what_holds() {
        let advice = [["quota_bytes", "1MiB", "2MiB"], ["priority", "5", "1"]];
        let lines = ["-quota_bytes = \"1MiB\"", "-priority = 5"];
        let expected = [&lines[..], &["+quota_bytes = \"2MiB\"", "+priority = 1"]].concat();
        check(None, &advice, &expected);
        check(None, &[], &[]);
    }

    #[test]
    fn names_with_dots_stay_whole() {
        let diff = diff(None, &[advised("a.b", &[["ttl", "not set", "0s"]])]).unwrap();
        assert!(diff.contains("[cache.namespaces.\"a.b\"]\n+ttl = \"0s\""), "{diff}");
    }
}
