//! Filters of RFC 4515 that go on behind a value; all written for this test.

use super::super::tests::missed;

const FILTERS: &[&str] = &[
    "*)(uid=*",
    "*)(uid=*))(|(uid=*",
    "*)(|(uid=*))",
    "admin)(&)",
    "))%00",
    "admin)(&))",
    "admin)(!(&(|",
    "admin))(|(cn=*",
    "admin*)((|userPassword=*)",
    "*)(objectClass=*",
    "*))%00",
    "x)(cn=*))%00",
    "x)(cn=*)\u{0}",
    "admin)(|(password=*)",
    "*()|%26'",
    "*()|&'",
    "*(|(mail=*))",
    "*(|(objectclass=*))",
    ")(cn=*",
    ")(|(cn=*",
    "*)(!(cn=x",
    "x)(!(uid=0))",
    "(&(uid=x)(cn=*))",
    "(|(uid=*)(cn=*))",
    "(!(uid=x))",
    "(uid=*)",
    "(objectClass=*)",
    "*)(uid>=a",
    "*)(uid~=a",
    "x)(memberOf:1.2.840.113556.1.4.1941:=cn=a",
    "x)(userPassword:2.5.13.18:=\\61",
    "%2a%29%28uid%3d%2a",
    "*)(department=a*",
    "*)(&(objectClass=user",
    "admin)(userPassword=a*",
    "))(|(cn=*",
    "*))(|(cn=*)",
    "*|",
    "*)(|",
    "*)(&",
    "a*)(b=c",
    "x)(sn;lang-en=*)",
    "\\2a)(uid=\\2a",
    "x)(1.2.3.4=*)",
    "!(uid=x)",
    "(*)*)",
    "(*)*))",
    "x(*)*",
    "&(uid=*)",
];

#[test]
fn filters_are_found_that_go_on_behind_a_value() {
    let wrong = missed(&[("filters", FILTERS)]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
