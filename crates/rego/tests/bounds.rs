//! Policies and inputs that try to run for ever, to nest without end or to fill the memory: each
//! comes to an end in time, on the stack any thread has.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use flow::{Clock, Moment};
use rego::builtin::World;
use rego::syntax::{self, Edition};
use rego::value::json;
use rego::{Ask, Options, Program, Value};

/// What threads have that nobody gave more.
const STACK: usize = 2 << 20;

/// An evaluation that was told to end after a second has ended after this, however slow the
/// build and busy the machine.
const ENDED: Duration = Duration::from_secs(20);

/// All cases together take no more than this, in KiB.
const MEMORY_MAX: u64 = 3 << 19;

struct Until {
    clock: Clock,
    end: Moment,
}

impl World for Until {
    fn now(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }

    fn over(&self) -> bool {
        self.clock.moment() >= self.end
    }
}

/// How it went: the length of the answer, or what was wrong.
fn outcome(policy: &str, input: &str) -> Result<usize, String> {
    let module = syntax::module("p.rego", policy, Edition::V1);
    let module = module.map_err(|errors| format!("unread: {}", errors[0]))?;
    let program = Program::compile(vec![Arc::new(module)], Options::default());
    let program = program.map_err(|problems| format!("uncompiled: {}", problems[0]))?;
    let path = [Value::from("p")];
    let _ = program.reads(&path);
    let input = json::read(input.as_bytes()).map_err(|error| format!("no input: {error}"))?;
    let clock = Clock::system();
    let world = Until { end: clock.moment().after(Duration::from_secs(1)), clock };
    let data = Value::object([]);
    let ask = Ask { input: Some(input), data, world: &world, strict: false, steps_max: 3_000_000 };
    let answer = program.document(&path, &ask).map_err(|error| error.to_string())?;
    let same = answer.clone();
    assert_eq!(same, answer);
    Ok(answer.map_or(0, |answer| json::write(&answer).len()))
}

/// Runs a case on a small stack, and says how it went.
fn tried(name: &str, policy: String, input: String) -> Result<usize, String> {
    let clock = Clock::system();
    let begun = clock.moment();
    eprintln!("{name} …");
    let thread = std::thread::Builder::new().stack_size(STACK);
    let went = thread.spawn(move || outcome(&policy, &input)).unwrap().join().unwrap();
    let took = clock.moment().since(begun);
    eprintln!("{name}: {} ms: {went:?}", took.as_millis());
    assert!(took < ENDED, "{name} took {took:?}");
    went
}

/// The most memory this process had, in KiB, where that can be known.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn numbers(count: usize) -> String {
    let items: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    format!("{{\"r\":[{}]}}", items.join(","))
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    })
}

