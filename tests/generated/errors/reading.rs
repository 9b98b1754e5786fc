//! The places of the sources at which errors are made.
//!
//! An error is made by calling one of [`MAKERS`], by the `#[error("…")]` of a type, or by calling a function that hands its parameter on
//! to such a one; and the text of an `Err` may become a part of an error that is made elsewhere. Whatever makes one in another way is a
//! fault, so that no error is missed.

use std::collections::{BTreeSet, HashMap};

use proc_macro2::LineColumn;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprClosure, ExprMethodCall, ExprStruct, ImplItemFn, ItemFn, Local, Macro, Member, Variant};

use super::scope::{self, Frame, Scope};
use super::words::{Said, Words, formatted, name_of, said};

/// What is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An error with this exit status, as far as the place tells it; 0 is a warning.
    Error(Option<u8>),
    /// Words for people that are no error unless a remark says so.
    Notice,
    /// A part of the errors that take what bears one of these names: a type, a function or a file.
    Part(Vec<String>),
    /// A part of the error that is made at this place of this file.
    Of(String, Place),
}

pub type Place = (usize, usize);

/// Where an error, or a part of one, is made.
#[derive(Clone, Debug)]
pub struct Site {
    pub path: String,
    pub place: Place,
    pub kind: Kind,
    pub words: Vec<Words>,
    pub hints: Vec<String>,
    /// Whose hole it fills, where that says nothing by itself.
    pub fills: Option<(String, Place)>,
    /// What it may be called by: the function around it, and the file.
    pub names: Vec<String>,
    /// Whether callers of the function around it say the rest.
    pub is_handed_on: bool,
}

/// What is called to make one: which argument is the text, and which the advice.
#[derive(Clone, Debug)]
struct Maker {
    text: usize,
    hint: Option<usize>,
    kind: MadeKind,
}

#[derive(Clone, Debug)]
enum MadeKind {
    /// The class is the argument of this number.
    Classed(usize),
    Is(Kind),
}

/// A function that hands its parameters on.
#[derive(Clone, Debug)]
struct Wrapper {
    name: String,
    is_method: bool,
    path: String,
    /// Whether other files may call it.
    is_public: bool,
    /// The function it stands in, where it is a closure.
    inside: Option<String>,
    parameters: Vec<String>,
    words: Vec<Words>,
    /// Where it makes what.
    place: Place,
    kind: Kind,
}

fn maker(text: usize, hint: Option<usize>, kind: MadeKind) -> Maker {
    Maker { text, hint, kind }
}

/// By a path's end.
fn known(path: &str, file: &str) -> Option<Maker> {
    let error = |status| MadeKind::Is(Kind::Error(Some(status)));
    let part = |name: &str| MadeKind::Is(Kind::Part(vec![name.to_owned()]));
    Some(match path {
        "SourceError::new" | "RenewalError::new" => maker(1, None, MadeKind::Classed(0)),
        "ConfigError::new" => maker(0, Some(1), error(2)),
        "Failure::Usage" | "Malformed::new" => maker(0, None, error(2)),
        "Failure::Unforeseen" => maker(0, None, error(1)),
        "tell" => maker(0, None, MadeKind::Is(Kind::Notice)),
        "Unfit" if file.starts_with("src/protocol") => maker(0, None, error(2)),
        "Unfit::new" => maker(0, None, part("Unfit")),
        "Mistake::new" => maker(3, None, part(mistake_of(file))),
        "AnswerError" => maker(0, None, part("AnswerError")),
        "NotReplaced::NoFile" => maker(0, None, part("NotReplaced")),
        "Error::other" => maker(0, None, part("io::Error")),
        _ => return None,
    })
}

/// By the name of a method.
fn known_method(name: &str, file: &str) -> Option<Maker> {
    let mistake = || MadeKind::Is(Kind::Part(vec![mistake_of(file).to_owned()]));
    Some(match name {
        "mistake" => maker(0, Some(1), mistake()),
        "string_that" => maker(0, None, mistake()),
        "warn" => maker(0, None, MadeKind::Is(Kind::Error(Some(0)))),
        _ => return None,
    })
}

