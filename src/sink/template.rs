//! Templates of sinks: text in which `{token}` and its like stand for what is known of a token, and `{{` and `}}` for braces. No
//! conditions, no loops, no escapes: what needs more reads the `json` sink.

use crate::clock::Timestamp;
use crate::error::one_line;
use crate::settings::nearest;
use crate::token::Answer;

/// A template that names nothing unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Token,
    TokenType,
    ExpiresAt,
    Profile,
    Scope,
}

const FIELDS: [(&str, Field); 5] = [
    ("token", Field::Token),
    ("token_type", Field::TokenType),
    ("expires_at", Field::ExpiresAt),
    ("profile", Field::Profile),
    ("scope", Field::Scope),
];

const LONE_BRACE: &str = "a brace stands alone: write `{{` for `{` and `}}` for `}`";

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty".to_owned());
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(brace) = rest.find(['{', '}']) {
            let (before, from_brace) = rest.split_at(brace);
            pieces.push(Piece::Text(before.to_owned()));
            let (piece, after) = braced(from_brace)?;
            pieces.push(piece);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// The text for this token. What is unknown leaves nothing.
    pub(super) fn render(&self, answer: &Answer<'_>) -> String {
        self.0.iter().map(|piece| piece.render(answer)).collect()
    }
}

/// What begins at the brace that `text` begins with, and what follows it.
fn braced(text: &str) -> Result<(Piece, &str), String> {
    for (twice, once) in [("{{", "{"), ("}}", "}")] {
        if let Some(after) = text.strip_prefix(twice) {
            return Ok((Piece::Text(once.to_owned()), after));
        }
    }
    let (name, after) = text.strip_prefix('{').and_then(|inside| inside.split_once('}')).ok_or(LONE_BRACE)?;
    match FIELDS.iter().find(|(known, _)| *known == name) {
        Some((_, field)) => Ok((Piece::Field(*field), after)),
        None => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> String {
    let names = || FIELDS.iter().map(|(name, _)| *name);
    let right = match nearest(name, names()) {
        Some(near) => format!("did you mean `{{{near}}}`?"),
        None => format!("there are {}", names().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")),
    };
    format!("`{{{}}}` stands for nothing; {right}", one_line(name))
}

impl Piece {
    fn render(&self, answer: &Answer<'_>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Field(Field::Token) => answer.token.expose().to_owned(),
            Self::Field(Field::TokenType) => answer.token.token_type.clone(),
            Self::Field(Field::ExpiresAt) => answer.token.expires_at.and_then(Timestamp::rfc3339).unwrap_or_default(),
            Self::Field(Field::Profile) => answer.profile.to_string(),
            Self::Field(Field::Scope) => answer.token.scope.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;

    #[test]
    fn placeholders_are_filled_in() {
        let mut token = Token::new("{scope}".to_owned()).expect("a token");
        let bare = token.clone();
        token.scope = Some("read write".to_owned());
        token.expires_at = Some(Timestamp::from_unix_seconds(1_795_348_800));
        let table = [
            ("plain", &token, "plain"),
            ("{token}", &token, "{scope}"),
            ("{token}{token}\n", &token, "{scope}{scope}\n"),
            ("{{\"{profile}\": \"{token_type}\"}}", &token, "{\"prod\": \"Bearer\"}"),
            ("{{{scope}}}", &token, "{read write}"),
            ("until {expires_at}", &token, "until 2026-11-22T12:00:00Z"),
            ("<{expires_at}{scope}>", &bare, "<>"),
        ];
        let profile = "prod".parse().expect("a name");
        for (template, token, text) in table {
            let answer = Answer { profile: &profile, source: "env", token, cached: false, now: Timestamp::from_unix_seconds(0) };
            let rendered = Template::parse(template).map(|template| template.render(&answer));
            assert_eq!(rendered.as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn what_stands_for_nothing_is_refused() {
        let table = [
            ("", "empty"),
            ("{tokn}", "`{tokn}` stands for nothing; did you mean `{token}`?"),
            ("{ token }", "`{token}` stands for nothing; did you mean `{token}`?"),
            ("{}", "`{}` stands for nothing; there are {token}, {token_type}, {expires_at}, {profile}, {scope}"),
            ("a { b", LONE_BRACE),
            ("a } b", LONE_BRACE),
            ("{token}}", LONE_BRACE),
        ];
        for (template, what) in table {
            assert_eq!(Template::parse(template).err().as_deref(), Some(what), "{template}");
        }
    }
}
