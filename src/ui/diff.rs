//! A change of a file as people read it: a unified diff, in which nobody's secrets are.

use similar::{ChangeTag, TextDiff};

use super::{Manner, Paint};

/// How many lines around a change are shown.
const CONTEXT: usize = 3;

/// What is shown for a secret.
const MASK: &str = "********";

/// Parts of names that secrets go by.
const SECRETS: [&str; 8] = ["auth", "token", "password", "secret", "key-data", "apikey", "header", "passwd"];

/// Names that have such parts and are none.
const HARMLESS: [&str; 5] = ["helper", "goauth", "auths", "tokenfile", "auth-provider"];

/// The change from `old` to `new`, of a file that has these names before and after.
#[must_use]
pub fn unified(manner: Manner, names: (&str, &str), old: &str, new: &str) -> String {
    let paint = |colour: Option<Paint>, line: &str| colour.map_or_else(|| line.to_owned(), |colour| manner.paint(colour, line)) + "\n";
    let mut shown = paint(Some(Paint::Faint), &format!("--- {}", visible(names.0)));
    shown += &paint(Some(Paint::Faint), &format!("+++ {}", visible(names.1)));
    let (old, new) = (without_secrets(old), without_secrets(new));
    let diff = TextDiff::from_lines(&old, &new);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        shown += &paint(Some(Paint::Faint), hunk.header().to_string().trim_end());
        for change in hunk.iter_changes() {
            let (sign, colour) = match change.tag() {
                ChangeTag::Delete => ('-', Some(Paint::Bad)),
                ChangeTag::Insert => ('+', Some(Paint::Good)),
                ChangeTag::Equal => (' ', None),
            };
            shown += &paint(colour, &format!("{sign}{}", visible(change.value().trim_end_matches(['\r', '\n']))));
            if change.missing_newline() {
                shown += &paint(Some(Paint::Faint), "\\ No newline at end of file");
            }
        }
    }
    shown
}

/// A line without what steers a terminal.
fn visible(line: &str) -> String {
    let is_shown = |c: &char| *c == '\t' || !(c.is_control() || crate::error::is_invisible(*c));
    line.chars().filter(is_shown).collect()
}

/// A text without secrets, line by line: what stands deeper below the name of a secret belongs to it.
fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut hidden_below = None;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim_end_matches(['\r', '\n']);
        let (content, end) = (line.trim_start(), &whole[line.len()..]);
        let indent = line.len() - content.len();
        let is_hidden = hidden_below.is_some_and(|outer| indent > outer || content.is_empty());
        if is_hidden && !content.is_empty() {
            shown.extend([&line[..indent], MASK, end]);
            continue;
        }
        hidden_below = if is_hidden { hidden_below } else { Some(indent).filter(|_| goes_on_below(content)) };
        shown += &masked(line);
        shown += end;
    }
    shown
}

/// Whether a line ends with the name of a secret, or says that its value is the text below.
fn goes_on_below(line: &str) -> bool {
    let (name, value) = line.split_once([':', '=']).unwrap_or_default();
    let value = value.trim_start();
    let name = name.trim_start_matches("- ").trim().trim_matches(['"', '\'']).to_lowercase();
    is_secret(&name) && (value.is_empty() || value.starts_with(['|', '>', '#']))
}

/// A line without the values that go by the name of a secret, and without passwords in addresses.
fn masked(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line;
    while let Some(at) = rest.find([':', '=']) {
        let (head, tail) = rest.split_at(at + 1);
        shown.push_str(head);
        rest = tail;
        let name = head[..at].trim_end().trim_end_matches(['"', '\'']);
        let name = name.rsplit(|c: char| !(c.is_alphanumeric() || "_-".contains(c))).next().unwrap_or_default().to_lowercase();
        let hidden = if is_secret(&name) { value_of(rest) } else { userinfo_of(rest) };
        if let Some((blanks, length)) = hidden {
            shown.push_str(&rest[..blanks]);
            shown.push_str(MASK);
            rest = &rest[blanks + length..];
        }
    }
    shown + rest
}

fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|part| name.contains(part)) && !HARMLESS.iter().any(|part| name.contains(part))
}

/// The blanks before a value, and its length: a text in quotes whole, anything else to the end of the line. What only opens brackets hides
/// nothing itself.
fn value_of(rest: &str) -> Option<(usize, usize)> {
    let value = rest.trim_start();
    let blanks = rest.len() - value.len();
    let length = match value.chars().next()? {
        '{' | '[' => return None,
        quote @ ('"' | '\'') => {
            let mut is_escaped = false;
            let inner = value[1..].char_indices().find(|(_, c)| {
                let ends = *c == quote && !is_escaped;
                is_escaped = *c == '\\' && !is_escaped;
                ends
            });
            inner.map_or(value.len(), |(at, _)| at + 2)
        }
        _ => value.len(),
    };
    Some((blanks, length))
}

/// The same for the user and password in the address that `rest` begins with, behind the colon of its scheme.
fn userinfo_of(rest: &str) -> Option<(usize, usize)> {
    let authority = rest.strip_prefix("//")?.split(['/', '"', '\'', ' ']).next()?;
    authority.rfind('@').map(|at| (2, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let table = [
            ("\t\t\t\"auth\": \"dXNlcjpwYXNz\"", "\t\t\t\"auth\": ********"),
            ("{\"auths\":{\"h\":{\"auth\":\"a\\\"b\"}},\"x\":\"y\"}", "{\"auths\":{\"h\":{\"auth\":********}},\"x\":\"y\"}"),
            ("    token: s3cret # mine", "    token: ********"),
            ("    client-key-data: abc", "    client-key-data: ********"),
            ("aws_secret_access_key=abc", "aws_secret_access_key=********"),
            ("\textraheader = Authorization: Basic abc", "\textraheader = ********"),
            ("common --remote_header=x-api-key=abc", "common --remote_header=********"),
            ("[url \"https://me:abc@h/\"]", "[url \"https://********@h/\"]"),
            ("index = \"sparse+https://abc@h/\"", "index = \"sparse+https://********@h/\""),
            ("credential_process = token helper aws --profile prod", "credential_process = token helper aws --profile prod"),
            ("GOAUTH=token helper goauth --profile prod; netrc", "GOAUTH=token helper goauth --profile prod; netrc"),
            ("token_helper = \"/x\"", "token_helper = \"/x\""),
            ("token: {", "token: {"),
        ];
        for (line, shown) in table {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn what_stands_below_the_name_of_a_secret_is_not_shown() {
        let text = "users:\n- user:\n    token: |\r\n      abc\r\n\n      def\n    other: x\npassword:\n  abc\nnext: |\n  y\n";
        let shown = "users:\n- user:\n    token: ********\r\n      ********\r\n\n      ********\n    other: x\npassword:\n  ********\nnext: |\n  y\n";
        assert_eq!(without_secrets(text), shown);
    }

    #[test]
    fn a_change_is_shown_with_what_is_around() {
        let manner = Manner::plain();
        let shown = unified(manner, ("a", "b"), "1\n2\n3\n4\n5\u{1b}[31m\n6", "1\n2\n3\n4\n5\u{1b}[31m\nx\n6");
        assert_eq!(shown, "--- a\n+++ b\n@@ -3,4 +3,5 @@\n 3\n 4\n 5[31m\n+x\n 6\n\\ No newline at end of file\n");
        assert_eq!(unified(manner, ("a", "b"), "x\r\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
    }
}
