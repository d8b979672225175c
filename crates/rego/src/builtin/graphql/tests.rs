//! Questions that can be asked of a schema, and that can not.

use super::super::tests::call;
use super::*;

const SCHEMA: &str = r#"
    type Query { me: User, find(id: ID!, limit: Int = 10): Found, pets(kinds: [Kind!]): [Pet!]! }
    type Mutation { rename(input: Naming!): User }
    type Subscription { news: String, olds: String }
    type User implements Named { name: String!, age: Int, friends(first: Int): [User] }
    interface Named { name: String! }
    interface Pet { name: String }
    type Dog implements Pet { name: String, barks: Boolean }
    type Cat implements Pet { name: String, lives: Int }
    union Found = User | Dog
    enum Kind { DOG CAT }
    input Naming { name: String!, times: Int = 1, kind: Kind }
    directive @twice repeatable on FIELD
"#;

/// The first thing wrong with a query asked of the schema.
fn wrong(query: &str) -> String {
    match call("graphql.parse", &[query.into(), SCHEMA.into()]) {
        Ok(_) => String::new(),
        Err(Failure::Broken(why)) => why.lines().next().unwrap().to_owned(),
        Err(other) => panic!("{query}: {other:?}"),
    }
}

#[test]
fn what_can_be_asked_is_valid() {
    let queries = [
        "{ me { name } }",
        "query Q($id: ID!) { find(id: $id) { ... on User { name } ... on Dog { barks } } }",
        "query Q($id: ID = 4) { find(id: $id) { __typename } }",
        "mutation { rename(input: {name: \"x\", kind: DOG}) { name } }",
        "{ pets(kinds: [DOG, CAT]) { name ...f } } fragment f on Cat { lives }",
        "{ me { a: name b: name friends(first: 3) { name } } }",
        "query Q($yes: Boolean!) { me { name @include(if: $yes) @twice @twice } }",
        "{ __schema { types { name } } __type(name: \"User\") { kind } }",
        "subscription { news }",
        "query A { me { name } } query B { me { age } }",
    ];
    for query in queries {
        assert_eq!(wrong(query), "", "{query}");
        let valid = call("graphql.is_valid", &[query.into(), SCHEMA.into()]).unwrap();
        assert_eq!(valid, true.into(), "{query}");
    }
}

