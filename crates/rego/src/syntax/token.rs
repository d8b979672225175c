//! The smallest pieces of a policy's text.

/// A piece of text, and whether anything stood before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Whether there is space or a comment before it: a reference does not go on after that.
    pub(super) spaced: bool,
    /// Whether a line ended before it: a new expression may begin.
    pub(super) fresh: bool,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    /// What cannot be read, and why.
    Illegal(&'static str),
    Name,
    Word(Word),
    Number,
    Text,
    RawText,
    /// A piece of a template: its quotes or braces are within its span.
    Part {
        raw: bool,
        first: bool,
        last: bool,
    },
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    Comma,
    Colon,
    Semicolon,
    Dot,
    Assign,
    Unify,
    Operator(Operator),
}

/// A word that is kept for the language; the last four only where they were imported, in the
/// older edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Package,
    Import,
    As,
    Default,
    Else,
    Not,
    Some,
    With,
    Null,
    True,
    False,
    In,
    Every,
    Contains,
    If,
}

impl Word {
    const ALL: [Self; 15] = [
        Self::Package,
        Self::Import,
        Self::As,
        Self::Default,
        Self::Else,
        Self::Not,
        Self::Some,
        Self::With,
        Self::Null,
        Self::True,
        Self::False,
        Self::In,
        Self::Every,
        Self::Contains,
        Self::If,
    ];

    /// The words that had to be imported once.
    pub(super) const NEW: [Self; 4] = [Self::Contains, Self::Every, Self::If, Self::In];

    pub(super) fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.text() == text)
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Import => "import",
            Self::As => "as",
            Self::Default => "default",
            Self::Else => "else",
            Self::Not => "not",
            Self::Some => "some",
            Self::With => "with",
            Self::Null => "null",
            Self::True => "true",
            Self::False => "false",
            Self::In => "in",
            Self::Every => "every",
            Self::Contains => "contains",
            Self::If => "if",
        }
    }
}

/// What stands between two terms and makes one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
    And,
    Or,
    Equal,
    Unequal,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

impl Operator {
    pub(super) const ALL: [Self; 13] = [
        Self::Plus,
        Self::Minus,
        Self::Times,
        Self::Divide,
        Self::Remainder,
        Self::And,
        Self::Or,
        Self::Equal,
        Self::Unequal,
        Self::Less,
        Self::Greater,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
    ];

    /// The function it stands for.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Plus => "plus",
            Self::Minus => "minus",
            Self::Times => "mul",
            Self::Divide => "div",
            Self::Remainder => "rem",
            Self::And => "and",
            Self::Or => "or",
            Self::Equal => "equal",
            Self::Unequal => "neq",
            Self::Less => "lt",
            Self::Greater => "gt",
            Self::LessOrEqual => "lte",
            Self::GreaterOrEqual => "gte",
        }
    }

    /// How it is written.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::And => "&",
            Self::Or => "|",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::LessOrEqual => "<=",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// How closely it holds its terms: the higher the closer. `in` holds less closely than all.
    pub(super) fn strength(self) -> u8 {
        match self {
            Self::Times | Self::Divide | Self::Remainder => 5,
            Self::Plus | Self::Minus => 4,
            Self::And => 3,
            Self::Or => 2,
            _ => 1,
        }
    }
}

impl Kind {
    /// What messages call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::End => "eof",
            Self::Illegal(_) => "illegal",
            Self::Name => "identifier",
            Self::Word(word) => word.text(),
            Self::Number => "number",
            Self::Text | Self::RawText => "string",
            Self::Part { last: false, .. } => "template-string-part",
            Self::Part { last: true, .. } => "template-string-end",
            Self::LeftBracket => "[",
            Self::RightBracket => "]",
            Self::LeftBrace => "{",
            Self::RightBrace => "}",
            Self::LeftParen => "(",
            Self::RightParen => ")",
            Self::Comma => ",",
            Self::Colon => ":",
            Self::Semicolon => ";",
            Self::Dot => ".",
            Self::Assign => "assign",
            Self::Unify => "eq",
            Self::Operator(operator) => operator.function(),
        }
    }
}
