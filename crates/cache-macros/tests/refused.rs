//! What the compiler says where `#[cached]` cannot be.

#[test]
fn what_is_wrong_is_said_where_it_is() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
