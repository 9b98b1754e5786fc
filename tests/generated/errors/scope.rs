//! What names mean inside a function: its parameters, what was let be, and the constants of its file.

use std::cell::RefCell;
use std::collections::HashMap;

use syn::{Expr, Pat};

/// What a name means.
#[derive(Clone, Copy, Debug)]
pub enum Meaning<'s> {
    Parameter,
    Value(&'s Expr),
    /// One place of a tuple.
    Part(&'s Expr, usize),
}

/// A function or a closure.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// What it is called, if it is.
    pub name: Option<String>,
    pub is_closure: bool,
    /// Whether it is called as a method.
    pub is_method: bool,
    pub parameters: Vec<String>,
    pub lets: HashMap<String, (Expr, Option<usize>)>,
}

#[derive(Debug, Default)]
pub struct Scope {
    pub constants: HashMap<String, Expr>,
    pub frames: Vec<Frame>,
    /// What is being looked up: a name may be bound to something that says it.
    pub under_way: RefCell<Vec<String>>,
}

impl Scope {
    pub fn find(&self, name: &str) -> Option<Meaning<'_>> {
        for frame in self.frames.iter().rev() {
            if let Some((value, at)) = frame.lets.get(name) {
                return Some(at.map_or(Meaning::Value(value), |at| Meaning::Part(value, at)));
            }
            if frame.parameters.iter().any(|parameter| parameter == name) {
                return Some(Meaning::Parameter);
            }
        }
        self.constants.get(name).map(Meaning::Value)
    }

    /// What a constant is.
    pub fn name(&mut self, name: &str, value: &Expr) {
        if let Some(frame) = self.frames.last_mut() {
            frame.lets.insert(name.to_owned(), (value.clone(), None));
        }
    }

    /// What a `let` binds.
    pub fn bind(&mut self, pattern: &Pat, value: &Expr) {
        let Some(frame) = self.frames.last_mut() else { return };
        match pattern {
            Pat::Tuple(tuple) => {
                for (at, name) in tuple.elems.iter().enumerate().filter_map(|(at, element)| Some((at, name(element)?))) {
                    frame.lets.insert(name, (value.clone(), Some(at)));
                }
            }
            other => {
                // `let error = error.with_hint(…)` means the one before.
                if let Some(name) = name(other).filter(|name| !is_of(value, name)) {
                    frame.lets.insert(name, (value.clone(), None));
                }
            }
        }
    }

    /// The function or closure whose parameter `name` is.
    pub fn owner(&self, name: &str) -> Option<&Frame> {
        self.frames.iter().rev().find(|frame| frame.parameters.iter().any(|parameter| parameter == name))
    }
}

/// Whether `value` begins with the variable `name`.
fn is_of(value: &Expr, name: &str) -> bool {
    match value {
        Expr::MethodCall(call) => is_of(&call.receiver, name),
        Expr::Try(inner) => is_of(&inner.expr, name),
        Expr::Path(path) => path.path.is_ident(name),
        _ => false,
    }
}

/// The name that a pattern is.
pub fn name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(identifier) => Some(identifier.ident.to_string()),
        Pat::Type(typed) => name(&typed.pat),
        Pat::Reference(inner) => name(&inner.pat),
        _ => None,
    }
}