/// By the name of a type with fields: which is the text, and which the advice.
fn known_fields(name: &str, file: &str) -> Option<(&'static str, Kind)> {
    Some(match name {
        "RenewalError" | "SourceError" => ("message", Kind::Error(None)),
        "Mistake" => ("what", Kind::Part(vec![mistake_of(file).to_owned()])),
        "Unfit" => ("what", Kind::Part(vec!["Unfit".to_owned()])),
        "Refused" => ("why", Kind::Part(vec!["StorageError".to_owned()])),
        _ => return None,
    })
}

/// Mistakes in our configuration and mistakes in another tool's are told in different words.
fn mistake_of(file: &str) -> &'static str {
    if file.starts_with("src/consumer") { "consumer::Mistake" } else { "Mistake" }
}

fn exit_status(class: &str) -> Option<u8> {
    Some(match class {
        "Config" => 2,
        "Login" => 3,
        "Refused" => 4,
        "Network" | "Temporary" => 5,
        "Storage" => 6,
        "Lock" => 7,
        _ => return None,
    })
}

/// Reads all files: their sites, and what is wrong with them.
pub fn sites(files: &[(String, syn::File)]) -> (Vec<Site>, Vec<String>) {
    let mut wrappers: Vec<Wrapper> = Vec::new();
    let constants: HashMap<String, Expr> = files.iter().flat_map(|(_, file)| constants_of(file)).collect();
    loop {
        let mut found = Vec::new();
        let (mut sites, mut faults) = (Vec::new(), Vec::new());
        for (path, file) in files {
            let mut reader = Reader::new(path, file, &wrappers, &constants);
            reader.visit_file(file);
            let (hints, mut of_file) = (reader.hints, reader.sites);
            for (place, hint) in hints {
                of_file.iter_mut().filter(|site| site.place == place).for_each(|site| site.hints.extend(hint.clone()));
            }
            sites.append(&mut of_file);
            faults.append(&mut reader.faults);
            found.append(&mut reader.found);
        }
        let names = |wrappers: &[Wrapper]| wrappers.iter().map(|wrapper| (wrapper.path.clone(), wrapper.name.clone())).collect::<Vec<_>>();
        if names(&found) == names(&wrappers) {
            return (sites, faults);
        }
        wrappers = found;
    }
}

struct Reader<'r> {
    path: &'r str,
    wrappers: &'r [Wrapper],
    scope: Scope,
    /// What the closure is called that comes next.
    closure: Option<String>,
    /// The type whose functions are being read.
    own: String,
    /// What the `hint` of a type says of each of its variants.
    advice: HashMap<(String, String), Vec<String>>,
    publicity: Vec<bool>,
    sites: Vec<Site>,
    hints: Vec<(Place, Vec<String>)>,
    found: Vec<Wrapper>,
    faults: Vec<String>,
}

fn place(at: LineColumn) -> Place {
    (at.line, at.column)
}

/// The module right below the crate that a file belongs to.
fn module(path: &str) -> &str {
    path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default()
}

/// The last two parts of a path.
fn end_of(path: &syn::Path) -> String {
    let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let is_of_type = parts.len() > 1 && parts[parts.len() - 2].starts_with(char::is_uppercase);
    parts[parts.len() - if is_of_type { 2 } else { 1 }..].join("::")
}

impl<'r> Reader<'r> {
    fn new(path: &'r str, file: &syn::File, wrappers: &'r [Wrapper], constants: &HashMap<String, Expr>) -> Self {
        let constants = constants.iter().map(|(name, value)| (name.clone(), value.clone())).chain(constants_of(file)).collect();
        let mut reader = Self {
            path,
            wrappers,
            scope: Scope { constants, ..Scope::default() },
            closure: None,
            own: String::new(),
            advice: HashMap::new(),
            publicity: Vec::new(),
            sites: Vec::new(),
            hints: Vec::new(),
            found: Vec::new(),
            faults: Vec::new(),
        };
        file.items.iter().for_each(|item| reader.advise(item));
        reader
    }