#[test]
fn what_would_run_for_ever_is_ended() {
    let crossed = "package p\nv contains [a, b, c, d] if { some a in input.r; some b in input.r; some c in input.r; some d in input.r }";
    let listed = "package p\nv := [[a, b, c, d] | some a in input.r; some b in input.r; some c in input.r; some d in input.r]";
    let counted = "package p\nv := count([1 | some a in input.r; some b in input.r; some c in input.r; some d in input.r; a + b + c + d < 0])";
    let within = "package p\nv := [x | some a in input.r; x := [y | some b in input.r; y := [z | some c in input.r; z := {w | some w in input.r}]]]";
    let ranges = "package p\nv := [x | some x in numbers.range(1, 10000000); some y in numbers.range(1, 10000000); x == y + 0.5]";
    let endless = "package p\nv if { every a in numbers.range(1, 100000) { every b in numbers.range(1, 100000) { a * b > 0 } } }";
    let walked = "package p\nv := [x | walk(input, [_, a]); walk(input, [_, b]); walk(input, [_, x]); a == b]";
    for (name, policy) in [
        ("a cross product as a set", crossed),
        ("a cross product as a list", listed),
        ("a cross product of nothing", counted),
        ("lists of lists of sets", within),
        ("ranges in ranges", ranges),
        ("every of every", endless),
        ("walks in walks", walked),
    ] {
        let went = tried(name, policy.into(), numbers(1000));
        assert!(went.is_err(), "{name}: {went:?}");
    }
    // What doubles is told to stop when it is large, and does not only come to nothing.
    for (name, first, step) in [
        ("lists of themselves", "[1]", "[x, x]"),
        ("objects of themselves", "{1}", "{\"a\": x, \"b\": x, \"c\": {x}}"),
        ("comprehensions of themselves", "[1]", "[[y, z] | y := x; some z in [x, x]]"),
        ("lists that double", "[1]", "array.concat(x, x)"),
        ("strings that double", "\"a\"", "concat(\"\", [x, x])"),
        ("strings written twice", "\"a\"", "sprintf(\"%s%s\", [x, x])"),
        ("strings put in themselves", "\"aa\"", "replace(x, \"a\", \"aa\")"),
        ("numbers squared", "10", "x * x"),
        (
            "objects united below",
            "{\"c\": {\"a\": 1}}",
            "object.union({\"c\": {\"a\": x}}, {\"c\": {\"b\": x}})",
        ),
        (
            "patches of themselves",
            "{\"a\": {\"a\": 1}}",
            "json.patch({\"a\": {\"a\": x}}, [{\"op\": \"add\", \"path\": \"/a/b\", \"value\": x}])",
        ),
    ] {
        let body =
            lines(64, |n| format!("\tx{} := {}", n + 1, step.replace('x', &format!("x{n}"))));
        let policy = format!(
            "package p\nv := count(sprintf(\"%v\", [x64])) if {{\n\tx0 := {first}\n{body}}}"
        );
        let went = tried(name, policy, "{}".into());
        assert!(!matches!(went, Ok(length) if length > 64), "{name}: {went:?}");
    }
    let many = lines(300, |n| format!("\tx{n} := array.concat(a, [{n}])"));
    let all: Vec<String> = (0..300).map(|n| format!("x{n}")).collect();
    let policy = format!(
        "package p\nv := count(all) if {{\n\ta := numbers.range(1, 4000000)\n{many}\n\tall := [{}]\n}}",
        all.join(", ")
    );
    let went = tried("many large lists", policy, "{}".into());
    assert!(went.is_err(), "{went:?}");
    let many = lines(2000, |n| format!("\tx{n} := sprintf(\"%d%s\", [{n}, a])"));
    let all: Vec<String> = (0..2000).map(|n| format!("x{n}")).collect();
    let policy = format!(
        "package p\nv := count(all) if {{\n\ta := sprintf(\"%1000000d\", [1])\n{many}\n\tall := [{}]\n}}",
        all.join(", ")
    );
    let went = tried("many large strings", policy, "{}".into());
    assert!(went.is_err(), "{went:?}");
    if let Some(peak) = peak() {
        eprintln!("at most {} MiB", peak >> 10);
        assert!(peak < MEMORY_MAX, "{} MiB were taken", peak >> 10);
    }
}

#[test]
fn what_is_absurd_for_one_function_is_no_more_than_a_failure() {
    for (name, term) in [
        ("a range of a million millions", "count(numbers.range(1, 1000000000000))"),
        (
            "a range of everything",
            "count(numbers.range(-9223372036854775808, 9223372036854775807))",
        ),
        ("shifted far", "bits.lsh(1, 1000000000)"),
        ("written wide", "count(sprintf(\"%999999999d\", [1]))"),
        ("repeated", "regex.match(`(a{1000}){1000}`, \"a\")"),
        ("nested repetition", "regex.match(`((((a{30}){30}){30}){30}){30}`, \"a\")"),
        ("an expression of classes", "regex.match(`(\\pL{1,500}){1,500}`, \"a\")"),
        (
            "one that others walk back in",
            "regex.match(`^(a+)+$`, concat(\"\", [x | some _ in numbers.range(1, 50000); x := \"a\"]))",
        ),
        (
            "patterns of globs",
            "glob.match(concat(\"\", [x | some _ in numbers.range(1, 2000); x := \"{a,b}*\"]), [], concat(\"\", [x | some _ in numbers.range(1, 20000); x := \"a\"]))",
        ),
        (
            "reachable from all",
            "count(graph.reachable({n: m | some n in numbers.range(1, 2000); m := numbers.range(1, 2000)}, [1]))",
        ),
        (
            "all paths",
            "count(graph.reachable_paths({n: m | some n in numbers.range(1, 30); m := numbers.range(1, 30)}, [1]))",
        ),
        ("large networks", "count(net.cidr_expand(\"::/0\"))"),
        ("numbers with exponents", "1e30000 * 1e30000 * 1e30000"),
        ("a number that is no end of digits", "to_number(\"1e999999999\")"),
        (
            "nested JSON",
            "json.unmarshal(concat(\"\", [x | some _ in numbers.range(1, 100000); x := \"[\"]))",
        ),
        (
            "nested YAML",
            "yaml.unmarshal(concat(\"\", [x | some _ in numbers.range(1, 100000); x := \"[\"]))",
        ),
        (
            "YAML that laughs",
            "count(sprintf(\"%v\", [yaml.unmarshal(\"a: &a [1,1,1,1,1,1,1,1,1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\\n\")]))",
        ),
        ("similar expressions", "regex.globs_match(\"a.*b.*c.*d.*\", \".*a.*b.*c.*d\")"),
    ] {
        let _ = tried(name, format!("package p\nv := {term}"), "{}".into());
    }
}

