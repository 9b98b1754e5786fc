//! The little of HCL that command line tools are configured in: attributes and blocks, one after another.
//!
//! Reads what stands at the top, and skips what is in brackets whatever it is. Refuses JSON, which HCL may also be.

use std::ops::Range;

use super::edit::line_of;
use super::mistake;
use crate::settings::Mistake;

/// An attribute or a block at the top of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Its name.
    pub(super) name: String,
    /// What stands between the name and the brace; nothing for an attribute.
    pub(super) labels: Vec<String>,
    /// The texts in quotes within it, in order.
    pub(super) texts: Vec<String>,
    /// Where it stands, from its name to its end.
    pub(super) range: Range<usize>,
}

/// A word, a text in quotes, or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
    Newline,
}

/// Everything at the top of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Item>, Mistake> {
    let tokens = tokens(text)?;
    let mut items = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].0 == Token::Newline {
            at += 1;
            continue;
        }
        let behind = end_of_item(text, &tokens, at)?;
        items.push(item(&tokens[at..behind]));
        at = behind;
    }
    Ok(items)
}

fn item(tokens: &[(Token, Range<usize>)]) -> Item {
    let word = |token: &Token| match token {
        Token::Word(text) | Token::Text(text) => Some(text.clone()),
        Token::Sign(_) | Token::Newline => None,
    };
    let head = tokens.iter().map_while(|(token, _)| word(token)).collect::<Vec<_>>();
    let body = tokens.iter().skip(head.len());
    let texts = body.filter_map(|(token, _)| if let Token::Text(text) = token { Some(text.clone()) } else { None }).collect();
    let range = tokens.first().map_or(0, |first| first.1.start)..tokens.last().map_or(0, |last| last.1.end);
    Item { name: head.first().cloned().unwrap_or_default(), labels: head.into_iter().skip(1).collect(), texts, range }
}

/// The number of the token behind the item that begins with this one.
fn end_of_item(text: &str, tokens: &[(Token, Range<usize>)], first: usize) -> Result<usize, Mistake> {
    let wrong = |at: usize| {
        let offset = tokens.get(at).or(tokens.last()).map_or(0, |token| token.1.start);
        Err(mistake(line_of(text, offset), "this is neither an attribute nor a block", None))
    };
    if !matches!(tokens[first].0, Token::Word(_) | Token::Text(_)) {
        return wrong(first);
    }
    let mut depth = 0_usize;
    let mut has_body = false;
    for (at, (token, _)) in tokens.iter().enumerate().skip(first + 1) {
        match token {
            Token::Sign('{' | '[' | '(') => depth += 1,
            Token::Sign('}' | ']' | ')') if depth == 0 => return wrong(at),
            Token::Sign('}' | ']' | ')') => depth -= 1,
            Token::Newline if depth == 0 && has_body => return Ok(at),
            Token::Newline if depth == 0 => return wrong(first),
            _ => {}
        }
        has_body |= matches!(token, Token::Sign('=' | '{'));
    }
    if depth == 0 && has_body { Ok(tokens.len()) } else { wrong(first) }
}

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = match character {
            '\n' => (Some(Token::Newline), 1),
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, closed(text, at, rest.find("*/").map(|end| end + 2))?),
            '<' if rest.starts_with("<<") => (None, closed(text, at, heredoc(rest))?),
            '"' => {
                let length = closed(text, at, string(rest))?;
                (Some(Token::Text(unquoted(&rest[1..length - 1]))), length)
            }
            blank if blank.is_whitespace() => (None, blank.len_utf8()),
            part if is_part(part) => {
                let word: String = rest.chars().take_while(|c| is_part(*c)).collect();
                let length = word.len();
                (Some(Token::Word(word)), length)
            }
            sign => (Some(Token::Sign(sign)), sign.len_utf8()),
        };
        tokens.extend(token.map(|token| (token, at..at + length)));
        at += length;
    }
    Ok(tokens)
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

fn closed(text: &str, at: usize, length: Option<usize>) -> Result<usize, Mistake> {
    length.ok_or_else(|| mistake(line_of(text, at), "this does not end", None))
}

/// The length of a text in quotes, which ends with its line, and may hold `${…}` with quotes of its own.
fn string(rest: &str) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0_usize, false);
    let mut before = ' ';
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '\n' => return None,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '{' if before == '$' || depth > 0 => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '"' if depth == 0 => return Some(at + 1),
            _ => {}
        }
        before = character;
    }
    None
}

fn unquoted(inner: &str) -> String {
    serde_json::from_str(&format!("\"{inner}\"")).unwrap_or_else(|_| inner.to_owned())
}

fn heredoc(rest: &str) -> Option<usize> {
    let (head, _) = rest.split_once('\n')?;
    let mark = head.trim_start_matches('<').trim_start_matches('-').trim();
    let mut at = head.len() + 1;
    for line in rest[at..].split_inclusive('\n') {
        if line.trim() == mark {
            return Some(at + line.trim_end().len());
        }
        at += line.len();
    }
    None
}
