//! What a tree shows: places, metadata, JSON.

use rego::syntax::{self, Edition};

use super::{term, v1};

#[test]
fn spans_are_true_to_the_byte() {
    let text = "package a\n\np[ x ] := f(  y ).z if { x := (1 + 2) ; not é }".replace('é', "q");
    let module = v1(&text).unwrap();
    let rule = &module.rules[0];
    let slice = |span| module.source.slice(span);
    assert_eq!(slice(rule.span), "p[ x ] := f(  y ).z if { x := (1 + 2) ; not q }");
    assert_eq!(slice(rule.head.span), "p[ x ] := f(  y ).z");
    assert_eq!(slice(rule.head.reference.span), "p[ x ]");
    assert_eq!(slice(rule.head.value.as_ref().unwrap().span), "f(  y ).z");
    assert_eq!(slice(rule.body[0].span), "x := (1 + 2)");
    assert_eq!(slice(rule.body[1].span), "not q");
    assert_eq!(slice(module.package_span), "package a");
}

#[test]
fn metadata_belongs_to_what_follows() {
    let module = v1(concat!(
        "# METADATA\n# title: all\n# authors:\n# - Jane Doe <jane@example.com>\n# - name: Bob\n",
        "# related_resources:\n# - https://example.com\n",
        "package a\n\n",
        "# plain\n",
        "# METADATA\n# description: |\n#   two\n#   lines\n# custom:\n#   level: yes\n",
        "p := 1\n\n",
        "# METADATA\n# entrypoint: true\n# schemas:\n# - input.x: schema.y\n# - input: {type: object}\n\n# METADATA\n# title: q too\n",
        "q if {\n\ttrue # inside\n}\n",
    ))
    .unwrap();
    let said: Vec<_> = module
        .annotations
        .iter()
        .map(|said| (&*said.scope, said.rule, said.says.clone()))
        .collect();
    let expected = [
        (
            "package",
            None,
            r#"{"scope": "package", "title": "all", "authors": [{"name": "Jane Doe", "email": "jane@example.com"}, {"name": "Bob"}], "related_resources": [{"ref": "https://example.com"}]}"#,
        ),
        (
            "rule",
            Some(0),
            r#"{"scope": "rule", "description": "two\nlines\n", "custom": {"level": "yes"}}"#,
        ),
        (
            "document",
            Some(1),
            r#"{"scope": "document", "entrypoint": true, "schemas": [{"path": ["input", "x"], "schema": ["schema", "y"]}, {"path": ["input"], "definition": {"type": "object"}}]}"#,
        ),
        ("rule", Some(1), r#"{"scope": "rule", "title": "q too"}"#),
    ];
    assert_eq!(said, expected.map(|(scope, rule, says)| (scope, rule, term(says))));
    assert_eq!(module.comments.len(), 2);
    let again = v1(&module.to_string()).unwrap();
    let saying = |module: &syntax::Module| {
        module.annotations.iter().map(|said| (said.says.clone(), said.rule)).collect::<Vec<_>>()
    };
    assert_eq!(saying(&module), saying(&again), "{module}");
}

#[test]
fn the_tree_is_shown_as_json() {
    for (text, expected) in [
        (
            "package a.b\nimport data.c as d\np := x if { not d[x] == 1 }",
            r#"{"package": {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": "a"}, {"type": "string", "value": "b"}]},
            "imports": [{"path": {"type": "ref", "value": [{"type": "var", "value": "data"}, {"type": "string", "value": "c"}]}, "alias": "d"}],
            "rules": [{"head": {"name": "p", "ref": [{"type": "var", "value": "p"}], "assign": true, "value": {"type": "var", "value": "x"}},
              "body": [{"index": 0, "negated": true, "terms": [
                {"type": "ref", "value": [{"type": "var", "value": "equal"}]},
                {"type": "ref", "value": [{"type": "var", "value": "d"}, {"type": "var", "value": "x"}]},
                {"type": "number", "value": 1}]}]}]}"#,
        ),
        (
            "package a\ndefault f(_) := {1}\np contains input",
            r#"{"package": {"path": [{"type": "var", "value": "data"}, {"type": "string", "value": "a"}]},
            "rules": [{"default": true, "head": {"name": "f", "ref": [{"type": "var", "value": "f"}], "assign": true,
                "args": [{"type": "var", "value": "$0"}], "value": {"type": "set", "value": [{"type": "number", "value": 1}]}},
              "body": [{"index": 0, "terms": {"type": "boolean", "value": true}}]},
              {"head": {"name": "p", "ref": [{"type": "var", "value": "p"}], "key": {"type": "ref", "value": [{"type": "var", "value": "input"}]}},
              "body": [{"index": 0, "terms": {"type": "boolean", "value": true}}]}]}"#,
        ),
    ] {
        assert_eq!(syntax::json::module(&v1(text).unwrap()), term(expected), "{text}");
    }
    let template = syntax::json::term(&syntax::term("$\"a{1}{f(x)}\"").unwrap());
    let expected = r#"{"type": "templatestring", "value": {"multi_line": false, "parts": [
      {"type": "string", "value": "a"}, {"type": "number", "value": 1},
      {"index": 0, "terms": [{"type": "ref", "value": [{"type": "var", "value": "f"}]}, {"type": "var", "value": "x"}]}]}}"#;
    assert_eq!(template, term(expected));
    let body = syntax::query("q", "some x in [y | y]; every k, v in {\"a\": 1} { v }", Edition::V1);
    let expected = r#"[
      {"index": 0, "terms": {"symbols": [{"type": "call", "value": [
        {"type": "ref", "value": [{"type": "var", "value": "internal"}, {"type": "string", "value": "member_2"}]},
        {"type": "var", "value": "x"},
        {"type": "arraycomprehension", "value": {"term": {"type": "var", "value": "y"}, "body": [{"index": 0, "terms": {"type": "var", "value": "y"}}]}}]}]}},
      {"index": 1, "terms": {"key": {"type": "var", "value": "k"}, "value": {"type": "var", "value": "v"},
        "domain": {"type": "object", "value": [[{"type": "string", "value": "a"}, {"type": "number", "value": 1}]]},
        "body": [{"index": 0, "terms": {"type": "var", "value": "v"}}]}}]"#;
    assert_eq!(syntax::json::body(&body.unwrap()), term(expected));
}