#[test]
fn a_function_that_takes_long_is_ended_while_it_works() {
    let text = format!("{{\"text\": \"{}\"}}", "a".repeat(1 << 20));
    let list = numbers(20_000);
    let edits = "[x | some i in input.r; x := {\"op\": \"add\", \"path\": \"/0\", \"value\": i}]";
    for (name, term, input) in [
        ("found", "count(regex.find_n(`[a-z]*!|[a-z]`, input.text, -1))", &text),
        (
            "found in groups",
            "count(regex.find_all_string_submatch_n(`[a-z]*!|[a-z]`, input.text, -1))",
            &text,
        ),
        ("replaced", "count(regex.replace(input.text, `[a-z]*!|[a-z]`, \"b\"))", &text),
        ("split", "count(regex.split(`[a-z]*!|[a-z]`, input.text))", &text),
        ("patched", &format!("count(json.patch(input.r, {edits}))"), &list),
        (
            "multiplied",
            "product([x | some i in numbers.range(1, 100000); x := i / 7]) > 0",
            &"{}".into(),
        ),
        ("summed", "sum([x | some i in numbers.range(1, 900000); x := i / 7])", &"{}".into()),
    ] {
        let went = tried(name, format!("package p\nv := {term}"), input.clone());
        assert!(
            matches!(&went, Err(why) if why.contains("no time left") || why.contains("longer than it may") || why.contains("more steps")),
            "{name}: {went:?}"
        );
    }
}

#[test]
fn what_would_take_long_to_compile_is_refused() {
    let backwards = |count: usize| {
        let lines = lines(count, |n| format!("\ta{} = a{}", count - n, count - n - 1));
        format!("package p\nv := a{count} if {{\n{lines}\ta0 = 1\n}}")
    };
    assert_eq!(tried("backwards", backwards(400), "{}".into()), Ok(7));
    let went = tried("far backwards", backwards(20_000), "{}".into());
    assert!(went.clone().is_err_and(|why| why.contains("write what is needed above")), "{went:?}");
    let parts = |count: usize| ".a".repeat(count);
    for (name, policy) in [
        ("a long place", format!("package p\nv := input{}", parts(3000))),
        ("a long head", format!("package p\nv{} := 1", parts(200_000))),
        ("a long package", format!("package p{}\nv := 1", parts(200_000))),
        ("a long import", format!("package p\nimport data.x{} as y\nv := y", parts(200_000))),
    ] {
        let went = tried(name, policy, "{}".into());
        assert!(went.clone().is_err_and(|why| why.contains("follow in a row")), "{name}: {went:?}");
    }
    let policy = format!("package p\nv := input{}", parts(400));
    assert_eq!(tried("a place that is long enough", policy, "{}".into()), Ok(2));
}