    /// Learns what a type's own `hint` says.
    fn advise(&mut self, item: &syn::Item) {
        let syn::Item::Impl(item) = item else { return };
        let (own, scope) = (type_name(&item.self_ty), Scope::default());
        let functions = item.items.iter().filter_map(|item| match item {
            syn::ImplItem::Fn(function) if function.sig.ident == "hint" => function.block.stmts.last(),
            _ => None,
        });
        for statement in functions {
            let syn::Stmt::Expr(Expr::Match(arms), None) = statement else { continue };
            for arm in &arms.arms {
                let syn::Pat::Struct(pattern) = &arm.pat else { continue };
                let variant = pattern.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
                let words = said(&arm.body, &scope).words.into_iter().map(|words| words.text).collect();
                self.advice.insert((own.clone(), variant), words);
            }
        }
    }

    fn function(&mut self, signature: &syn::Signature, is_public: bool, visit: impl FnOnce(&mut Self)) {
        let is_method = signature.receiver().is_some();
        let parameters = signature.inputs.iter().filter_map(|input| match input {
            syn::FnArg::Typed(typed) => Some(scope::name(&typed.pat).unwrap_or_default()),
            syn::FnArg::Receiver(_) => None,
        });
        let frame = Frame { name: Some(signature.ident.to_string()), is_method, parameters: parameters.collect(), ..Frame::default() };
        self.scope.frames.push(frame);
        self.publicity.push(is_public);
        visit(self);
        self.publicity.pop();
        self.scope.frames.pop();
    }

    /// The function around all closures.
    fn around(&self) -> Option<String> {
        self.scope.frames.iter().rev().find(|frame| !frame.is_closure)?.name.clone()
    }

    fn wrapper(&self, name: &str, is_method: bool) -> Option<&Wrapper> {
        let fits = |wrapper: &&Wrapper| wrapper.name == name && wrapper.is_method == is_method;
        let is_ancestor = |wrapper: &Wrapper| self.path.starts_with(&(wrapper.path.trim_end_matches(".rs").to_owned() + "/"));
        let here = |wrapper: &&Wrapper| {
            (wrapper.path == self.path || is_ancestor(wrapper))
                && wrapper.inside.as_ref().is_none_or(|name| self.around().as_ref() == Some(name))
        };
        let near = |wrapper: &&Wrapper| wrapper.path.bytes().zip(self.path.bytes()).take_while(|(one, other)| one == other).count();
        let in_closure = self.wrappers.iter().filter(fits).find(|wrapper| here(wrapper) && wrapper.inside.is_some());
        let local = || self.wrappers.iter().filter(fits).find(here);
        let other = || {
            self.wrappers
                .iter()
                .filter(fits)
                .filter(|wrapper| {
                    wrapper.is_public && wrapper.path != self.path && (is_method || module(&wrapper.path) == module(self.path))
                })
                .max_by_key(near)
        };
        in_closure.or_else(local).or_else(other)
    }

    /// A call that makes an error, or a part of one.
    fn made(&mut self, by: &Maker, arguments: &[&Expr], at: Place) {
        let Some(text) = arguments.get(by.text) else { return };
        let kind = match &by.kind {
            MadeKind::Is(kind) => kind.clone(),
            MadeKind::Classed(number) => {
                let class = arguments.get(*number).and_then(|class| name_of(class));
                Kind::Error(class.and_then(|class| exit_status(&class)))
            }
        };
        let hint = by.hint.and_then(|number| arguments.get(number)).map(|hint| said(hint, &self.scope));
        let said = said(text, &self.scope);
        self.record(said, kind, hint.as_ref(), at);
    }

    fn record(&mut self, said: Said, kind: Kind, hint: Option<&Said>, at: Place) {
        if said.words.is_empty() && !said.is_borrowed {
            self.faults.push(format!("{}:{}: what this says cannot be told", self.path, at.0));
        }
        let (kept, handed): (Vec<Words>, Vec<Words>) = said.words.into_iter().partition(|words| {
            let is_handed = words.holes().iter().any(|hole| self.is_handed_on(hole));
            !is_handed || (words.is_prose() && matches!(kind, Kind::Error(_)))
        });
        let all: Vec<Words> = kept.iter().chain(&handed).filter(|words| !words.holes().is_empty()).cloned().collect();
        if let Some(hole) = all.first().and_then(|words| words.holes().into_iter().find(|hole| self.is_handed_on(hole))) {
            self.note_wrapper(&hole, &kind, all, at);
        }
        let hints = hint.map(|hint| hint.words.iter().map(|words| words.plain().text).collect()).unwrap_or_default();
        self.push(&kept, kind.clone(), hints, at, false);
        self.push(&handed, kind, Vec::new(), at, true);
    }

