//! What the grammar of the program says, as mdoc(7).

use clap::{Arg, ArgAction, Command};

/// The widest line of text.
const WIDEST: usize = 78;

/// A first page for a command: what is written by hand comes into it.
pub fn page(words: &[String], command: &Command) -> String {
    let name = std::iter::once("token").chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    format!(
        ".Dd November 22, 2026\n.Dt {} 1\n.Os\n.Sh NAME\n.Nm {name}\n.Nd {}\n.Sh SYNOPSIS\n.Nm token{}\n.Op Ar OPTIONS\n\
         .Sh DESCRIPTION\n{}.Sh OPTIONS\n.\\\" begin options\n.\\\" end options\n.Sh EXAMPLES\n.\\\" recipe\n.Bd -literal -offset indent\n\
         token {} \\-\\-help\n.Ed\n.Sh SEE ALSO\n.Xr token-helper 7\n",
        name.to_uppercase(),
        about.to_lowercase(),
        if words.is_empty() { String::new() } else { format!("\n.Cm {}", words.join(" ")) },
        text(&about),
        words.join(" "),
    )
}

/// The arguments and options of a command, and those of the tools that it knows. Those of every command stand in the page of the program.
pub fn options(command: &Command) -> String {
    let is_program = command.get_name() == "token";
    let own: Vec<&Arg> = told(command, is_program).collect();
    let mut written = if own.is_empty() { String::new() } else { items(&own) };
    for tool in command.get_subcommands().filter(|_| command.get_name() == "setup") {
        let of_tool: Vec<&Arg> = told(tool, false).filter(|argument| !argument.is_global_set()).collect();
        if !of_tool.is_empty() {
            written += &[".Ss Options for ", tool.get_name(), "\n", &items(&of_tool)].concat();
        }
    }
    if !is_program {
        written += ".Pp\nThe options of every command are described in\n.Xr token 1 .\n";
    }
    written
}

fn told(command: &Command, is_program: bool) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(move |argument| {
        let is_general = argument.get_help_heading() == Some("Global options");
        let is_builtin = matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version);
        !argument.is_hide_set() && (is_program || !is_general && !is_builtin)
    })
}

fn items(arguments: &[&Arg]) -> String {
    let items: String = arguments.iter().map(|argument| item(argument)).collect();
    format!(".Bl -tag -width Ds\n{items}.El\n")
}

fn item(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let (said, remarks) = told_apart(&help);
    let mut written = format!(".It {}\n{}", tag(argument), text(&said));
    written += &values(argument);
    let default = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).next();
    let is_flag = !argument.get_action().takes_values();
    let default = default.filter(|_| !is_flag).map(|value| format!("`{value}`")).or(remarks.default);
    if let Some(default) = default {
        written += if written.ends_with(".El\n") { ".Pp\n" } else { "" };
        written += &text(&format!("The default is {default}."));
    }
    if let Some(variable) = remarks.variable {
        written += &["The environment variable\n.Ev ", &variable, "\nsays the same.\n"].concat();
    }
    written
}

/// What is said of a default and of the environment, in brackets at its end.
#[derive(Default)]
struct Remarks {
    default: Option<String>,
    variable: Option<String>,
}

fn told_apart(help: &str) -> (String, Remarks) {
    let (mut said, mut remarks) = (help.to_owned(), Remarks::default());
    for (begin, place) in [(" [default: ", &mut remarks.default), (" [env: ", &mut remarks.variable)] {
        if let Some((before, rest)) = said.clone().split_once(begin) {
            let (value, behind) = rest.split_once(']').expect("a bracket that closes");
            *place = Some(value.to_owned());
            said = format!("{before}{behind}");
        }
    }
    (said, remarks)
}

fn tag(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(<[_]>::first).map(ToString::to_string);
    let value = value.filter(|_| argument.get_action().takes_values());
    if argument.is_positional() {
        let several = if argument.get_num_args().is_some_and(|range| range.max_values() > 1) { " ..." } else { "" };
        let dashes = if argument.is_last_set() { "Fl \\- Ar " } else { "Ar " };
        return format!("{dashes}{}{several}", value.unwrap_or_default());
    }
    let short = argument.get_short().map(|short| format!("Fl {short}"));
    let long = argument.get_long().map(|long| format!("Fl \\-{}", long.replace('-', "\\-")));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let value = value.map(|value| format!(" Ar {}", value.replace('-', "\\-"))).unwrap_or_default();
    names.join(" , ") + &value
}

