//! Templates with values in them, as Go's `text/template` reads them: fields, variables,
//! conditions, loops and the functions that compare, count and print. What a template defines
//! for others, and all that could be called on values, is not there and refused.

mod parse;
mod render;

use super::Failure;
use crate::value::Value;

/// One part of a template.
enum Node {
    /// Text as it is.
    Text(String),
    /// A value, printed unless it is put into a variable.
    Print(Pipeline),
    /// What is there if a value is, with what is there if not.
    If(Pipeline, Vec<Node>, Vec<Node>),
    /// As `If`, with the value as that which fields are of.
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// What is there for each member of a value, with what is there if there is none.
    Range(Pipeline, Vec<Node>, Vec<Node>),
}

/// Values by names and commands, each with what the one before came to; and the variables that
/// the result is put into.
struct Pipeline {
    variables: Vec<String>,
    declared: bool,
    commands: Vec<Vec<Term>>,
}

/// A part of a command.
enum Term {
    /// A value itself.
    Value(Value),
    /// The function of a name.
    Function(String),
    /// Fields of what the template stands at.
    Fields(Vec<String>),
    /// Fields of a variable; that without a name is all values.
    Variable(String, Vec<String>),
    /// What is in parentheses, and fields of it.
    Group(Pipeline, Vec<String>),
}

/// A template, rendered with values by their names.
pub(super) fn render(template: &str, values: &Value) -> Result<String, Failure> {
    let nodes = parse::parse(template)
        .map_err(|what| Failure::Broken(format!("the template cannot be read: {what}")))?;
    render::render(&nodes, values)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn templates_are_rendered() {
        let values = r#"{"a": "x", "n": 3, "o": {"b": [1, 2]}, "e": [], "t": true}"#;
        for (template, expected) in [
            ("plain", "plain"),
            ("{{.a}}-{{ .n }}", "x-3"),
            ("{{.missing}}", "<undefined>"),
            ("{{.o.b}} {{.o}}", "[1 2] map[b:[1 2]]"),
            ("a {{- .a -}} b", "axb"),
            ("{{/* note */}}.", "."),
            ("{{if .t}}yes{{else}}no{{end}}", "yes"),
            ("{{if .e}}1{{else if eq .n 3}}2{{else}}3{{end}}", "2"),
            ("{{range .o.b}}<{{.}}>{{end}}", "<1><2>"),
            ("{{range $i, $v := .o.b}}{{$i}}={{$v}}{{$.a}};{{end}}", "0=1x;1=2x;"),
            ("{{range $k, $v := .o}}{{$k}}{{len $v}}{{end}}", "b2"),
            ("{{range .e}}some{{else}}none{{end}}", "none"),
            ("{{with .o}}{{index .b 1}}{{end}}", "2"),
            ("{{$x := .n}}{{if gt $x 2}}{{$x = 9}}{{end}}{{$x}}", "9"),
            (r#"{{printf \"%03d|%s\" .n .a}}"#, "003|x"),
            (r#"{{.a | printf \"%s-%s\" `y`}}"#, "y-x"),
            ("{{and .t (not .e)}} {{or .e .a}}", "true x"),
            (r#"{{eq .a \"y\" \"x\"}} {{ne .n 3}} {{lt 1 2}} {{le 2 2}}"#, "true false true true"),
            (r#"{{print .a .n 4 \"z\"}}"#, "x3 4z"),
            ("{{", "strings.render_template: the template cannot be read: an action does not end"),
            (
                "{{if .a}}",
                "strings.render_template: the template cannot be read: `{{end}}` is missing",
            ),
            ("{{end}}", "strings.render_template: the template cannot be read: `end` ends nothing"),
            ("{{call .a}}", "strings.render_template: function \"call\" not defined"),
            ("{{.a.b}}", "strings.render_template: a value of type string has no field `b`"),
            ("{{.missing.b}}", "strings.render_template: nothing has no field `b`"),
        ] {
            let expected = match expected.starts_with("strings.") {
                true => expected.to_owned(),
                false => crate::value::json::write(&expected.into()),
            };
            let args = format!(r#"["{template}", {values}]"#);
            check(&[("strings.render_template", &args, &expected)]);
        }
    }
}