    fn push(&mut self, words: &[Words], kind: Kind, hints: Vec<String>, at: Place, is_handed_on: bool) {
        let words = words.iter().map(Words::plain).filter(|words| words.text.contains(|c: char| !c.is_ascii_uppercase()));
        let words: Vec<Words> = words.collect();
        if !words.is_empty() {
            let names = self.around().into_iter().chain([self.path.to_owned()]).collect();
            self.sites.push(Site { path: self.path.to_owned(), place: at, kind, words, hints, fills: None, names, is_handed_on });
        }
    }

    /// Whether callers of a function that has a name fill this hole.
    fn is_handed_on(&self, hole: &str) -> bool {
        self.scope.owner(hole).is_some_and(|owner| owner.name.as_ref().is_some_and(|name| !self.is_known(name, owner.is_method)))
    }

    fn is_known(&self, name: &str, is_method: bool) -> bool {
        name == "new" || (is_method && known_method(name, self.path).is_some())
    }

    fn note_wrapper(&mut self, hole: &str, kind: &Kind, words: Vec<Words>, at: Place) {
        let Some(owner) = self.scope.owner(hole) else { return };
        let wrapper = Wrapper {
            name: owner.name.clone().unwrap_or_default(),
            is_method: owner.is_method,
            path: self.path.to_owned(),
            is_public: !owner.is_closure && self.publicity.last().copied().unwrap_or_default(),
            inside: if owner.is_closure { self.around() } else { None },
            parameters: owner.parameters.clone(),
            words,
            place: at,
            kind: kind.clone(),
        };
        let is_same = |known: &Wrapper| (&known.name, &known.path, &known.inside) == (&wrapper.name, &wrapper.path, &wrapper.inside);
        if !self.found.iter().any(is_same) {
            self.found.push(wrapper);
        }
    }

    /// A call of a function that hands its parameters on.
    fn handed(&mut self, to: &Wrapper, arguments: &[&Expr], at: Place) {
        let filling = |hole: &str| {
            let number = to.parameters.iter().position(|parameter| parameter == hole)?;
            let said = said(arguments.get(number)?, &self.scope);
            (!said.words.is_empty() && !said.is_borrowed).then_some(said.words)
        };
        let is_prose = to.words.iter().any(Words::is_prose);
        let (mut filled, mut parts) = (to.words.clone(), Vec::new());
        let holes: BTreeSet<String> = to.words.iter().flat_map(Words::holes).collect();
        for hole in &holes {
            match filling(hole) {
                Some(fillings) => {
                    filled = filled.iter().flat_map(|words| fillings.iter().map(|filling| filling.fill_into(words, hole))).collect();
                    parts.extend(fillings);
                }
                None => filled = filled.iter().map(|words| words.fill(hole, &super::words::placeholder(hole))).collect(),
            }
        }
        let is_bare = to.words.iter().all(|words| words.holes().len() == 1 && words.text.len() == words.holes()[0].len() + 2);
        if parts.is_empty() && (is_bare || is_prose) {
            return;
        }
        // What says nothing of its own is said by the call.
        let is_of_template = |words: &Words| to.words.iter().any(|own| own.line == words.line);
        filled.iter_mut().filter(|words| is_of_template(words)).for_each(|words| words.line = at.0);
        let said = |words| Said { words, is_borrowed: false };
        match &to.kind {
            Kind::Error(_) if is_prose => self.record(said(parts), Kind::Of(to.path.clone(), to.place), None, at),
            kind => {
                let before = self.sites.len();
                self.record(said(filled), kind.clone(), self.hint_of(to, arguments).as_ref(), at);
                self.sites[before..].iter_mut().for_each(|site| site.fills = Some((to.path.clone(), to.place)));
            }
        }
    }

