//! Every error of the program is in the manual, with why and what to do: read out of the sources, where a remark stands beside the place
//! that makes it ([`table`] says how). An error without one is a fault.

mod page;
mod reading;
mod scope;
mod table;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files by their names.
type Texts = BTreeMap<String, String>;

/// Fewer errors than this, and the reader of sources is at fault.
const LEAST: usize = 140;

fn texts(folder: &Path, found: &mut Texts) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            texts(&path, found);
        } else if !name.ends_with("tests.rs") && !name.contains("fuzzing") {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// The errors that these files make, and what is wrong with how they do it.
fn read(texts: &Texts) -> (Vec<table::Entry>, Vec<String>) {
    let files: Vec<_> = texts.iter().map(|(path, text)| (path.clone(), syn::parse_file(text).unwrap())).collect();
    let (sites, mut faults) = reading::sites(&files);
    let remarks = texts.iter().map(|(path, text)| {
        let remarks = table::remarks(text).unwrap_or_else(|fault| {
            faults.push(format!("{path}:{fault}"));
            Vec::new()
        });
        (path.clone(), remarks)
    });
    let remarks = remarks.collect();
    let (entries, more) = table::entries(&sites, &remarks);
    faults.extend(more);
    (entries, faults)
}

/// The page of the manual.
pub fn page() -> String {
    let mut found = Texts::new();
    texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let (entries, faults) = read(&found);
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(entries.len() >= LEAST, "only {} errors are found", entries.len());
    page::page(&entries)
}

/// What is wrong with a file that has this in it.
fn faults(text: &str) -> Vec<String> {
    read(&Texts::from([("src/source/one.rs".to_owned(), text.to_owned())])).1
}

/// The texts of the errors of a file that has this in it, and of their parts.
fn told(text: &str) -> Vec<String> {
    let (entries, faults) = read(&Texts::from([("src/source/one.rs".to_owned(), text.to_owned())]));
    assert_eq!(faults, [] as [&str; 0], "{text}");
    let parts = |entry: &table::Entry| entry.parts.iter().map(|part| format!("- {}", part.text)).collect::<Vec<_>>();
    entries.iter().flat_map(|entry| [entry.texts.clone(), parts(entry)].concat()).collect()
}

#[test]
fn an_error_that_is_not_explained_is_a_fault() {
    let table = [
        ("fn f() { SourceError::new(Class::Config, \"it broke\"); }", "`it broke` has no remark"),
        ("fn f() {\n // Error: it happens.\n SourceError::new(Class::Config, \"it broke\"); }", "no advice is known"),
        (
            "fn f(class: Class) {\n // Error: it happens. To do: mend it.\n SourceError::new(class, \"it broke\"); }",
            "no exit status is known",
        ),
        ("fn f() {\n // Error: it happens. To do: mend it.\n }", "no error behind it"),
        ("fn f() {\n // Error.\n SourceError::new(Class::Config, \"it broke\"); }", "is no remark about an error"),
        ("fn f() -> Result<(), String> { Err(\"it is broken\".to_owned()) }", "is no part of an error"),
        ("fn f() { item.mistake(\"it is broken\"); }", "is no part of an error"),
        ("fn f() { tracing::warn!(profile = %name, \"{x} was not replaced\"); }", "`X was not replaced` has no remark"),
        (
            "fn broken(what: &str) { Failure::Usage(format!(\"--x: {what}\")); }\nfn f() { broken(\"it is odd\"); }",
            "`--x: it is odd` has no",
        ),
        ("fn f() { select! { a = b => SourceError::new(Class::Config, \"it broke\") } }", "inside a macro that cannot be read"),
        ("#[derive(Error)] enum E { #[error(\"it is broken\")] A }", "is no part of an error"),
    ];
    for (text, wanted) in table {
        let faults = faults(text);
        assert!(faults.iter().any(|fault| fault.contains(wanted)), "{text}\n{faults:#?}");
    }
}

#[test]
fn errors_are_told_as_they_are_made() {
    let remark = "// Error: it happens. To do: mend it.\n";
    let table: [(&str, &[&str]); 9] = [
        ("fn f() {\n REMARK SourceError::new(Class::Config, format!(\"{} broke ({status})\", host(url))); }", &["HOST broke (STATUS)"]),
        (
            "fn f() { let text = if a { \"one is odd\" } else { \"two are odd\" };\n REMARK RenewalError::new(Class::Lock, text); }",
            &["one is odd", "two are odd"],
        ),
        (
            "fn f() {\n REMARK let odd = |what: &str| SourceError::new(Class::Config, format!(\"{what} in the file\"));\n odd(\"a thing is odd\"); }",
            &["REASON in the file", "- a thing is odd"],
        ),
        (
            "fn f() { odd(&error.to_string()); odd(\"it is odd\"); }\nfn odd(what: &str) {\n REMARK Failure::Usage(format!(\"--x: {what}\")); }",
            &["--x: REASON", "- --x: it is odd"],
        ),
        ("fn odd(what: &str) { Failure::Usage(what.to_owned()); }\nfn f() {\n REMARK odd(\"it is odd\"); }", &["it is odd"]),
        ("const ODD: &str = \"it is odd\";\nfn f() {\n REMARK Failure::Usage(ODD.to_owned()); }", &["it is odd"]),
        ("#[cfg(test)] mod tests { fn f() { Failure::Usage(\"it is odd\"); } }", &[]),
        ("impl E { fn odd() {\n REMARK Self::new(Class::Lock, \"it is odd\"); } }\n", &[]),
        ("impl RenewalError { fn odd() {\n REMARK Self::new(Class::Lock, \"it is odd\"); } }\n", &["it is odd"]),
    ];
    for (text, wanted) in table {
        if text.contains("impl E ") {
            assert_eq!(faults(&text.replace("REMARK", remark)).len(), 1, "what is no error of ours");
        } else {
            assert_eq!(told(&text.replace("REMARK", remark)), wanted, "{text}");
        }
    }
}