#[test]
fn what_is_wrong_with_a_question_is_told_with_its_place() {
    let cases = [
        ("{ me { nmae } }", "Cannot query field \"nmae\" on type \"User\". Did you mean \"name\"?"),
        (
            "{ pets { barks } }",
            "Cannot query field \"barks\" on type \"Pet\". Did you mean to use an inline fragment on \"Dog\"?",
        ),
        (
            "{ me }",
            "Field \"me\" of type \"User\" must have a selection of subfields. Did you mean \"me { ... }\"?",
        ),
        (
            "{ me { name { __typename } } }",
            "Field \"name\" must not have a selection since type \"String\" has no subfields",
        ),
        (
            "{ find { __typename } }",
            "Field \"find\" argument \"id\" of type \"ID!\" is required, but it was not provided",
        ),
        ("{ me(x: 1) { name } }", "Unknown argument \"x\" on field \"Query.me\""),
        ("{ find(id: 1, id: 2) { __typename } }", "There can be only one argument named \"id\""),
        (
            "{ find(id: true) { __typename } }",
            "ID cannot represent a non-string and non-integer value: true",
        ),
        (
            "{ find(id: 1, limit: \"x\") { __typename } }",
            "Int cannot represent non-integer value: \"x\"",
        ),
        ("{ find(id: null) { __typename } }", "Expected value of type \"ID!\", found null"),
        ("{ pets(kinds: [BIRD]) { name } }", "Value \"BIRD\" does not exist in \"Kind!\" enum"),
        (
            "mutation { rename(input: {}) { name } }",
            "Field \"Naming.name\" of required type \"String!\" was not provided",
        ),
        (
            "mutation { rename(input: {name: \"a\", nme: 1}) { name } }",
            "Field \"nme\" is not defined by type \"Naming\". Did you mean \"name\"?",
        ),
        (
            "mutation { rename(input: {name: \"a\", name: \"b\"}) { name } }",
            "There can be only one input field named \"name\"",
        ),
        ("{ me { ...f } }", "Unknown fragment \"f\""),
        ("{ me { name } } fragment f on User { name }", "Fragment \"f\" is never used"),
        (
            "{ me { ...f } } fragment f on User { ...f }",
            "Cannot spread fragment \"f\" within itself",
        ),
        (
            "{ me { ...f } } fragment f on User { ...g } fragment g on User { ...f }",
            "Cannot spread fragment \"f\" within itself via \"g\"",
        ),
        (
            "{ me { ... on Dog { barks } } }",
            "Fragment cannot be spread here as objects of type \"User\" can never be of type \"Dog\"",
        ),
        (
            "{ me { ... on Kind { __typename } } }",
            "Fragment cannot condition on non composite type \"Kind\"",
        ),
        ("{ me { ... on Nobody { name } } }", "Unknown type \"Nobody\""),
        ("{ me { name @nope } }", "Unknown directive \"@nope\""),
        (
            "{ me { name @skip(if: true) @skip(if: true) } }",
            "The directive \"@skip\" can only be used once at this location",
        ),
        ("query @skip(if: true) { me { name } }", "Directive \"@skip\" may not be used on QUERY"),
        ("query ($a: Int) { me { name } }", "Variable \"$a\" is never used"),
        ("{ me { friends(first: $a) { name } } }", "Variable \"$a\" is not defined"),
        (
            "query Q($a: String) { me { friends(first: $a) { name } } }",
            "Variable \"$a\" of type \"String\" used in position expecting type \"Int\"",
        ),
        (
            "query ($a: User) { me { friends(first: $a) { name } } }",
            "Variable \"$a\" of type \"User\" used in position expecting type \"Int\"",
        ),
        (
            "query ($a: Int, $a: Int) { me { friends(first: $a) { name } } }",
            "Variable \"$a\" is never used",
        ),
        (
            "query A { me { name } } query A { me { name } }",
            "There can be only one operation named \"A\"",
        ),
        (
            "{ me { name } } query A { me { name } }",
            "This anonymous operation must be the only defined operation",
        ),
        (
            "subscription { news olds }",
            "Anonymous Subscription must select only one top level field",
        ),
        (
            "{ me { a: name a: age } }",
            "Fields \"a\" conflict because \"name\" and \"age\" are different fields. Use different aliases on the fields to fetch both if this was intentional",
        ),
        (
            "{ me { friends(first: 1) { name } friends(first: 2) { name } } }",
            "Fields \"friends\" conflict because they have differing arguments. Use different aliases on the fields to fetch both if this was intentional",
        ),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "Maximum introspection depth exceeded",
        ),
    ];
    for (query, expected) in cases {
        let told = wrong(query);
        assert!(told.starts_with(expected), "{query}: {told}");
        let answer = call("graphql.parse_and_verify", &[query.into(), SCHEMA.into()]).unwrap();
        assert_eq!(answer.get(&0.into()), Some(&false.into()), "{query}");
    }
    let told = wrong("{\n  me { name(x: 1) }\n}");
    assert!(told.ends_with("in GraphQL query string at location 2:8"), "{told}");
}

#[test]
fn a_schema_has_to_fit_together() {
    let cases = [
        ("type A { b: B }", false),
        ("type A { a: A }", true),
        ("extend type A { a: Int }", true),
        ("type A", false),
        ("type A { a: Int a: Int }", false),
        ("type A { __a: Int }", false),
        ("type A { a(x: A): Int }", false),
        ("input I { i: I! }", false),
        ("input I { i: I }", true),
        ("input I { j: J! } input J { i: I! }", false),
        ("enum E { true }", false),
        ("enum E { A A }", false),
        ("union U = Int", false),
        ("type A { a: Int } union U = A | A", false),
        ("type A { a: Int } type A { a: Int }", false),
        ("type A { a: Int } extend enum A { X }", false),
        ("interface I { a: Int! } type A implements I { a: Int }", false),
        ("interface I { a: Int } type A implements I { a: Int! }", true),
        ("interface I { a(x: Int): Int } type A implements I { a: Int }", false),
        ("interface I { a: Int } type A implements I { a(x: Int!): Int }", false),
        ("interface I { a: [I] } type A implements I { a: [A] }", true),
        ("schema { query: Q } type Q { a: Int }", true),
        ("schema { query: Q }", false),
        ("schema { query: Q } schema { query: Q } type Q { a: Int }", false),
        ("directive @d on FIELD type A { a: Int @d }", false),
        ("directive @d on FIELD_DEFINITION type A { a: Int @d }", true),
        ("directive @d on FIELD directive @d on FIELD", false),
        ("directive @d(x: Int @d) on ARGUMENT_DEFINITION", false),
        ("directive @skip(if: Boolean!) on FIELD", true),
        ("type A { a: Int @deprecated(why: \"x\") }", false),
    ];
    for (schema, expected) in cases {
        let answer = call("graphql.schema_is_valid", &[schema.into()]).unwrap();
        assert_eq!(answer, expected.into(), "{schema}");
        let tree = call("graphql.parse_schema", &[schema.into()]).unwrap();
        let answer = call("graphql.schema_is_valid", &[tree]).unwrap();
        assert_eq!(answer, expected.into(), "{schema} as a tree");
    }
}

