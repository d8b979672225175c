//! Values in texts, as `fmt.Sprintf` of Go puts them there.

mod float;
mod verb;

use num_bigint::BigInt;

use super::{Failure, MADE_MAX};
use crate::value::Value;
use verb::{Directive, write};

/// What is put into a text.
enum Arg<'a> {
    Whole(i64),
    Large(BigInt),
    Float(f64),
    Text(std::borrow::Cow<'a, str>),
}

impl<'a> Arg<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Number(number) => match (number.as_i64(), number.to_digits()) {
                (Some(whole), _) => Self::Whole(whole),
                (None, Some(large)) => Self::Large(large),
                (None, None) if number.as_f64().is_finite() => Self::Float(number.as_f64()),
                (None, None) => Self::Text(number.to_string().into()),
            },
            Value::Text(text) => Self::Text((&**text).into()),
            other => Self::Text(other.to_string().into()),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Whole(_) => "int",
            Self::Large(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }
}

/// How wide or precise a directive may be.
const WIDTH_MAX: usize = 1_000_000;

/// A text with values in it.
pub(super) fn format(format: &str, values: &[Value]) -> Result<String, Failure> {
    let args: Vec<Arg<'_>> = values.iter().map(Arg::of).collect();
    let mut writer = Writer { args: &args, next: 0, reordered: false, text: String::new() };
    let mut rest = format;
    while let Some((plain, directive)) = rest.split_once('%') {
        writer.text.push_str(plain);
        rest = writer.directive(directive);
        if writer.text.len() > MADE_MAX {
            return Err(Failure::Halted("a string is too long"));
        }
    }
    writer.text.push_str(rest);
    writer.extra();
    Ok(writer.text)
}

struct Writer<'a> {
    args: &'a [Arg<'a>],
    next: usize,
    /// Whether a directive named its argument by its place: then none is too many.
    reordered: bool,
    text: String,
}

impl Writer<'_> {
    /// Writes what a directive asks for, and gives back what is behind it.
    fn directive<'t>(&mut self, text: &'t str) -> &'t str {
        let mut directive = Directive::default();
        let mut good = true;
        let mut rest = directive.flags(text);
        rest = self.place(rest, &mut good);
        if let Some(after) = rest.strip_prefix('*') {
            rest = after;
            match self.star() {
                Some(width) if width < 0 => {
                    directive.minus = true;
                    directive.zero = false;
                    directive.width = usize::try_from(width.unsigned_abs()).ok();
                }
                Some(width) => directive.width = usize::try_from(width).ok(),
                None => self.text.push_str("%!(BADWIDTH)"),
            }
        } else {
            (directive.width, rest) = count(rest);
        }
        if let Some(after) = rest.strip_prefix('.') {
            rest = self.place(after, &mut good);
            if let Some(after) = rest.strip_prefix('*') {
                rest = after;
                directive.precision = self.star().and_then(|count| usize::try_from(count).ok());
                if directive.precision.is_none() {
                    self.text.push_str("%!(BADPREC)");
                }
            } else {
                let (precision, after) = count(rest);
                directive.precision = Some(precision.unwrap_or(0));
                rest = after;
            }
        }
        rest = self.place(rest, &mut good);
        let mut chars = rest.chars();
        let Some(verb) = chars.next() else {
            self.text.push_str("%!(NOVERB)");
            return "";
        };
        self.verb(verb, directive, good);
        chars.as_str()
    }

    fn verb(&mut self, verb: char, directive: Directive, good: bool) {
        if verb == '%' {
            self.text.push('%');
            return;
        }
        if !good {
            self.text.push_str(&format!("%!{verb}(BADINDEX)"));
            return;
        }
        let Some(arg) = self.args.get(self.next) else {
            self.text.push_str(&format!("%!{verb}(MISSING)"));
            return;
        };
        self.next += 1;
        write(&mut self.text, verb, directive, arg);
    }

    /// Reads the place of an argument, `[2]`, if there is one.
    fn place<'t>(&mut self, text: &'t str, good: &mut bool) -> &'t str {
        let Some(inside) = text.strip_prefix('[') else { return text };
        self.reordered = true;
        let Some((place, rest)) = inside.split_once(']') else {
            *good = false;
            return inside;
        };
        match place.parse::<usize>().ok().and_then(|place| place.checked_sub(1)) {
            Some(place) if place < self.args.len() => self.next = place,
            _ => *good = false,
        }
        rest
    }

    /// A width or precision that is an argument itself.
    fn star(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next);
        self.next += 1;
        match arg {
            Some(Arg::Whole(count)) if count.unsigned_abs() <= WIDTH_MAX as u64 => Some(*count),
            _ => None,
        }
    }

    /// Names the arguments that nothing asked for.
    fn extra(&mut self) {
        let extra = self.args.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        self.text.push_str("%!(EXTRA ");
        for (place, arg) in extra.iter().enumerate() {
            if place > 0 {
                self.text.push_str(", ");
            }
            self.text.push_str(arg.type_name());
            self.text.push('=');
            write(&mut self.text, 'v', Directive::default(), arg);
        }
        self.text.push(')');
    }
}

