//! What an expression says, as far as the text of the program tells: its literals, with a word in capitals for each value that is
//! inserted.

use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, Lit, Macro, Token};

use super::scope::Scope;

/// Something that is said, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    pub line: usize,
    pub text: String,
}

/// What an expression comes to.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// What it says, in one way or another. A parameter of the function around it is a hole.
    pub words: Vec<Words>,
    /// Whether some of it is said elsewhere.
    pub is_borrowed: bool,
}

/// What may be inserted in more ways than this is shown as a word in capitals.
const MOST_WAYS: usize = 3;

/// What is around the name of a parameter: a hole that callers fill.
const HOLE: [char; 2] = ['\u{1}', '\u{2}'];

impl Words {
    /// The parameters that are a part of it.
    pub fn holes(&self) -> Vec<String> {
        self.text.split(HOLE[0]).skip(1).filter_map(|rest| Some(rest.split_once(HOLE[1])?.0.to_owned())).collect()
    }

    /// With `filling` in the hole `name`.
    pub fn fill(&self, name: &str, filling: &str) -> Self {
        Self { line: self.line, text: self.text.replace(&format!("{}{name}{}", HOLE[0], HOLE[1]), filling) }
    }

    /// `other` with these words in its hole.
    pub fn fill_into(&self, other: &Self, hole: &str) -> Self {
        Self { line: if self.line == 0 { other.line } else { self.line }, ..other.fill(hole, &self.text) }
    }

    /// With a word in capitals for each hole.
    pub fn plain(&self) -> Self {
        self.holes().iter().fold(self.clone(), |words, hole| words.fill(hole, &placeholder(hole)))
    }

    /// Whether it has words for people outside its holes.
    pub fn is_prose(&self) -> bool {
        let bare = self.holes().iter().fold(self.clone(), |words, hole| words.fill(hole, ""));
        let is_word = |word: &str| {
            let word = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
            word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase())
        };
        bare.text.split([' ', ',']).filter(|word| is_word(word) && !word.starts_with(['-', '`'])).count() > 0
    }
}

impl Said {
    fn borrowed() -> Self {
        Self { is_borrowed: true, ..Self::default() }
    }

    fn and(mut self, other: Self) -> Self {
        self.words.extend(other.words);
        self.is_borrowed |= other.is_borrowed;
        self
    }

    fn all(said: impl IntoIterator<Item = Self>) -> Self {
        said.into_iter().fold(Self::default(), Self::and)
    }
}

/// What changes nothing of what is said.
const TRANSPARENT: [&str; 9] =
    ["to_owned", "to_string", "into", "as_str", "clone", "as_deref", "unwrap_or_default", "as_ref", "into_owned"];
/// What shows the value that it is called on.
const PLAIN: [&str; 4] = ["display", "unwrap_or", "cloned", "to_string_lossy"];
/// Functions that show their argument.
const SHOWING: [&str; 8] = ["one_line", "reason", "format_duration", "shown", "display", "visible", "spoken", "relative"];
/// What stands for an inserted value that is called otherwise in the program.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("peer", "HOST"),
    ("target", "HOST"),
    ("path", "FILE"),
    ("lock", "FILE"),
    ("key_file", "FILE"),
    ("cache", "DIRECTORY"),
    ("folder", "DIRECTORY"),
    ("bin", "DIRECTORY"),
    ("shown", "FILE"),
    ("name", "NAME"),
    ("named", "NAME"),
    ("other", "OTHER"),
    ("profile", "NAME"),
    ("program", "COMMAND"),
    ("argv", "COMMAND"),
    ("limit", "DURATION"),
    ("left", "DURATION"),
    ("wanted", "WANTED"),
    ("patience", "DURATION"),
    ("error", "REASON"),
    ("cause", "REASON"),
    ("failure", "REASON"),
    ("describe", "REASON"),
    ("errno", "REASON"),
    ("reason", "REASON"),
    ("message", "REASON"),
    ("what", "REASON"),
    ("why", "REASON"),
    ("at", "TIME"),
    ("until", "TIME"),
    ("in_words", "TIME"),
    ("rfc3339", "TIME"),
    ("variable", "VARIABLE"),
    ("env", "VARIABLE"),
    ("status", "STATUS"),
    ("refused", "STATUS"),
    ("described", "CODE"),
    ("owner", "UID"),
    ("user", "UID"),
    ("st_uid", "UID"),
    ("mode", "MODE"),
    ("own", "MODE"),
    ("address", "ADDRESS"),
    ("file", "FILE"),
    ("key", "KEY"),
    ("port", "PORT"),
    ("xdg", "VARIABLE"),
    ("whence", "PLACE"),
    ("origin", ""),
    ("text", "VALUE"),
    ("word", "VALUE"),
    ("typed", "VALUE"),
    ("near", "NAME"),
    ("names", "NAMES"),
    ("act", "ACT"),
    ("tool", "TOOL"),
    ("alert", "REASON"),
    ("api_version", "VALUE"),
    ("known", "NAMES"),
    ("stated", "ADDRESS"),
    ("whom", "HOST"),
    ("code", "CODE"),
    ("start", "NUMBER"),
    ("end", "NUMBER"),
    ("join", "NAMES"),
    ("listed", "NAMES"),
    ("instead", "VARIABLE"),
    ("found", "KIND"),
    ("info", "REASON"),
    ("self", "POINTER"),
    ("token", "POINTER"),
    (".described", "WHAT"),
];

