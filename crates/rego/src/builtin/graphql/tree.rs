//! What a document of GraphQL says: questions, or the types they are asked of.

/// A place in the text, counted from one; nothing of a tree that was no text has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct At {
    /// The line.
    pub(super) line: u32,
    /// The character in it.
    pub(super) column: u32,
}

/// What is wrong, and where.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// What, as whoever wrote the document reads it.
    pub(super) message: String,
    /// Where.
    pub(super) at: At,
}

impl Fault {
    /// Something wrong at a place.
    pub(super) fn new(message: impl Into<String>, at: At) -> Self {
        Self { message: message.into(), at }
    }
}

/// Questions.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    /// What may be asked, each by its name.
    pub(super) operations: Vec<Operation>,
    /// Parts that several of them use.
    pub(super) fragments: Vec<Fragment>,
    /// How many fields there are in all; each has a number below it.
    pub(super) fields: usize,
}

/// `query`, `mutation` or `subscription`.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// Where it begins.
    pub(super) at: At,
    /// Which of the three.
    pub(super) kind: String,
    /// Its name, or nothing.
    pub(super) name: String,
    /// What it is asked with.
    pub(super) variables: Vec<Variable>,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
    /// What it asks for.
    pub(super) selections: Vec<Selection>,
}

/// `$name: Type = 1`.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    /// Where it begins.
    pub(super) at: At,
    /// The name without the sign.
    pub(super) name: String,
    /// The type.
    pub(super) kind: Type,
    /// What it is when nothing is given.
    pub(super) default: Option<Literal>,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
}

/// `fragment name on Type { … }`.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    /// Where it begins.
    pub(super) at: At,
    /// The name.
    pub(super) name: String,
    /// An experiment of GraphQL's, read and shown and used for nothing.
    pub(super) variables: Vec<Variable>,
    /// The type it is of.
    pub(super) on: String,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
    /// What it asks for.
    pub(super) selections: Vec<Selection>,
}

/// A part of what is asked for.
#[derive(Debug, Clone)]
pub(super) enum Selection {
    /// A field.
    Field(Field),
    /// `...name`.
    Spread(Spread),
    /// `... on Type { … }`.
    Inline(Inline),
}

/// A field that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Where it begins.
    pub(super) at: At,
    /// Its number among the fields of the document.
    pub(super) id: usize,
    /// What it is called in the answer.
    pub(super) alias: String,
    /// The name.
    pub(super) name: String,
    /// What it is asked with.
    pub(super) arguments: Vec<Argument>,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
    /// What of it is asked for.
    pub(super) selections: Vec<Selection>,
}

impl Field {
    /// What it is called in the answer.
    pub(super) fn shown(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }
}

/// A fragment that is used.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    /// Where its name stands.
    pub(super) at: At,
    /// The fragment.
    pub(super) name: String,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
}

/// A fragment without a name.
#[derive(Debug, Clone)]
pub(super) struct Inline {
    /// Where it begins.
    pub(super) at: At,
    /// The type it is of, or nothing when that stays.
    pub(super) on: String,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
    /// What it asks for.
    pub(super) selections: Vec<Selection>,
}

/// `name: 1`.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    /// Where it begins.
    pub(super) at: At,
    /// The name.
    pub(super) name: String,
    /// The value.
    pub(super) value: Literal,
}

/// `@name(argument: 1)`.
#[derive(Debug, Clone)]
pub(super) struct Directive {
    /// Where its name stands.
    pub(super) at: At,
    /// The name without the sign.
    pub(super) name: String,
    /// What it is told.
    pub(super) arguments: Vec<Argument>,
}

/// What a literal is; the numbers are those the tree is shown with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum LiteralKind {
    /// `$name`.
    Variable,
    /// `1`.
    Int,
    /// `1.5`.
    Float,
    /// `"text"`.
    Text,
    /// `"""text"""`.
    Block,
    /// `true`, `false`.
    Boolean,
    /// `null`.
    Null,
    /// Any other name.
    Enum,
    /// `[1]`.
    List,
    /// `{a: 1}`.
    Object,
}

/// A value as it is written.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    /// Where it begins.
    pub(super) at: At,
    /// What it is.
    pub(super) kind: LiteralKind,
    /// The text of it, if it is one word.
    pub(super) raw: String,
    /// What is in it, with names in an object.
    pub(super) children: Vec<Argument>,
}

impl Literal {
    /// The value as messages quote it.
    pub(super) fn shown(&self) -> String {
        let listed = |one: &dyn Fn(&Argument) -> String| {
            self.children.iter().map(one).collect::<Vec<String>>().join(",")
        };
        match self.kind {
            LiteralKind::Variable => format!("${}", self.raw),
            LiteralKind::Text | LiteralKind::Block => format!("{:?}", self.raw),
            LiteralKind::List => format!("[{}]", listed(&|child| child.value.shown())),
            LiteralKind::Object => {
                format!(
                    "{{{}}}",
                    listed(&|child| format!("{}:{}", child.name, child.value.shown()))
                )
            }
            _ => self.raw.clone(),
        }
    }
}

/// A type by its name, or a list of another; either may have to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Type {
    /// Where it begins.
    pub(super) at: At,
    /// The name, or nothing for a list.
    pub(super) named: String,
    /// What the list is of.
    pub(super) of: Option<Box<Type>>,
    /// Whether `null` is none of it.
    pub(super) needed: bool,
}