/// The number a text begins with, and what is behind it.
fn count(text: &str) -> (Option<usize>, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length).unwrap_or(("", text));
    (digits.parse().ok().filter(|count| *count <= WIDTH_MAX), rest)
}

#[cfg(test)]
mod tests {
    use super::super::tests::answer;
    use crate::Value;
    use crate::value::json::read;

    #[test]
    fn values_are_put_into_texts_as_go_puts_them() {
        for (format, args, expected) in [
            ("hi", "[]", "hi"),
            ("%s and %v", r#"["a", "b"]"#, "a and b"),
            ("%d%%", "[5]", "5%"),
            ("%02d|%5d|%-5d|%+d|% d", "[5, 5, 5, 5, 5]", "05|    5|5    |+5| 5"),
            ("%x %X %#x %o %#o %O %b", "[255, 255, 255, 8, 8, 8, 5]", "ff FF 0xff 10 010 0o10 101"),
            ("%c %q %U %#U", "[65, 65, 65, 65]", "A 'A' U+0041 U+0041 'A'"),
            (
                "%.2f %f %e %g %G",
                "[3.1415, 2.5, 1234.5678, 1e-7, 1.5e300]",
                "3.14 2.500000 1.234568e+03 1e-07 1.5E+300",
            ),
            (
                "%6.2f|%-8.1f|%+.1f|%08.3f",
                "[3.14159, 2.25, 1.5, -3.14159]",
                "  3.14|2.2     |+1.5|-003.142",
            ),
            ("%v %v", "[1.5, 1234567.5]", "1.5 1.2345675e+06"),
            (
                "%v %s %d",
                "[1208925819614629174706175, 1208925819614629174706175, 1208925819614629174706175]",
                "1208925819614629174706175 1208925819614629174706175 1208925819614629174706175",
            ),
            ("%s", "[true]", "true"),
            ("%v", r#"[["there", 5, 3.14]]"#, r#"["there", 5, 3.14]"#),
            ("%s", r#"[{"a": {"b": null}}]"#, r#"{"a": {"b": null}}"#),
            (
                "%q|%10s|%-10s|%.2s|%x|% X",
                r#"["a\"b", "äb", "ab", "äbc", "hi", "hi"]"#,
                "\"a\\\"b\"|        äb|ab        |äb|6869|68 69",
            ),
            ("%d", r#"["a"]"#, "%!d(string=a)"),
            ("%s", "[5]", "%!s(int=5)"),
            ("%d", "[1.5]", "%!d(float64=1.5)"),
            ("%s", "[1.5]", "%!s(float64=1.5)"),
            ("%t", "[true]", "%!t(string=true)"),
            ("%T %T %T %T", r#"[1, 1.5, "a", 1e30]"#, "int float64 string float64"),
            ("%d %d", "[1]", "1 %!d(MISSING)"),
            ("%d", "[1, 2, \"b\"]", "1%!(EXTRA int=2, string=b)"),
            ("%", "[]", "%!(NOVERB)"),
            ("%5", "[]", "%!(NOVERB)"),
            ("%[2]d %[1]d", "[1, 2]", "2 1"),
            ("%[5]d", "[1]", "%!d(BADINDEX)"),
            ("%*d|%-*d|%.*f", "[4, 5, 4, 5, 1, 2.25]", "   5|5   |2.2"),
            ("%z", "[1]", "%!z(int=1)"),
            ("%v", "[2e308]", "2e308"),
            ("%5t|%05s", r#"[1, "ab"]"#, "%!t(int=    1)|000ab"),
        ] {
            let args = read(args.as_bytes()).unwrap();
            let result = answer("sprintf", &[format.into(), args]);
            assert_eq!(read(result.as_bytes()).unwrap(), Value::from(expected), "{format}");
        }
    }
}