pub fn placeholder(name: &str) -> String {
    let bare = name.trim_start_matches('.');
    let find = |wanted: &str| PLACEHOLDERS.iter().find(|(called, _)| *called == wanted);
    find(name).or_else(|| find(bare)).map_or_else(|| bare.to_uppercase().replace('_', " "), |(_, word)| (*word).to_owned())
}

/// What `expr` says in `scope`.
pub fn said(expr: &Expr, scope: &Scope) -> Said {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => {
                let words = Words { line: text.span().start().line, text: text.value() };
                Said { words: vec![words], ..Said::default() }
            }
            Lit::Int(number) => Said { words: vec![Words { line: 0, text: number.base10_digits().to_owned() }], is_borrowed: false },
            _ => Said::borrowed(),
        },
        Expr::Reference(inner) => said(&inner.expr, scope),
        Expr::Paren(inner) => said(&inner.expr, scope),
        Expr::Group(inner) => said(&inner.expr, scope),
        Expr::Try(inner) => said(&inner.expr, scope),
        Expr::Macro(inner) => of_macro(&inner.mac, scope),
        Expr::MethodCall(call) if TRANSPARENT.contains(&call.method.to_string().as_str()) => said(&call.receiver, scope),
        Expr::MethodCall(call) if call.method == "then" || call.method == "then_some" => {
            call.args.first().map_or_else(Said::borrowed, |argument| said(argument, scope))
        }
        Expr::Call(call) => match (name_of(&call.func).as_deref(), call.args.first()) {
            (Some("Some" | "Err" | "one_line"), Some(first)) => said(first, scope),
            // `String::new()`
            (Some("new"), None) => Said { words: vec![Words { line: 0, text: String::new() }], is_borrowed: false },
            _ => Said::borrowed(),
        },
        Expr::Closure(closure) => said(&closure.body, scope),
        Expr::If(branch) => {
            let otherwise = branch.else_branch.as_ref().map_or_else(Said::default, |(_, otherwise)| said(otherwise, scope));
            tail(&branch.then_branch, scope).and(otherwise)
        }
        Expr::Block(block) => tail(&block.block, scope),
        Expr::Match(arms) => Said::all(arms.arms.iter().map(|arm| said(&arm.body, scope))),
        Expr::Path(path) => match path.path.get_ident().map(ToString::to_string) {
            Some(name) if name == "None" => Said::default(),
            Some(name) => named(&name, scope),
            None => Said::borrowed(),
        },
        // What is shown of a value is the value.
        _ => Said::borrowed(),
    }
}

fn tail(block: &syn::Block, scope: &Scope) -> Said {
    match block.stmts.last() {
        Some(syn::Stmt::Expr(last, None)) => said(last, scope),
        _ => Said::default(),
    }
}

fn named(name: &str, scope: &Scope) -> Said {
    if scope.under_way.borrow().iter().any(|under_way| under_way == name) {
        return Said::borrowed();
    }
    scope.under_way.borrow_mut().push(name.to_owned());
    let said = meant(name, scope);
    scope.under_way.borrow_mut().pop();
    said
}

fn hole(name: &str) -> Said {
    let text = format!("{}{name}{}", HOLE[0], HOLE[1]);
    Said { words: vec![Words { line: 0, text }], is_borrowed: false }
}

fn meant(name: &str, scope: &Scope) -> Said {
    match scope.find(name) {
        Some(super::scope::Meaning::Parameter) => hole(name),
        Some(super::scope::Meaning::Value(value)) => said(value, scope),
        Some(super::scope::Meaning::Part(value, at)) => part(value, at, scope),
        None => Said::borrowed(),
    }
}

/// What stands at one place of the tuples that `value` may come to.
fn part(value: &Expr, at: usize, scope: &Scope) -> Said {
    match value {
        Expr::Tuple(tuple) => tuple.elems.iter().nth(at).map_or_else(Said::borrowed, |element| said(element, scope)),
        Expr::Match(arms) => Said::all(arms.arms.iter().map(|arm| part(&arm.body, at, scope))),
        Expr::If(branch) => {
            let of_block = |block: &syn::Block| match block.stmts.last() {
                Some(syn::Stmt::Expr(last, None)) => part(last, at, scope),
                _ => Said::borrowed(),
            };
            let otherwise = branch.else_branch.as_ref().map_or_else(Said::default, |(_, otherwise)| part(otherwise, at, scope));
            of_block(&branch.then_branch).and(otherwise)
        }
        Expr::Block(block) => match block.block.stmts.last() {
            Some(syn::Stmt::Expr(last, None)) => part(last, at, scope),
            _ => Said::borrowed(),
        },
        _ => Said::borrowed(),
    }
}