#[test]
fn trees_are_shown_as_opa_shows_them() {
    let cases = [
        (
            "graphql.parse_query",
            "query Q($a: [Int!] = [1]) @d { x: y(a: {b: $a}) ...f ... on T { z } }",
            r#"{"Operations":[{"Directives":[{"Location":"","Name":"d"}],"Name":"Q","Operation":"query","SelectionSet":[{"Alias":"x","Arguments":[{"Name":"a","Value":{"Children":[{"Name":"b","Value":{"ExpectedTypeHasDefault":false,"Kind":0,"Raw":"a"}}],"ExpectedTypeHasDefault":false,"Kind":9,"Raw":""}}],"Name":"y"},{"Name":"f"},{"SelectionSet":[{"Alias":"z","Name":"z"}],"TypeCondition":"T"}],"VariableDefinitions":[{"DefaultValue":{"Children":[{"Name":"","Value":{"ExpectedTypeHasDefault":false,"Kind":1,"Raw":"1"}}],"ExpectedTypeHasDefault":false,"Kind":8,"Raw":""},"Type":{"Elem":{"NamedType":"Int","NonNull":true},"NamedType":"","NonNull":false},"Used":false,"Variable":"a"}]}]}"#,
        ),
        (
            "graphql.parse_schema",
            "\"says\" enum E { A } extend schema { query: Q } union U = A | B",
            r#"{"Definitions":[{"BuiltIn":false,"Description":"says","EnumValues":[{"Description":"","Name":"A"}],"Kind":"ENUM","Name":"E"},{"BuiltIn":false,"Description":"","Kind":"UNION","Name":"U","Types":["A","B"]}],"SchemaExtension":[{"Description":"","OperationTypes":[{"Operation":"query","Type":"Q"}]}]}"#,
        ),
    ];
    for (function, text, expected) in cases {
        let tree = call(function, &[text.into()]).unwrap();
        assert_eq!(crate::value::json::write(&tree), expected, "{text}");
    }
}

#[test]
fn what_can_not_be_read_is_told_with_its_place() {
    let deep = format!("{}a", "{a".repeat(5000));
    let cases = [
        (
            "graphql.parse_query",
            "{",
            "Expected Name, found <EOF> in GraphQL string at location 1:2",
        ),
        (
            "graphql.parse_query",
            "query A { }",
            "expected at least one definition, found } in GraphQL string at location 1:11",
        ),
        (
            "graphql.parse_query",
            "query A($x: Int = $y) { a }",
            "Unexpected $ in GraphQL string at location 1:19",
        ),
        (
            "graphql.parse_query",
            &deep,
            "too many parts inside of one another in GraphQL string at location 1:257",
        ),
        (
            "graphql.parse_schema",
            "type A { a: Int",
            "Expected Name, found <EOF> in GraphQL string at location 1:16",
        ),
        (
            "graphql.parse_schema",
            "what A",
            "Unexpected Name \"what\" in GraphQL string at location 1:1",
        ),
        (
            "graphql.parse_schema",
            "directive @a on HERE",
            "Unexpected Name \"HERE\" in GraphQL string at location 1:17",
        ),
    ];
    for (function, text, expected) in cases {
        match call(function, &[text.into()]) {
            Err(Failure::Broken(why)) => assert_eq!(why, expected, "{text:.40}"),
            other => panic!("{text:.40}: {other:?}"),
        }
    }
}

#[test]
fn fragments_that_use_one_another_come_to_an_end() {
    let mut query = String::from("{ me { ...f0 } }");
    for place in 0..60 {
        let next = (0..60).map(|next| format!("...f{next} ")).collect::<String>();
        query.push_str(&format!(" fragment f{place} on User {{ friends {{ {next} name }} }}"));
    }
    match call("graphql.is_valid", &[query.as_str().into(), SCHEMA.into()]) {
        Ok(answer) => assert_eq!(answer, false.into()),
        Err(Failure::Halted(_)) => {}
        Err(other) => panic!("{other:?}"),
    }
}