impl Type {
    /// The name at the heart of all lists.
    pub(super) fn name(&self) -> &str {
        match &self.of {
            Some(of) if self.named.is_empty() => of.name(),
            _ => &self.named,
        }
    }

    /// The type as messages quote it.
    pub(super) fn shown(&self) -> String {
        let needed = if self.needed { "!" } else { "" };
        match &self.of {
            Some(of) if self.named.is_empty() => format!("[{}]{needed}", of.shown()),
            _ => format!("{}{needed}", self.named),
        }
    }

    /// Whether what is of this type may stand where the other is expected.
    pub(super) fn fits(&self, other: &Self) -> bool {
        let inner = match (&self.of, &other.of) {
            (Some(one), Some(two)) => one.fits(two),
            (Some(_), None) => false,
            (None, _) => true,
        };
        self.named == other.named && inner && (self.needed || !other.needed)
    }
}

/// Types.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    /// Where questions begin.
    pub(super) roots: Vec<Roots>,
    /// What is added to that.
    pub(super) more_roots: Vec<Roots>,
    /// What may be said with `@`.
    pub(super) directives: Vec<DirectiveDefinition>,
    /// The types.
    pub(super) definitions: Vec<Definition>,
    /// What is added to types.
    pub(super) extensions: Vec<Definition>,
}

/// `schema { query: Query }`.
#[derive(Debug, Clone, Default)]
pub(super) struct Roots {
    /// Where it begins.
    pub(super) at: At,
    /// What it is, in words.
    pub(super) description: String,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
    /// Operations, the types they are asked of, and where that stands.
    pub(super) operations: Vec<(String, String, At)>,
}

/// What a definition defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// `scalar`.
    #[default]
    Scalar,
    /// `type`.
    Object,
    /// `interface`.
    Interface,
    /// `union`.
    Union,
    /// `enum`.
    Enum,
    /// `input`.
    Input,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Scalar, Self::Object, Self::Interface, Self::Union, Self::Enum, Self::Input];

    /// What trees and messages call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "SCALAR",
            Self::Object => "OBJECT",
            Self::Interface => "INTERFACE",
            Self::Union => "UNION",
            Self::Enum => "ENUM",
            Self::Input => "INPUT_OBJECT",
        }
    }

    /// Whether it has fields to ask for.
    pub(super) fn is_composite(self) -> bool {
        matches!(self, Self::Object | Self::Interface | Self::Union)
    }

    /// Whether something may be asked with it.
    pub(super) fn is_input(self) -> bool {
        matches!(self, Self::Scalar | Self::Enum | Self::Input)
    }

    /// Whether nothing of it can be asked for.
    pub(super) fn is_leaf(self) -> bool {
        matches!(self, Self::Scalar | Self::Enum)
    }
}

/// A type, or what is added to one.
#[derive(Debug, Clone, Default)]
pub(super) struct Definition {
    /// Where it begins.
    pub(super) at: At,
    /// What it is.
    pub(super) kind: Kind,
    /// What it is, in words.
    pub(super) description: String,
    /// The name.
    pub(super) name: String,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
    /// Which interfaces it implements.
    pub(super) interfaces: Vec<String>,
    /// The fields.
    pub(super) fields: Vec<FieldDefinition>,
    /// The types of a union.
    pub(super) types: Vec<String>,
    /// The values of an enum, as fields without types.
    pub(super) values: Vec<EnumValue>,
    /// Whether it comes with the language.
    pub(super) built_in: bool,
}

impl Definition {
    /// A field by its name.
    pub(super) fn field(&self, name: &str) -> Option<&FieldDefinition> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// A field of a type; an argument has the same parts, but for arguments of its own.
#[derive(Debug, Clone)]
pub(super) struct FieldDefinition {
    /// Where it begins.
    pub(super) at: At,
    /// What it is, in words.
    pub(super) description: String,
    /// The name.
    pub(super) name: String,
    /// What it may be asked with.
    pub(super) arguments: Vec<FieldDefinition>,
    /// What it is when nothing is given.
    pub(super) default: Option<Literal>,
    /// The type.
    pub(super) kind: Type,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
}

impl FieldDefinition {
    /// An argument by its name.
    pub(super) fn argument(&self, name: &str) -> Option<&FieldDefinition> {
        self.arguments.iter().find(|argument| argument.name == name)
    }

    /// Whether it has to be given.
    pub(super) fn is_required(&self) -> bool {
        self.kind.needed && self.default.is_none()
    }
}

/// A value of an enum.
#[derive(Debug, Clone)]
pub(super) struct EnumValue {
    /// Where it begins.
    pub(super) at: At,
    /// What it is, in words.
    pub(super) description: String,
    /// The name.
    pub(super) name: String,
    /// What is said about it.
    pub(super) directives: Vec<Directive>,
}

/// What may be said with `@`.
#[derive(Debug, Clone)]
pub(super) struct DirectiveDefinition {
    /// Where it begins.
    pub(super) at: At,
    /// What it is, in words.
    pub(super) description: String,
    /// The name without the sign.
    pub(super) name: String,
    /// What it is told.
    pub(super) arguments: Vec<FieldDefinition>,
    /// Where it may stand.
    pub(super) locations: Vec<String>,
    /// Whether it may stand in one place twice.
    pub(super) repeatable: bool,
}
