//! What each keyword says of a document.

use super::super::tests::call;
use super::*;

/// What is not as it has to be: kinds and places.
fn faults(schema: &str, document: &str) -> Vec<String> {
    let args = [document.into(), schema.into()];
    let answer = call("json.match_schema", &args).unwrap();
    let Some(Value::Array(all)) = answer.get(&1.into()) else { panic!("{answer:?}") };
    assert_eq!(answer.get(&0.into()), Some(&all.is_empty().into()));
    all.iter().map(|fault| fault.get_text("error").unwrap().as_text().unwrap().to_owned()).collect()
}

#[test]
fn each_keyword_is_judged() {
    let cases: [(&str, &str, &[&str]); 44] = [
        (r#"{"type":"integer"}"#, "1.0", &[]),
        (
            r#"{"type":"integer"}"#,
            "1.5",
            &["(root): Invalid type. Expected: integer, given: number"],
        ),
        (
            r#"{"type":["string","null"]}"#,
            "1",
            &["(root): Invalid type. Expected: [string,null], given: integer"],
        ),
        (r#"{"type":"number"}"#, "1", &[]),
        (
            r#"{"properties":{"a":{"properties":{"b":{"type":"string"}}}}}"#,
            r#"{"a":{"b":1}}"#,
            &["a.b: Invalid type. Expected: string, given: integer"],
        ),
        (r#"{"required":["a","b"]}"#, r#"{"a":1}"#, &["(root): b is required"]),
        (r#"{"required":["a"]}"#, "[]", &[]),
        (
            r#"{"additionalProperties":false,"properties":{"a":{}},"patternProperties":{"^x":{}}}"#,
            r#"{"a":1,"xy":1,"b":1}"#,
            &["(root): Additional property b is not allowed"],
        ),
        (
            r#"{"additionalProperties":{"type":"null"}}"#,
            r#"{"a":1}"#,
            &["a: Invalid type. Expected: null, given: integer"],
        ),
        (
            r#"{"patternProperties":{"^x":{"type":"null"}}}"#,
            r#"{"xa":1}"#,
            &["xa: Invalid type. Expected: null, given: integer"],
        ),
        (
            r#"{"propertyNames":{"maxLength":1}}"#,
            r#"{"ab":1}"#,
            &[
                "(root): Property name of \"ab\" does not match",
                "(root): String length must be less than or equal to 1",
            ],
        ),
        (r#"{"dependencies":{"a":["b"]}}"#, r#"{"a":1}"#, &["(root): Has a dependency on b"]),
        (r#"{"dependencies":{"a":{"required":["b"]}}}"#, r#"{"a":1}"#, &["(root): b is required"]),
        (r#"{"minProperties":1}"#, "{}", &["(root): Must have at least 1 properties"]),
        (r#"{"maxProperties":1}"#, r#"{"a":1,"b":2}"#, &["(root): Must have at most 1 properties"]),
        (
            r#"{"items":{"type":"null"}}"#,
            "[null,1]",
            &["1: Invalid type. Expected: null, given: integer"],
        ),
        (
            r#"{"items":[{"type":"null"}],"additionalItems":false}"#,
            "[null,1]",
            &["(root): No additional items allowed on array"],
        ),
        (
            r#"{"items":[{}],"additionalItems":{"type":"null"}}"#,
            "[1,1]",
            &["1: Invalid type. Expected: null, given: integer"],
        ),
        (r#"{"minItems":1}"#, "[]", &["(root): Array must have at least 1 items"]),
        (r#"{"maxItems":1}"#, "[1,2]", &["(root): Array must have at most 1 items"]),
        (r#"{"uniqueItems":true}"#, "[1,2,1.0]", &["(root): array items[0,2] must be unique"]),
        (r#"{"contains":{"const":1}}"#, "[2,1]", &[]),
        (r#"{"contains":{"const":1}}"#, "[]", &["(root): At least one of the items must match"]),
        (r#"{"multipleOf":0.1}"#, "0.3", &[]),
        (r#"{"multipleOf":2}"#, "3", &["(root): Must be a multiple of 2"]),
        (r#"{"minimum":2}"#, "1", &["(root): Must be greater than or equal to 2"]),
        (r#"{"exclusiveMinimum":2}"#, "2", &["(root): Must be greater than 2"]),
        (r#"{"minimum":2,"exclusiveMinimum":true}"#, "2", &["(root): Must be greater than 2"]),
        (r#"{"maximum":2}"#, "3", &["(root): Must be less than or equal to 2"]),
        (r#"{"exclusiveMaximum":2}"#, "2", &["(root): Must be less than 2"]),
        (
            r#"{"minLength":2}"#,
            "\"ä\"",
            &["(root): String length must be greater than or equal to 2"],
        ),
        (r#"{"pattern":"^a"}"#, "\"b\"", &["(root): Does not match pattern '^a'"]),
        (r#"{"format":"ipv4"}"#, "\"b\"", &["(root): Does not match format 'ipv4'"]),
        (r#"{"format":"ipv4"}"#, "7", &[]),
        (r#"{"enum":["a",1]}"#, "2", &["(root): (root) must be one of the following: \"a\", 1"]),
        (r#"{"const":"a"}"#, "2", &["(root): (root) does not match: \"a\""]),
        (
            r#"{"anyOf":[{"type":"null"},{"type":"string"}]}"#,
            "2",
            &[
                "(root): Must validate at least one schema (anyOf)",
                "(root): Invalid type. Expected: null, given: integer",
            ],
        ),
        (r#"{"oneOf":[{},{}]}"#, "2", &["(root): Must validate one and only one schema (oneOf)"]),
        (
            r#"{"allOf":[{},{"type":"null"}]}"#,
            "2",
            &[
                "(root): Invalid type. Expected: null, given: integer",
                "(root): Must validate all the schemas (allOf)",
            ],
        ),
        (r#"{"not":{}}"#, "2", &["(root): Must not validate the schema (not)"]),
        (
            r#"{"if":{"const":2},"then":false,"else":true}"#,
            "2",
            &[
                "(root): Must validate \"then\" as \"if\" was valid",
                "(root): False always fails validation",
            ],
        ),
        (
            r##"{"definitions":{"a":{"type":"null"}},"items":{"$ref":"#/definitions/a"}}"##,
            "[1]",
            &["0: Invalid type. Expected: null, given: integer"],
        ),
        (
            r##"{"properties":{"next":{"$ref":"#"}},"required":["id"]}"##,
            r#"{"id":1,"next":{}}"#,
            &["next: id is required"],
        ),
        (
            r##"{"items":{"$ref":"#n"},"definitions":{"x":{"$id":"#n","type":"null"}}}"##,
            "[1]",
            &["0: Invalid type. Expected: null, given: integer"],
        ),
    ];
    for (schema, document, expected) in cases {
        assert_eq!(faults(schema, document), expected, "{schema} {document}");
    }
}

#[test]
fn what_is_no_schema_is_told() {
    let cases = [
        ("{}", None),
        ("true", None),
        (
            r#"{"type":"thing"}"#,
            Some(
                "jsonschema: has a primitive type that is NOT VALID -- given: /thing/ Expected valid values are:[array boolean integer number null object string]",
            ),
        ),
        (r#"{"type":["null","null"]}"#, Some("jsonschema: null type is duplicated")),
        (r#"{"properties":1}"#, Some("jsonschema: properties must be of type object")),
        (r#"{"minLength":-1}"#, Some("jsonschema: minLength must be greater than or equal to 0")),
        (
            r#"{"minLength":2,"maxLength":1}"#,
            Some("jsonschema: minLength cannot be greater than maxLength"),
        ),
        (r#"{"pattern":"("}"#, Some("jsonschema: pattern must be a valid regex")),
        (r#"{"required":["a","a"]}"#, Some("jsonschema: required items must be unique")),
        (r#"{"multipleOf":0}"#, Some("jsonschema: multipleOf must be strictly greater than 0")),
        (r##"{"$ref":"#/definitions/a"}"##, Some("jsonschema: Object has no key 'definitions'")),
        (
            r#"{"$ref":"http://example.com/a"}"#,
            Some("jsonschema: remote reference loading disabled: http://example.com/a"),
        ),
        ("[]", Some("jsonschema: Expected: schema, given: Invalid JSON")),
        ("{", Some("jsonschema: invalid JSON string")),
    ];
    for (schema, expected) in cases {
        let answer = call("json.verify_schema", &[schema.into()]).unwrap();
        let expected = expected.map_or(Value::Null, Value::from);
        assert_eq!(answer.get(&1.into()), Some(&expected), "{schema}");
        assert_eq!(answer.get(&0.into()), Some(&(expected == Value::Null).into()), "{schema}");
    }
}

#[test]
fn a_schema_that_only_leads_to_itself_comes_to_an_end() {
    let args = ["1".into(), r##"{"$ref":"#"}"##.into()];
    assert!(matches!(call("json.match_schema", &args), Err(Failure::Halted(_))));
    let deep = format!("{}{}", r#"{"not":"#.repeat(300), "{}".to_owned() + &"}".repeat(300));
    let answer = call("json.verify_schema", &[deep.as_str().into()]).unwrap();
    assert_eq!(answer.get(&0.into()), Some(&false.into()));
}