/// The values that an argument can have, with what they mean.
fn values(argument: &Arg) -> String {
    let possible = argument.get_possible_values();
    if argument.is_hide_possible_values_set() || !argument.get_action().takes_values() || possible.is_empty() {
        return String::new();
    }
    let item = |value: &clap::builder::PossibleValue| {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        format!(".It Cm {}\n{}", value.get_name(), text(&help))
    };
    let items: String = possible.iter().filter(|value| !value.is_hide_set()).map(item).collect();
    format!(".Pp\n.Bl -tag -width Ds -compact\n{items}.El\n")
}

/// The commands of the program, each with its page.
pub fn commands(program: &Command) -> String {
    let item = |command: &Command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!(".It Xr token\\-{} 1\n{}", command.get_name(), text(&about))
    };
    let items: String = program.get_subcommands().filter(|command| command.get_name() != "help").map(item).collect();
    format!(".Bl -tag -width Ds\n{items}.El\n")
}

/// Running text: sentences on lines of their own, and what stands between backticks as a literal.
pub fn text(plain: &str) -> String {
    let mut written = String::new();
    for (index, paragraph) in plain.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()).enumerate() {
        let ended = if paragraph.ends_with(['.', ':']) { paragraph.to_owned() } else { format!("{paragraph}.") };
        written += if index > 0 { ".Pp\n" } else { "" };
        written += &paragraph_of(&ended.replace('\n', " "));
    }
    written
}

fn paragraph_of(paragraph: &str) -> String {
    let mut written = String::new();
    let mut pieces = paragraph.split('`');
    let mut glued = String::new();
    while let Some(words) = pieces.next() {
        let words = words.strip_prefix(glued.as_str()).unwrap_or(words);
        let Some(literal) = pieces.next() else {
            written += &lines(words);
            break;
        };
        // What is glued to a literal is an argument beside it.
        let (words, opening) = words.strip_suffix('(').map_or((words, ""), |words| (words, "( "));
        let behind: String = pieces.clone().next().unwrap_or_default().chars().take_while(|c| ".,:;)".contains(*c)).collect();
        let closing: String = behind.chars().flat_map(|c| [' ', c]).collect();
        written += &lines(words);
        written += &[".Ql ", opening, &quoted(literal), &closing, "\n"].concat();
        glued = behind;
    }
    written
}

fn quoted(literal: &str) -> String {
    let escaped = escape(literal);
    if escaped.contains(' ') { format!("\"{escaped}\"") } else { escaped }
}

/// Words on lines that are not too long, a sentence beginning a new one.
fn lines(words: &str) -> String {
    let (mut written, mut line) = (String::new(), String::new());
    for word in words.split_whitespace() {
        if !line.is_empty() && line.len() + 1 + word.len() > WIDEST {
            written += &(std::mem::take(&mut line) + "\n");
        }
        line += if line.is_empty() { "" } else { " " };
        line += &if word.starts_with('-') { escape(word) } else { escape(word).replace("\\-", "-") };
        if word.ends_with('.') && word.len() > 2 {
            written += &(std::mem::take(&mut line) + "\n");
        }
    }
    if !line.is_empty() {
        written += &(line + "\n");
    }
    written.lines().map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}\n") } else { format!("{line}\n") }).collect()
}

fn escape(text: &str) -> String {
    let escaped = |character: char| match character {
        '\\' => "\\e".to_owned(),
        '-' => "\\-".to_owned(),
        '~' => "\\(ti".to_owned(),
        '^' => "\\(ha".to_owned(),
        '\'' => "\\(aq".to_owned(),
        '"' => "\\(dq".to_owned(),
        plain if plain.is_ascii() => plain.to_string(),
        other => format!("\\[u{:04X}]", u32::from(other)),
    };
    text.chars().map(escaped).collect()
}
