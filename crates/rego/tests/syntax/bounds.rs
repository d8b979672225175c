//! How deep and how long a text may be, and what happens to one that breaks off.

use rego::syntax::{self, Edition};

use super::{messages, v1};

#[test]
fn nothing_nests_too_deep_or_takes_too_long() {
    const SIZE: usize = 128 * 1024;
    let closed = |open: &str, close: &str, depth: usize| {
        format!("package a\np := {}1{}", open.repeat(depth), close.repeat(depth))
    };
    let half = "(".repeat(SIZE / 2);
    let texts = [
        "[".repeat(SIZE),
        "(".repeat(SIZE),
        "{".repeat(SIZE),
        "[a|".repeat(SIZE / 3),
        "{a|".repeat(SIZE / 3),
        "{a:b|".repeat(SIZE / 5),
        "{a:".repeat(SIZE / 3),
        "f(".repeat(SIZE / 2),
        "f(x).".repeat(SIZE / 5),
        "a[".repeat(SIZE / 2),
        "a.".repeat(SIZE / 2) + "a",
        "a + ".repeat(SIZE / 4) + "a",
        "a in ".repeat(SIZE / 5) + "a",
        "a, ".repeat(SIZE / 3),
        "$\"{".repeat(SIZE / 3),
        "$\"{x}".repeat(SIZE / 5),
        "\"".repeat(SIZE),
        "`".repeat(SIZE + 1),
        "\"\\".repeat(SIZE / 2),
        "-".repeat(SIZE),
        "not ".repeat(SIZE / 4),
        "x if {every x in y {".repeat(SIZE / 20),
        "1 if {x} ".to_owned() + &"else := 1 if {x} ".repeat(SIZE / 17),
        "1 if {x} ".to_owned() + &"{x} ".repeat(SIZE / 4),
        "#\n".repeat(SIZE / 2),
        "1\n# METADATA".repeat(SIZE / 12),
        half,
    ];
    // What is not linear would take hours with each of these.
    for text in &texts {
        for before in ["package a\np := ", "package a\np if ", "package a\n"] {
            let text = format!("{before}{text}");
            if let Ok(module) = v1(&text) {
                let _ = syntax::json::module(&module);
                let printed = module.to_string();
                assert!(v1(&printed).is_ok());
            }
        }
        let _ = syntax::query("q", text, Edition::V0);
        let _ = syntax::term(text);
    }
    for (open, close) in
        [("[", "]"), ("{", "}"), ("(", ")"), ("[a | x == ", "]"), ("f(", ")"), ("$\"{", "}\"")]
    {
        assert!(v1(&closed(open, close, 60)).is_ok(), "{open}");
        let deep = v1(&closed(open, close, 10_000)).unwrap_err();
        assert!(messages(&deep).contains("max parsing recursion depth exceeded"), "{open}");
        // Whatever is allowed fits on the stack, of whoever reads, shows and forgets it.
        let deepest = (60..600).rev().find(|depth| v1(&closed(open, close, *depth)).is_ok());
        let module = v1(&closed(open, close, deepest.unwrap())).unwrap();
        let _ = syntax::json::module(&module);
        assert!(v1(&module.to_string()).is_ok(), "{open}");
    }
}

#[test]
fn cut_off_anywhere_a_policy_is_refused_or_read_and_never_stops_the_reader() {
    let text = concat!(
        "package a\nimport data.b as c\n# METADATA\n# title: x\np[x] contains y if {\n",
        "\tsome x, y in {\"k\": [1, {z | z := $\"a{b}\\{c\"}]}\n\tevery v in f(x).y { v != -1.5e3 }\n",
        "\tnot q with input as {1 | 2, `raw`}\n} else := \"\\u00e9\" if 1 in [2]\n",
    );
    for end in 0..=text.len() {
        for start in [0, 10, 29] {
            let Some(part) = text.get(start..end) else { continue };
            let _ = v1(part);
            let _ = syntax::query("q", part, Edition::V0);
        }
        let without = format!("{}{}", &text[..end], text.get(end + 1..).unwrap_or_default());
        let _ = v1(&without);
    }
}