    fn hint_of(&self, to: &Wrapper, arguments: &[&Expr]) -> Option<Said> {
        let number = to.parameters.iter().position(|parameter| parameter == "hint")?;
        Some(said(arguments.get(number)?, &self.scope))
    }

    /// The text of an `Err` that is no error by itself.
    fn loose(&mut self, value: &Expr) {
        let said = said(value, &self.scope);
        let words: Vec<Words> = said.words.iter().filter(|words| words.is_prose()).map(Words::plain).collect();
        if !words.is_empty() {
            let names = self.around().into_iter().chain([self.path.to_owned()]).collect();
            self.push(&words, Kind::Part(names), Vec::new(), place(value.span().start()), false);
        }
    }

    fn hint(&mut self, receiver: &Expr, hint: &Expr) {
        let told = said(hint, &self.scope).words.into_iter().map(|words| words.plain().text).collect::<Vec<_>>();
        if let Some(at) = self.root(receiver) {
            self.hints.push((at, told));
        }
    }

    /// Where the value was made that methods are called on.
    fn root(&self, value: &Expr) -> Option<Place> {
        match value {
            Expr::MethodCall(call) if self.wrapper(&call.method.to_string(), true).is_none() => self.root(&call.receiver),
            Expr::Try(inner) => self.root(&inner.expr),
            Expr::Path(path) => match self.scope.find(&path.path.get_ident()?.to_string())? {
                scope::Meaning::Value(Expr::Path(_)) => None,
                scope::Meaning::Value(value) => self.root(value),
                _ => None,
            },
            other => Some(place(other.span().start())),
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().contains("test"),
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::NameValue(_) => false,
    })
}

fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

fn constants_of(file: &syn::File) -> Vec<(String, Expr)> {
    let constant = |item: &syn::Item| match item {
        syn::Item::Const(constant) => Some((constant.ident.to_string(), (*constant.expr).clone())),
        _ => None,
    };
    file.items.iter().filter_map(constant).collect()
}