/// What a path or a method is called last.
pub fn name_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// What a macro says that formats.
fn of_macro(mac: &Macro, scope: &Scope) -> Said {
    let Some(name) = mac.path.segments.last().map(|segment| segment.ident.to_string()) else { return Said::borrowed() };
    if name == "concat" || name == "env" {
        return Said::borrowed();
    }
    formatted(mac, scope).unwrap_or_else(Said::borrowed)
}

/// What a macro's format says; `None` where it has none. What stands before the format (fields of a record) is left out.
pub fn formatted(mac: &Macro, scope: &Scope) -> Option<Said> {
    let tokens: Vec<proc_macro2::TokenTree> = mac.tokens.clone().into_iter().collect();
    let is_text = |token: &proc_macro2::TokenTree| token.to_string().starts_with('"');
    let start = tokens.iter().position(is_text)?;
    let tokens: proc_macro2::TokenStream = tokens[start..].iter().cloned().collect();
    let arguments = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens).ok()?;
    let mut arguments = arguments.iter();
    let Some(Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. })) = arguments.next() else { return None };
    let rest: Vec<&Expr> = arguments.collect();
    Some(filled(&text.value(), text.span().start().line, &rest, scope))
}

/// `format` with what is inserted: its own words where those are known, else a word in capitals.
pub fn filled(format: &str, line: usize, arguments: &[&Expr], scope: &Scope) -> Said {
    let mut said_so_far = Said { words: vec![Words { line, text: String::new() }], ..Said::default() };
    let (mut rest, mut next) = (format, 0);
    while let Some(at) = rest.find(['{', '}']) {
        push(&mut said_so_far.words, &rest[..at]);
        let (bracket, behind) = rest[at..].split_at(1);
        if behind.starts_with(bracket) {
            push(&mut said_so_far.words, bracket);
            rest = &behind[1..];
            continue;
        }
        let (inside, behind) = behind.split_once('}').unwrap_or((behind, ""));
        let name = inside.split(':').next().unwrap_or_default();
        let argument = match name {
            "" => {
                next += 1;
                arguments.get(next - 1).copied()
            }
            number if number.parse::<usize>().is_ok() => arguments.get(number.parse::<usize>().unwrap()).copied(),
            _ => arguments.iter().find_map(|argument| assigned(argument, name)),
        };
        insert(&mut said_so_far, argument, name, scope);
        rest = behind;
    }
    push(&mut said_so_far.words, rest);
    said_so_far
}

fn assigned<'e>(argument: &'e Expr, name: &str) -> Option<&'e Expr> {
    match argument {
        Expr::Assign(assign) if name_of(&assign.left).as_deref() == Some(name) => Some(&assign.right),
        _ => None,
    }
}

fn push(words: &mut [Words], text: &str) {
    for word in words {
        word.text.push_str(text);
    }
}

fn insert(so_far: &mut Said, argument: Option<&Expr>, name: &str, scope: &Scope) {
    let inserted = match argument {
        Some(argument) => said(argument, scope),
        None if name.chars().all(|c| c.is_ascii_digit()) && !name.is_empty() => hole(name),
        None => named(name, scope),
    };
    let is_known = (1..=MOST_WAYS).contains(&inserted.words.len()) && !inserted.is_borrowed;
    if is_known {
        let many = so_far
            .words
            .iter()
            .flat_map(|before| inserted.words.iter().map(|after| Words { line: before.line, text: before.text.clone() + &after.text }));
        so_far.words = many.collect();
    } else {
        let called = argument.map_or_else(|| name.to_owned(), called);
        push(&mut so_far.words, &placeholder(&called));
    }
}

/// What an inserted value is called in the program.
fn called(expr: &Expr) -> String {
    match expr {
        Expr::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        Expr::Field(field) => match &field.member {
            syn::Member::Named(name) if name != "0" => name.to_string(),
            _ => called(&field.base),
        },
        // An ending that may be missing.
        Expr::MethodCall(call) if call.method == "unwrap_or_default" && matches!(*call.receiver, Expr::Call(_)) => String::new(),
        Expr::MethodCall(call) => {
            let method = call.method.to_string();
            let is_plain = TRANSPARENT.iter().chain(&PLAIN).any(|name| *name == method);
            if is_plain { called(&call.receiver) } else { format!(".{method}") }
        }
        Expr::Call(call) => {
            let function = name_of(&call.func).unwrap_or_default();
            match call.args.first() {
                Some(first) if SHOWING.contains(&function.as_str()) => called(first),
                _ => function,
            }
        }
        Expr::Reference(inner) => called(&inner.expr),
        Expr::Paren(inner) => called(&inner.expr),
        Expr::Unary(inner) => called(&inner.expr),
        Expr::Index(inner) => called(&inner.expr),
        Expr::Binary(inner) => called(&inner.left),
        Expr::Try(inner) => called(&inner.expr),
        _ => "value".to_owned(),
    }
}
