use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use flow::Code;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8], format: Format, weights: Weights) -> Result<Trace> {
    let source = Source::unpacked("`here`".to_owned(), Cursor::new(bytes.to_vec()))?;
    Trace::read(source, format, weights)
}

/// Read without weights: the objects.
#[track_caller]
fn check(format: Format, bytes: &[u8], ids: &[u32]) {
    assert_eq!(read(bytes, format, Weights::Unit).unwrap().ids(), ids);
}

/// Read with weights: the objects and their sizes.
#[track_caller]
fn check_sized(format: Format, bytes: &[u8], expected: &[(u32, u64)]) {
    let trace = read(bytes, format, Weights::Sizes).unwrap();
    assert_eq!(trace.iter().collect::<Vec<_>>(), expected);
}

/// What is wrong, with or without weights.
#[track_caller]
fn check_wrong(format: Format, weights: Weights, bytes: &[u8], code: &Code, detail: &str) {
    let error = read(bytes, format, weights).unwrap_err();
    assert_eq!((error.code().name, error.detail()), (code.name, detail));
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn numbers_are_objects_by_first_appearance() {
    check(Format::U32, &numbers(&[7, 9, 7, u32::MAX, 0, 9]), &[0, 1, 0, 2, 3, 1]);
    check_wrong(
        Format::U32,
        Weights::Unit,
        &[&*numbers(&[7, 9]), &[1, 2]].concat(),
        &codes::MALFORMED,
        "`here` ends in the middle of a record: expected numbers of 4 bytes, found 10 bytes in all",
    );
    check_wrong(
        Format::U32,
        Weights::Sizes,
        &numbers(&[7]),
        &codes::NO_SIZES,
        "the format `u32` has no sizes",
    );
}

#[test]
fn pairs_are_objects_and_sizes() {
    let pairs = numbers(&[7, 100, 9, 0, 7, 120]);
    check_sized(Format::IdSize, &pairs, &[(0, 100), (1, 0), (0, 120)]);
    check(Format::IdSize, &pairs, &[0, 1, 0]);
    check_wrong(
        Format::IdSize,
        Weights::Sizes,
        &numbers(&[7, 100, 9]),
        &codes::MALFORMED,
        "`here` ends in the middle of a record: expected pairs of two numbers, 8 bytes, found 12 bytes in all",
    );
}

#[test]
fn runs_of_blocks_are_expanded() {
    check(Format::Lis, b"10 3 0 0\n11 2 0 1\r\n\n  5\t1 0 2", &[0, 1, 2, 1, 2, 3]);
    check(Format::Lis, b"18446744073709551615 1 0 0\n1 0 0 0\n", &[0]);
    let expected = "expected four whole numbers `start count ignored n`";
    for (text, line, found) in [
        ("1 1 0 0\n1 2 3\n", 2, "1 2 3"),
        ("\n1 2 3 4 5\n", 2, "1 2 3 4 5"),
        ("one two three four", 1, "one two three four"),
        ("-1 2 0 0", 1, "-1 2 0 0"),
        ("1.5 2 0 0", 1, "1.5 2 0 0"),
        ("99999999999999999999 2 0 0", 1, "99999999999999999999 2 0 0"),
    ] {
        let detail = format!("line {line} of `here`: {expected}, found `{found}`");
        check_wrong(Format::Lis, Weights::Unit, text.as_bytes(), &codes::MALFORMED, &detail);
    }
}

#[test]
fn lines_are_keys_whatever_is_in_them() {
    check(Format::Text, b"a\nb c\na\r\n\nb  c\n\xff\xfe\na", &[0, 1, 0, 2, 3, 0]);
    check_sized(
        Format::Text,
        b"a 10\nb c\t20\na   30\n  a 40 \n",
        &[(0, 10), (1, 20), (0, 30), (0, 40)],
    );
    let expected = "expected a key, a space or tab, and a size in bytes";
    for (text, found) in
        [("a", "a"), ("a b", "a b"), ("a -1", "a -1"), ("a\t1.5", "a\\t1.5"), ("12", "12")]
    {
        let detail = format!("line 1 of `here`: {expected}, found `{found}`");
        check_wrong(Format::Text, Weights::Sizes, text.as_bytes(), &codes::MALFORMED, &detail);
    }
}

#[test]
fn lines_have_an_end() {
    let long = vec![b'x'; 100_000];
    let error = read(&long, Format::Text, Weights::Unit).unwrap_err();
    let shown = "x".repeat(60);
    let detail =
        format!("line 1 of `here`: expected at most 65536 bytes on a line, found `{shown}…`");
    assert_eq!(error.detail(), detail);
}

const LOG: &[u8] = br#"192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5120
192.0.2.1 - ann [21/Nov/2026:10:00:01 +0000] "GET /a?x=1 HTTP/1.1" 200 300 "https://example.com/\"q\"" "curl/8 \"x\""
192.0.2.2 - - [21/Nov/2026:10:00:02 +0000] "POST /a HTTP/1.1" 201 17 "-" "curl/8"
shop.example:443 192.0.2.2 - - [21/Nov/2026:10:00:03 +0000] "HEAD / HTTP/1.1" 200 -
192.0.2.3 - - [21/Nov/2026:10:00:04 +0000] "GET / HTTP/2.0" 304 0 "-" "-"
192.0.2.3 - - [21/Nov/2026:10:00:04 +0000] "-" 400 0 "-" "-"
192.0.2.3 - - [21/Nov/2026:10:00:05 +0000] "\x16\x03\x01 \"" 400 157 "-" "-"
192.0.2.3 - - [21/Nov/2026:10:00:05 +0000] "GET /a?x=1" 200 10
"#;

#[test]
fn a_log_is_what_was_found_and_how_large_it_is() {
    check(Format::AccessLog, LOG, &[0, 1, 0, 0, 1]);
    // What was not modified, not sent or asked for in part counts as the whole answer.
    check_sized(Format::AccessLog, LOG, &[(0, 5120), (1, 300), (0, 5120), (0, 5120), (1, 300)]);
    let trace = read(LOG, Format::AccessLog, Weights::Unit).unwrap();
    assert_eq!((trace.passed_over(), trace.objects(), trace.broken()), (3, 2, 0));
}

#[test]
fn a_few_broken_lines_are_counted() {
    let log = [LOG, LOG, b"\xff\xfe\n", LOG, b"192.0.2.3 - - [21/Nov/2026:10:0"].concat();
    let trace = read(&log, Format::AccessLog, Weights::Unit).unwrap();
    assert_eq!((trace.requests(), trace.broken()), (15, 2));
    let many = [LOG.repeat(10), b"hello\n".repeat(5_000), LOG.repeat(1_000)].concat();
    let error = read(&many, Format::AccessLog, Weights::Unit).unwrap_err();
    assert!(error.detail().starts_with("line 81 of `here`: expected a line"), "{error}");
}

#[test]
fn a_log_in_json_is_told_how_to_be_text() {
    let caddy = br#"{"level":"info","request":{"method":"GET","uri":"/"},"status":200,"size":5}"#;
    let error = read(caddy, Format::AccessLog, Weights::Unit).unwrap_err();
    assert_eq!(error.code(), &codes::MALFORMED);
    assert!(error.advice().contains("jq -r .request.uri"), "{}", error.advice());
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let text = [&b"a\nb\n"[..], &[0x7f, b'E', 0, 0, 0xff].repeat(20)].concat();
    for format in [Format::Text, Format::Lis, Format::AccessLog] {
        let error = read(&text[4..], format, Weights::Unit).unwrap_err();
        let shown = "\\u{7f}E\\0\\0\u{fffd}".repeat(4) + "\\u{7f}";
        let detail = format!("line 1 of `here`: expected text, found `{shown}…`");
        assert_eq!((error.code(), error.detail()), (&codes::MALFORMED, &*detail));
    }
}

#[test]
fn what_is_no_log_is_told_by_its_line() {
    let expected = "expected a line such as `… \"GET /path HTTP/1.1\" 200 512 …`";
    for text in [
        "hello",
        "a - - [x] \"GET / HTTP/1.1",
        "a - - [x] \"GET / HTTP/1.1\"",
        "a - - [x] \"GET / HTTP/1.1\" 200",
        "a - - [x] \"GET / HTTP/1.1\" 20 5",
        "a - - [x] \"GET / HTTP/1.1\" two 5",
        "a - - [x] \"GET / HTTP/1.1\" 200 five",
    ] {
        let log = [LOG, text.as_bytes()].concat();
        let detail = format!("line 9 of `here`: {expected}, found `{text}`");
        check_wrong(Format::AccessLog, Weights::Unit, &log, &codes::MALFORMED, &detail);
    }
    check_wrong(
        Format::AccessLog,
        Weights::Unit,
        b"a - - [x] \"POST / HTTP/1.1\" 200 1\n",
        &codes::EMPTY,
        "none of the 1 requests in `here` is a GET or a HEAD",
    );
}

#[test]
fn nothing_is_no_trace() {
    for format in Format::ALL {
        check_wrong(format, Weights::Unit, b"", &codes::EMPTY, "`here` is empty");
    }
    check_wrong(Format::Text, Weights::Unit, b"\n \r\n", &codes::EMPTY, "`here` is empty");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[test]
fn compression_is_told_by_the_first_bytes() {
    let plain = numbers(&[7, 9, 7]);
    let more = numbers(&[9, 8]);
    for pack in [zstd, gzip] {
        check(Format::U32, &pack(&plain), &[0, 1, 0]);
        // Compressed files may follow each other.
        check(Format::U32, &[pack(&plain), pack(&more)].concat(), &[0, 1, 0, 1, 2]);
        check(Format::Text, &pack(b"a\nb\na"), &[0, 1, 0]);
        check_wrong(Format::U32, Weights::Unit, &pack(b""), &codes::EMPTY, "`here` is empty");
    }
    // Not everything short is compressed.
    check(Format::Text, b"a", &[0]);
}

#[test]
fn what_is_cut_or_broken_is_told() {
    let plain: Vec<u8> =
        (0..200_000_u32).flat_map(|number| (number * 7919).to_le_bytes()).collect();
    for pack in [zstd, gzip] {
        let packed = pack(&plain);
        for cut in [5, packed.len() / 2, packed.len() - 1] {
            let error = read(&packed[..cut], Format::U32, Weights::Unit).unwrap_err();
            assert_eq!(error.code(), &codes::UNREADABLE, "{error}");
            assert!(error.detail().starts_with("`here` cannot be read: "), "{error}");
        }
    }
    let mut broken = zstd(&plain);
    broken[9..60].fill(0xff);
    let error = read(&broken, Format::U32, Weights::Unit).unwrap_err();
    assert_eq!(error.code(), &codes::UNREADABLE, "{error}");
}

#[test]
fn a_window_beyond_all_measure_is_refused() {
    // A frame that says it needs a window of 2 GiB; nothing is set aside for it.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8][..], &[0x01, 0x00, 0x00]].concat();
    let error = read(&frame, Format::U32, Weights::Unit).unwrap_err();
    assert_eq!(error.code(), &codes::UNREADABLE, "{error}");
    assert!(error.detail().contains("memory"), "{error}");
}

#[test]
fn a_trace_has_an_end() {
    let text = b"0 5 0 0\n0 18446744073709551615 0 0";
    let detail = "`here` has more than 268435456 requests";
    check_wrong(Format::Lis, Weights::Unit, text, &codes::TOO_LONG, detail);

    let mut requests = Requests::new("`here`", Weights::Sizes);
    (requests.requests_max, requests.objects_max) = (4, 2);
    [7, 8, 7].iter().for_each(|key| requests.add(*key, 1).unwrap());
    let error = requests.add(9, 1).unwrap_err();
    assert_eq!(
        (error.code(), error.detail()),
        (&codes::TOO_LONG, "`here` has more than 2 objects")
    );
    requests.add(8, 1).unwrap();
    let error = requests.add(8, 1).unwrap_err();
    assert_eq!(error.detail(), "`here` has more than 4 requests");
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("none.u32");
    let error = Trace::open(&path, None, Weights::Unit).unwrap_err();
    assert_eq!(error.code(), &codes::UNREADABLE);
    let opening = format!("`{}` cannot be opened: ", path.display());
    assert!(error.detail().starts_with(&opening), "{error}");
    let error = Trace::open(place.path(), None, Weights::Unit).unwrap_err();
    assert_eq!(error.detail(), format!("`{}` is a directory", place.path().display()));
    std::fs::write(&path, numbers(&[3, 3])).unwrap();
    assert_eq!(Trace::open(&path, None, Weights::Unit).unwrap().ids(), [0, 0]);
}

proptest! {
    #[test]
    fn any_bytes_are_a_trace_or_an_error(bytes in vec(any::<u8>(), 0..300), format in 0..5_usize) {
        let prefix: &[&[u8]] = &[b"", &super::source::ZSTD, &super::source::GZIP];
        for prefix in prefix {
            let bytes = [prefix, &*bytes].concat();
            for weights in [Weights::Unit, Weights::Sizes] {
                if let Ok(trace) = read(&bytes, Format::ALL[format], weights) {
                    prop_assert!(trace.requests() > 0 && trace.objects() <= trace.requests());
                }
            }
        }
    }

    #[test]
    fn every_format_says_the_same(keys in vec(0_u32..30, 1..100)) {
        let lines = |line: fn(&u32) -> String| keys.iter().map(line).collect::<String>();
        let expected = Trace::of(keys.iter().map(|key| u64::from(*key))).unwrap();
        for (format, bytes) in [
            (Format::U32, numbers(&keys)),
            (Format::IdSize, keys.iter().flat_map(|key| numbers(&[*key, 5])).collect()),
            (Format::Lis, lines(|key| format!("{key} 1 0 0\n")).into_bytes()),
            (Format::Text, lines(|key| format!("key {key}\n")).into_bytes()),
            (
                Format::AccessLog,
                lines(|key| format!("a - - [x] \"GET /{key} HTTP/1.1\" 200 5\n")).into_bytes(),
            ),
        ] {
            prop_assert_eq!(&read(&bytes, format, Weights::Unit).unwrap(), &expected);
            prop_assert_eq!(&read(&zstd(&bytes), format, Weights::Unit).unwrap(), &expected);
        }
    }
}