fn is_public(visibility: &syn::Visibility) -> bool {
    !matches!(visibility, syn::Visibility::Inherited)
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_test(&item.attrs) {
            self.function(&item.sig, is_public(&item.vis), |reader| visit::visit_block(reader, &item.block));
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.sig, is_public(&item.vis), |reader| visit::visit_block(reader, &item.block));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.own = type_name(&item.self_ty);
        visit::visit_item_impl(self, item);
        self.own.clear();
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.scope.name(&item.ident.to_string(), &item.expr);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if let Some(init) = &local.init {
            self.scope.bind(&local.pat, &init.expr);
            if matches!(*init.expr, Expr::Closure(_)) {
                self.closure = scope::name(&local.pat);
            }
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        let parameters = closure.inputs.iter().map(|input| scope::name(input).unwrap_or_default()).collect();
        let frame = Frame { name: self.closure.take(), is_closure: true, parameters, ..Frame::default() };
        self.scope.frames.push(frame);
        visit::visit_expr_closure(self, closure);
        self.scope.frames.pop();
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func {
            let (end, arguments) = (end_of(&path.path), call.args.iter().collect::<Vec<_>>());
            let at = place(call.span().start());
            let end = end.replace("Self::", &format!("{}::", self.own));
            if let Some(maker) = known(&end, self.path) {
                self.made(&maker, &arguments, at);
            } else if let Some(wrapper) = self.wrapper(&end, false).cloned() {
                self.handed(&wrapper, &arguments, at);
            } else if end == "Err" {
                self.loose(arguments[0]);
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let (name, arguments) = (call.method.to_string(), call.args.iter().collect::<Vec<_>>());
        let at = place(call.span().start());
        match (name.as_str(), arguments.as_slice()) {
            ("ok_or" | "ok_or_else" | "map_err", [value]) => self.loose(value),
            ("with_hint", [hint]) => self.hint(&call.receiver, hint),
            (_, [_, ..]) => {
                if let Some(maker) = known_method(&name, self.path) {
                    self.made(&maker, &arguments, at);
                } else if let Some(wrapper) = self.wrapper(&name, true).cloned() {
                    self.handed(&wrapper, &arguments, at);
                }
            }
            _ => {}
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_struct(&mut self, value: &'ast ExprStruct) {
        let name = value.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let name = if name == "Self" { self.own.clone() } else { name };
        if let Some((text, kind)) = known_fields(&name, self.path) {
            let field = |wanted: &str| {
                value.fields.iter().find(|field| matches!(&field.member, Member::Named(name) if name == wanted)).map(|field| &field.expr)
            };
            if let Some(text) = field(text) {
                let (said_text, hint) = (said(text, &self.scope), field("hint").map(|hint| said(hint, &self.scope)));
                self.record(said_text, kind, hint.as_ref(), place(value.span().start()));
            }
        }
        visit::visit_expr_struct(self, value);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let path: Vec<String> = mac.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let is_told = matches!(path.iter().map(String::as_str).collect::<Vec<_>>()[..], ["tracing", "warn" | "error"]);
        if let Some(said) = formatted(mac, &self.scope).filter(|_| is_told) {
            self.record(said, Kind::Error(Some(0)), None, place(mac.span().start()));
        } else if !is_told {
            self.inside(mac);
        }
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        item.variants.iter().for_each(|variant| self.variant(&item.ident.to_string(), variant));
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.derived(&item.ident.to_string(), "", "", &item.attrs);
    }
}

impl Reader<'_> {
    /// What stands inside a macro is read where it is expressions, or statements.
    fn inside(&mut self, mac: &Macro) {
        use syn::parse::Parser as _;
        let arguments = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated.parse2(mac.tokens.clone());
        match (arguments, mac.parse_body_with(syn::Block::parse_within)) {
            (Ok(arguments), _) => arguments.iter().for_each(|argument| visit_owned(self, argument)),
            (Err(_), Ok(statements)) => statements.iter().for_each(|statement| visit_owned_statement(self, statement)),
            (Err(_), Err(_)) => {
                let text = mac.tokens.to_string();
                if ["Error :: new", "Failure ::", "Mistake", "with_hint"].iter().any(|maker| text.contains(maker)) {
                    let at = mac.span().start().line;
                    self.faults.push(format!("{}:{at}: an error is made inside a macro that cannot be read", self.path));
                }
            }
        }
    }

    fn variant(&mut self, of: &str, variant: &Variant) {
        let field = variant.fields.iter().next().map(|field| type_name(&field.ty)).unwrap_or_default();
        self.derived(of, &variant.ident.to_string(), &field, &variant.attrs);
    }

    /// What `#[error("…")]` says.
    fn derived(&mut self, of: &str, variant: &str, field: &str, attributes: &[syn::Attribute]) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("error")) {
            let syn::Meta::List(list) = &attribute.meta else { continue };
            let whole: proc_macro2::TokenStream = list.tokens.clone();
            let text = whole.to_string().replace(", . 0", ", path").replace(", .0", ", path");
            let Ok(mac) = syn::parse_str::<Macro>(&format!("format!({text})")) else { continue };
            let Some(mut said) = formatted(&mac, &self.scope) else { continue };
            let line = attribute.span().start().line;
            said.words.iter_mut().for_each(|words| words.line = line);
            let key = (of.to_owned(), variant.to_owned());
            let hints = self.advice.get(&key).cloned().unwrap_or_default();
            let holder = match field {
                "PathBuf" => "FILE",
                "u8" => "NUMBER",
                _ => "REASON",
            };
            let words = said.words.iter().map(|words| words.fill("0", holder).plain());
            let words = words.filter(|words| words.text.contains(' ')).collect::<Vec<_>>();
            if !words.is_empty() {
                self.push(&words, Kind::Part(vec![of.to_owned()]), hints, place(attribute.span().start()), false);
            }
        }
    }
}

fn visit_owned(reader: &mut Reader<'_>, expr: &Expr) {
    Visit::visit_expr(reader, expr);
}

fn visit_owned_statement(reader: &mut Reader<'_>, statement: &syn::Stmt) {
    Visit::visit_stmt(reader, statement);
}
