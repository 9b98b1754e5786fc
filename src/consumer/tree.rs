//! YAML, and JSON, which is YAML: where each piece of a text stands. Adds to it and takes from it in the way it is written.
//!
//! Refuses more than one document, aliases at places that matter to nobody but their writer, and nesting that nobody writes.

use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

use super::edit::{Edit, behind_line, insert_lines, line_end, line_of, remove_lines, start_of_line};
use super::mistake;
use crate::error::one_line;
use crate::settings::Mistake;

const DEEPEST: usize = 64;

/// A piece of a text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where it stands; a block ends with the last thing in it.
    pub(super) range: Range<usize>,
    /// What it is.
    pub(super) content: Content,
    /// Whether it is a list or a mapping in lines of its own, rather than in brackets.
    pub(super) is_block: bool,
}

/// What a piece is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// Text, or what looks like it.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in its order.
    Mapping(Vec<(Node, Node)>),
    /// Something said elsewhere.
    Alias,
}

/// Reads a text; `None` where it says nothing.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Mistake> {
    let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut reader = Reader { text, offsets, parser: Parser::new_from_str(text) };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, span) => documents.push(reader.node(event, span, 0)?),
        }
    }
    match documents.as_slice() {
        [_, second, ..] => Err(mistake(line_of(text, second.range.start), "there is more than one document", None)),
        _ => Ok(documents.pop().filter(|node| !node.is_null())),
    }
}

struct Reader<'t> {
    text: &'t str,
    /// The parser counts characters.
    offsets: Vec<usize>,
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Mistake> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(mistake(self.line(error.marker().line()), format!("cannot be read: {}", one_line(error.info())), None)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// What is missing at the end, the parser misses behind it.
    fn line(&self, told: usize) -> usize {
        told.min(line_of(self.text, self.text.trim_end().len()))
    }

    fn offset(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.text.len())
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Mistake> {
        let start = self.offset(span.start.index());
        if depth > DEEPEST {
            return Err(mistake(self.line(span.start.line()), "this is nested too deeply", None));
        }
        let is_block = !self.text[start..].starts_with(['[', '{']);
        let (content, end) = match event {
            Event::Scalar(value, ..) => (Content::Scalar(value.into_owned()), span),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.mapping(depth)?,
            _ => (Content::Alias, span),
        };
        let is_block = is_block && !matches!(content, Content::Scalar(_) | Content::Alias);
        let end = match &content {
            Content::List(_) | Content::Mapping(_) if is_block => last_of(&content).unwrap_or(start),
            // Its last character alone: the parser counts a comment behind it in.
            Content::List(_) | Content::Mapping(_) => self.offset(end.start.index() + 1).max(start),
            Content::Scalar(_) | Content::Alias => {
                let end = self.offset(end.end.index()).max(start);
                start + self.text[start..end].trim_end().len()
            }
        };
        Ok(Node { range: start..end, content, is_block })
    }

    fn list(&mut self, depth: usize) -> Result<(Content, Span), Mistake> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, span) => return Ok((Content::List(items), span)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<(Content, Span), Mistake> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, span) => return Ok((Content::Mapping(entries), span)),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth + 1)?;
            if value.is_block && !value.items().is_empty() {
                // The parser tells the place of the first dash only where that is indented.
                value.range.start = self.first_dash(key.range.end).unwrap_or(value.range.start);
            }
            let is_twice = key.text().is_some_and(|name| entries.iter().any(|(known, _)| known.text() == Some(name)));
            if is_twice {
                let name = one_line(key.text().unwrap_or_default());
                return Err(mistake(line_of(self.text, key.range.start), format!("`{name}` stands there twice"), None));
            }
            entries.push((key, value));
        }
    }
}

impl Reader<'_> {
    /// The first dash in the lines below the one of `offset`, past those that say nothing.
    fn first_dash(&self, offset: usize) -> Option<usize> {
        let mut start = behind_line(self.text, offset);
        while start < self.text.len() {
            let end = behind_line(self.text, start);
            let line = self.text[start..end].trim_start_matches([' ', '\t']);
            if !line.trim().is_empty() && !line.starts_with('#') {
                return line.starts_with('-').then_some(end - line.len());
            }
            start = end;
        }
        None
    }
}

fn last_of(content: &Content) -> Option<usize> {
    match content {
        Content::List(items) => items.last().map(|node| node.range.end),
        Content::Mapping(entries) => entries.last().map(|(key, value)| key.range.end.max(value.range.end)),
        Content::Scalar(_) | Content::Alias => None,
    }
}

impl Node {
    /// Its text, where it is a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it says nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(text) if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What it has at `key`, where it is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// What it has behind these keys.
    pub(super) fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Its entries, where it is a mapping.
    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Its items, where it is a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    /// Its item with this `name`.
    pub(super) fn named(&self, name: &str) -> Option<(usize, &Self)> {
        self.items().iter().enumerate().find(|(_, item)| item.get("name").and_then(Self::text) == Some(name))
    }

    /// Where each thing in it stands, keys included.
    fn parts(&self) -> Vec<Range<usize>> {
        match &self.content {
            Content::List(items) => items.iter().map(|item| item.range.clone()).collect(),
            Content::Mapping(entries) => entries.iter().map(|(key, value)| key.range.start..value.range.end).collect(),
            Content::Scalar(_) | Content::Alias => Vec::new(),
        }
    }

    /// Puts `part` (as JSON) behind the last thing in these brackets.
    pub(super) fn push(&self, text: &str, part: &str) -> Edit {
        self.push_all(text, &[part.to_owned()])
    }

