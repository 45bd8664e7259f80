//! Manual pages of the programs, written from what their `--help` says.

use clap::{Arg, Command};

pub(crate) mod mdoc;

use mdoc::{head, inline, literal, paragraph, terms};

/// The page of a program. `more` follows its commands: sections that the help does not have.
pub(crate) fn page(mut program: Command, more: &str) -> String {
    program.build();
    let name = program.get_name().to_owned();
    let mut page = head(&name, 8, &program.get_about().unwrap().to_string());
    page += ".Sh SYNOPSIS\n";
    page += &literal(&usage(&program).lines().map(str::trim).collect::<Vec<_>>());
    page += ".Sh DESCRIPTION\n";
    let long = program.get_long_about().or(program.get_about()).unwrap().to_string();
    page += &paragraphs(&long);
    page += &options(&program);
    page += ".Sh COMMANDS\n";
    for command in program.get_subcommands().filter(|command| !is_left_out(command)) {
        page += &section(command);
    }
    if let Some(after) = program.get_after_long_help() {
        page += &sections(&after.to_string());
    }
    page + more
}

fn is_left_out(command: &Command) -> bool {
    command.is_hide_set() || command.get_name() == "help"
}

fn section(command: &Command) -> String {
    let mut section = format!(".Ss {}\n", command.get_name());
    section += &literal(&usage(command).lines().map(str::trim).collect::<Vec<_>>());
    section += ".Pp\n";
    let text = command.get_long_about().or(command.get_about()).unwrap().to_string();
    section += &paragraphs(&text);
    section += &options(command);
    let inner: Vec<(String, String)> = command
        .get_subcommands()
        .filter(|inner| !is_left_out(inner))
        .map(|inner| {
            let own = inner.get_arguments().filter(|argument| !argument.is_global_set());
            let own: Vec<&Arg> = own.filter(|argument| argument.get_id() != "help").collect();
            let words: Vec<String> = own.iter().map(|own| term(own)).collect();
            let text = paragraph(&sentence(&inner.get_about().unwrap().to_string()));
            let explained: Vec<String> = own.iter().map(|own| explanation(own)).collect();
            let term = format!("{} {}", bold(inner.get_name()), words.join(" "));
            (term, text + &explained.concat())
        })
        .collect();
    if !inner.is_empty() {
        section += ".Pp\nIts commands:\n";
        section += &terms(&inner);
    }
    section
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

/// The arguments of a command, with their explanations.
fn options(command: &Command) -> String {
    let own = command.get_arguments().filter(|argument| {
        let is_own = !["help", "version"].contains(&argument.get_id().as_str());
        is_own && !argument.is_hide_set() && argument.get_help().is_some()
    });
    let entries: Vec<(String, String)> = own.map(|own| (term(own), explanation(own))).collect();
    if entries.is_empty() { String::new() } else { terms(&entries) }
}

fn term(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let values: Vec<String> = names.iter().map(|name| format!("\\fI{name}\\fP")).collect();
    let takes_values = argument.get_action().takes_values();
    match argument.get_long() {
        Some(long) if takes_values => {
            format!("{} {}", bold(&format!("--{long}")), values.join(" "))
        }
        Some(long) => bold(&format!("--{long}")),
        None => values.join(" "),
    }
}

fn explanation(argument: &Arg) -> String {
    let Some(help) = argument.get_long_help().or(argument.get_help()) else { return String::new() };
    let mut text = sentence(&help.to_string());
    let defaults = argument.get_default_values();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let shown: Vec<_> = defaults.iter().map(|value| value.to_string_lossy()).collect();
        text += " The default is `";
        text += &shown.join(" ");
        text += "`.";
    }
    paragraph(&text)
}

fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

fn bold(text: &str) -> String {
    inline(&format!("`{text}`"))
}

/// Paragraphs with empty lines between them. The first is a title without a dot.
fn paragraphs(text: &str) -> String {
    let parts = text.split("\n\n").map(|part| paragraph(&sentence(part)));
    parts.collect::<Vec<_>>().join(".Pp\n")
}

/// The part of a help text below the options: titles that end in a colon, and indented lines.
fn sections(text: &str) -> String {
    let mut page = String::new();
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(row) = line.strip_prefix("  ") {
            match row.trim().split_once("  ") {
                Some((term, text)) => {
                    rows.push((bold(term), paragraph(&sentence(text.trim()))));
                }
                None => page += &paragraph(row),
            }
        } else {
            if !rows.is_empty() {
                page += &terms(&std::mem::take(&mut rows));
            }
            page += &title(line);
        }
    }
    if rows.is_empty() { page } else { page + &terms(&rows) }
}

/// A title may go on after its words: `Files (only root may write them):`.
fn title(line: &str) -> String {
    let line = line.trim_end_matches(':');
    // NAME is the first section of a page, so another word sets this one apart.
    let line = if line == "Names" { "Other names" } else { line };
    match line.split_once(" (") {
        Some((words, more)) => {
            let more = more.trim_end_matches(')');
            let more = more[..1].to_uppercase() + &more[1..];
            format!(".Sh {}\n{}", words.to_uppercase(), paragraph(&sentence(&more)))
        }
        None => format!(".Sh {}\n", line.to_uppercase()),
    }
}