#[test]
fn nothing_nests_beyond_the_stack() {
    let deep = |open: &str, close: &str, depth: usize| {
        format!("{}1{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [300, 500, 5000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let input = deep(open, close, depth);
            for (name, policy) in [
                ("walked", "package p\nv contains x if walk(input, [_, x])"),
                ("copied", "package p\nv := {input: input, \"b\": {input}}"),
                ("written", "package p\nv := json.unmarshal(json.marshal([[[[[[[[input]]]]]]]]))"),
                ("united", "package p\nv := object.union({\"a\": input}, {\"a\": input})"),
                ("yaml", "package p\nv := yaml.unmarshal(yaml.marshal(input))"),
                ("printed", "package p\nv := sprintf(\"%v\", [input])"),
                ("removed", "package p\nv := json.remove(input, [\"0/0\", \"a/a/a\"])"),
                (
                    "removed far down",
                    "package p\nv := json.remove(input, [concat(\"/\", [\"a\" | some _ in numbers.range(1, 200000)])])",
                ),
                (
                    "kept far down",
                    "package p\nv := json.filter(input, [concat(\"/\", [\"a\" | some _ in numbers.range(1, 200000)])])",
                ),
                (
                    "patched in itself",
                    "package p\nv := json.patch({\"a\": input}, [x | some _ in numbers.range(1, 200000); x := {\"op\": \"copy\", \"from\": \"\", \"path\": \"/a\"}])",
                ),
                (
                    "patched in itself and beside",
                    "package p\nv := json.patch({\"a\": input}, [x | some i in numbers.range(1, 200); x := {\"op\": \"copy\", \"from\": \"\", \"path\": [\"/a\", \"/b\"][i % 2]}])",
                ),
                ("with", "package p\nv := x if { x := input.a.a with input.a.a.a.a as 3 }"),
            ] {
                let _ = tried(&format!("{name} {open} {depth}"), policy.into(), input.clone());
            }
        }
    }
    for count in [100, 300, 1000, 10_000] {
        let chain = |line: fn(usize) -> String| {
            format!("package p\nr00000 := 1\n{}", lines(count, |n| line(n + 1)))
        };
        let doubled = (0..24).map(|n| format!("f{}(x) := f{n}(f{n}(x))\n", n + 1));
        let doubled: String = doubled.collect();
        for (name, policy) in [
            ("functions that double", format!("package p\nf0(x) := [x]\n{doubled}v := f24(1)\n")),
            (
                "rules of many keys",
                format!(
                    "package p\nr00000 := 1\n{}",
                    lines(count.min(500), |n| format!(
                        "r{:05}{} := r{n:05}",
                        n + 1,
                        "[\"k\"]".repeat(150)
                    ))
                ),
            ),
            (
                "rules in rules, the last first",
                format!(
                    "package p\nz := 1\n{}",
                    lines(count, |n| match n + 1 < count {
                        true => format!("a{n:05} := a{:05}", n + 1),
                        false => format!("a{n:05} := z"),
                    })
                ),
            ),
            ("rules that nest", chain(|n| format!("r{n:05} := [r{:05}]", n - 1))),
            ("rules that hold objects", chain(|n| format!("r{n:05} := {{\"a\": r{:05}}}", n - 1))),
            ("rules that hold sets", chain(|n| format!("r{n:05} contains r{:05}", n - 1))),
            (
                "rules that are comprehensions",
                chain(|n| format!("r{n:05} := [x | x := r{:05}]", n - 1)),
            ),
            (
                "functions in functions",
                format!(
                    "package p\nf{count:05}(x) := x\nv := f00000(1)\n{}",
                    lines(count, |n| format!("f{n:05}(x) := f{:05}([x])", n + 1))
                ),
            ),
            (
                "functions one after the other",
                format!(
                    "package p\nf(x) := [x]\nv := x{count} if {{\n\tx0 := 1\n{}}}",
                    lines(count, |n| format!("\tx{} := f(x{n})", n + 1))
                ),
            ),
            (
                "lines that nest",
                format!(
                    "package p\nv := x{count} if {{\n\tx0 := 1\n{}}}",
                    lines(count, |n| format!("\tx{} := [x{n}]", n + 1))
                ),
            ),
            (
                "lines that nest by functions",
                format!(
                    "package p\nv := x{count} if {{\n\tx0 := 1\n{}}}",
                    lines(count, |n| format!(
                        "\tx{} := json.patch({{}}, [{{\"op\": \"add\", \"path\": \"a\", \"value\": x{n}}}])",
                        n + 1
                    ))
                ),
            ),
            (
                "lines that go through something",
                format!(
                    "package p\nv := 1 if {{\n{}}}",
                    lines(count, |n| format!("\tsome x{n} in input.r"))
                ),
            ),
            (
                "lines that walk",
                format!(
                    "package p\nv := 1 if {{\n{}}}",
                    lines(count, |n| format!("\twalk(input.w, [_, x{n}])"))
                ),
            ),
            (
                "lines that search",
                format!(
                    "package p\nv := 1 if {{\n{}}}",
                    lines(count, |n| format!("\tdata.q[x{n}] = _"))
                ),
            ),
            (
                "lines with",
                format!(
                    "package p\nf(x) := input.a\nv := 1 if {{\n{}}}",
                    lines(count, |n| format!("\tx{n} := f({n}) with input.a as {n}"))
                ),
            ),
            (
                "rules with",
                format!(
                    "package p\nv := r00000 with input as 1\nr{count:05} := input\n{}",
                    lines(count, |n| format!("r{n:05} := r{:05} with input as [input]", n + 1))
                ),
            ),
            (
                "elses",
                format!(
                    "package p\nv := 1 if false\n{}",
                    lines(count, |n| format!("else := {n} if input.no"))
                ),
            ),
            (
                "many rules of one name",
                format!(
                    "package p\n{}",
                    lines(count, |n| format!("v contains {n} if input.r[_] == {n}"))
                ),
            ),
            (
                "many lines",
                format!(
                    "package p\nv if {{\n{}}}",
                    lines(count, |n| format!("\tinput.r[0] != {}", n + 5))
                ),
            ),
            (
                "many places of the input",
                format!("package p\n{}", lines(count, |n| format!("v contains input.a{n}"))),
            ),
        ] {
            let _ =
                tried(&format!("{name}, {count}"), policy, "{\"r\":[1],\"w\":1,\"a\":0}".into());
        }
    }
}