    /// Puts these parts (as JSON) behind the last thing in these brackets.
    pub(super) fn push_all(&self, text: &str, parts: &[String]) -> Edit {
        let is_spread = text[self.range.clone()].contains('\n');
        let end = line_end(text);
        let Some(last) = self.parts().pop() else {
            let outer = indent_of(text, self.range.start);
            let inner = format!("{outer}{}", unit(text));
            let parts: Vec<String> = parts.iter().map(|part| format!("{inner}{part}")).collect();
            let within = self.range.start + 1..self.range.end - 1;
            return Edit::replace(text, within, format!("{end}{}{end}{outer}", parts.join(&format!(",{end}"))));
        };
        let gap = if is_spread { format!(",{end}{}", indent_of(text, last.start)) } else { ", ".to_owned() };
        let parts: Vec<String> = parts.iter().map(|part| format!("{gap}{part}")).collect();
        Edit::insert(last.end, parts.concat())
    }

    /// Puts an object with these parts (as JSON) behind the last thing in these brackets.
    pub(super) fn push_member(&self, text: &str, key: &str, parts: &[String]) -> Edit {
        let (end, unit) = (line_end(text), unit(text));
        let outer = match self.parts().last() {
            Some(last) if text[self.range.clone()].contains('\n') => indent_of(text, last.start).to_owned(),
            Some(_) => return self.push(text, &format!("{}: {{{}}}", serde_json::Value::from(key), parts.join(", "))),
            None => format!("{}{unit}", indent_of(text, self.range.start)),
        };
        let parts: Vec<String> = parts.iter().map(|part| format!("{outer}{unit}{part}")).collect();
        let parts = parts.join(&format!(",{end}"));
        self.push(text, &format!("{}: {{{end}{parts}{end}{outer}}}", serde_json::Value::from(key)))
    }

    /// Takes the parts with these indices out of these brackets, but not all that there are.
    pub(super) fn take_all(&self, text: &str, indices: &[usize]) -> Vec<Edit> {
        let parts = self.parts();
        let is_taken = |index: &usize| indices.contains(index);
        let last_kept = (0..parts.len()).rev().find(|index| !is_taken(index));
        let taken = (0..parts.len()).filter(is_taken);
        let range = |index: usize| match last_kept {
            // Behind the last that stays, each goes with the comma before it.
            Some(kept) if index > kept => parts[index - 1].end..parts[index].end,
            _ => parts[index].start..parts.get(index + 1).map_or(parts[index].end, |next| next.start),
        };
        taken.map(|index| Edit::remove(text, range(index))).collect()
    }

    /// Takes the part with this index out of these brackets, or out of its lines.
    pub(super) fn take(&self, text: &str, index: usize) -> Edit {
        let parts = self.parts();
        let Some(part) = parts.get(index) else { return Edit::insert(0, "") };
        if self.is_block {
            let from = self.start_of_part(text, index);
            return remove_lines(text, from..part.end, false);
        }
        match (index.checked_sub(1).and_then(|before| parts.get(before)), parts.get(index + 1)) {
            (_, Some(next)) => Edit::remove(text, part.start..next.start),
            (Some(before), None) => Edit::remove(text, before.end..part.end),
            (None, None) => Edit::remove(text, self.range.start + 1..self.range.end - 1),
        }
    }

    /// Where a part of a block begins: an item with its dash, which may stand lines before it.
    fn start_of_part(&self, text: &str, index: usize) -> usize {
        let parts = self.parts();
        let Some(part) = parts.get(index) else { return self.range.start };
        if matches!(self.content, Content::Mapping(_)) {
            return part.start;
        }
        let from = index.checked_sub(1).and_then(|before| parts.get(before)).map_or(self.range.start, |before| before.end);
        let column = self.range.start - start_of_line(text, self.range.start);
        let mut start = if index == 0 { self.range.start } else { behind_line(text, from) };
        while start < part.start && index > 0 {
            if text.as_bytes().get(start + column) == Some(&b'-')
                && text.get(start..start + column).is_some_and(|blanks| blanks.trim().is_empty())
            {
                return start + column;
            }
            start = behind_line(text, start);
        }
        start.min(part.start)
    }

    /// The text of the part with this index, from its dash to its end.
    pub(super) fn part_range(&self, text: &str, index: usize) -> Range<usize> {
        self.start_of_part(text, index)..self.parts().get(index).map_or(self.range.end, |part| part.end)
    }

    /// Puts `lines` behind the last line of this block, as deep as it is.
    pub(super) fn push_lines(&self, text: &str, lines: &[String]) -> Edit {
        let column = self.range.start - start_of_line(text, self.range.start);
        let lines: Vec<String> = lines.iter().map(|line| format!("{}{line}", " ".repeat(column))).collect();
        insert_lines(text, behind_line(text, self.range.end.max(1) - 1), &lines, false)
    }
}

/// The blanks that the line of `offset` begins with.
fn indent_of(text: &str, offset: usize) -> &str {
    let line = &text[start_of_line(text, offset)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// By what the text is indented.
fn unit(text: &str) -> &str {
    let indents = text.lines().map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    indents.filter(|indent| !indent.is_empty()).min_by_key(|indent| indent.len()).unwrap_or("\t")
}

/// `text` as a scalar of YAML.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-@".contains(c))
        && text.contains(|c: char| c.is_ascii_alphabetic());
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if is_plain && !words.contains(&text.to_ascii_lowercase().as_str()) && !text.starts_with("---") {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}
