//! The query of a request: the keys that its route takes, each value in one form.
//!
//! This file does not know what a value means to dockerd.

use super::percent;
use crate::api::query_json;
use crate::api::route::{Parameter, ParameterKind, Route};
use crate::refusal::Refusal;

/// The query as the broker understood it. It omits keys that dockerd ignores or treats as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pairs: Vec<(&'static str, String)>,
}

impl Query {
    /// The value of a key that may occur once.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Replaces the value of a key, or adds the key.
    pub(crate) fn set(&mut self, name: &'static str, value: String) {
        match self.pairs.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((name, value)),
        }
    }

    /// Replaces all values of a key that may occur more than once.
    pub(crate) fn set_all(&mut self, name: &'static str, values: Vec<String>) {
        self.pairs.retain(|(key, _)| *key != name);
        self.pairs.extend(values.into_iter().map(|value| (name, value)));
    }

    /// Removes a key and returns its value.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.pairs.iter().position(|(key, _)| *key == name)?;
        Some(self.pairs.remove(index).1)
    }

    /// All values of a key that may occur more than once.
    pub(crate) fn all<'query>(&'query self, name: &str) -> impl Iterator<Item = &'query str> {
        self.pairs.iter().filter(move |(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// Keys and values in the order of the request.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The query to forward, without `?` and without some keys.
    pub(super) fn encode(&self, left_out: &[&str]) -> String {
        let pairs = self.pairs().filter(|(key, _)| !left_out.contains(key));
        let pairs = pairs.map(|(key, value)| format!("{key}={}", percent::encode_query(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Parses the query of a request to a route.
///
/// It leaves out keys that no version of dockerd reads on this route, and every value but the first of
/// a key of which dockerd reads one.
pub(super) fn parse(route: &'static Route, query: &str) -> Result<Query, Refusal> {
    let mut pairs: Vec<(&'static str, String)> = Vec::new();
    let mut seen: Vec<&'static str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key)?, decode(value)?);
        let Some(parameter) = route.parameter(&key) else { continue };
        if seen.contains(&parameter.name) && !parameter.repeats {
            continue;
        }
        seen.push(parameter.name);
        if let Some(value) = canonical(parameter, &value)? {
            pairs.push((parameter.name, value));
        }
    }
    Ok(Query { pairs })
}

fn decode(text: &str) -> Result<String, Refusal> {
    if text.contains(';') {
        return Err(Refusal::bad_request("a query cannot contain `;`; write it as `%3B`"));
    }
    percent::decode_query(text).ok_or_else(|| {
        Refusal::bad_request(format!(
            "the query has an invalid percent escape in `{}`",
            text.escape_debug()
        ))
    })
}

/// The value in its one form; `None` if dockerd treats it like an absent key.
fn canonical(parameter: &Parameter, value: &str) -> Result<Option<String>, Refusal> {
    let name = parameter.name;
    let is_break =
        |c: char| parameter.kind == ParameterKind::Lines && matches!(c, '\n' | '\r' | '\t');
    if value.contains(|c: char| c.is_control() && !is_break(c)) {
        return Err(Refusal::bad_request(format!(
            "the value of the query key `{name}` has a control character"
        )));
    }
    if value.is_empty() {
        return Ok(if parameter.kind == ParameterKind::FlagOn {
            Some("0".to_owned())
        } else {
            parameter.repeats.then(String::new)
        });
    }
    let refuse = |what: &str| {
        Refusal::bad_request(format!(
            "the query key `{name}` must be {what}, not `{}`",
            value.escape_debug()
        ))
    };
    let from_json = |result: Result<Option<String>, String>| {
        result.map_err(|reason| {
            Refusal::bad_request(format!("the query key `{name}` has invalid JSON: {reason}"))
        })
    };
    match parameter.kind {
        ParameterKind::Flag | ParameterKind::FlagOn => Ok(Some(flag(value).to_owned())),
        ParameterKind::Bool => parse_bool(value)
            .map(|is_true| Some(if is_true { "1" } else { "0" }.to_owned()))
            .ok_or_else(|| refuse("true or false")),
        ParameterKind::Number => {
            is_number(value).then(|| Some(value.to_owned())).ok_or_else(|| refuse("a number"))
        }
        ParameterKind::Text | ParameterKind::Lines | ParameterKind::PsArguments => {
            Ok(Some(value.to_owned()))
        }
        ParameterKind::Refused { why } => Err(Refusal::bad_request(format!("`{name}`: {why}"))),
        ParameterKind::Filters => from_json(query_json::filters(value)),
        ParameterKind::Map => from_json(query_json::map(value)),
        ParameterKind::List => from_json(query_json::list(value)),
        ParameterKind::Json => from_json(query_json::any(value)),
    }
}

/// A flag as dockerd reads it: everything but a few words is true.
///
/// # Source
/// `BoolValue` in `daemon/server/httputils/form.go` of moby.
fn flag(value: &str) -> &'static str {
    match value.trim().to_lowercase().as_str() {
        "" | "0" | "no" | "false" | "none" => "0",
        _ => "1",
    }
}

/// A truth value as dockerd reads it; `None` if it is invalid.
///
/// # Source
/// `ParseBool` of Go's `strconv`.
pub(crate) fn parse_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    decimal && (value.parse::<i64>().is_ok() || value.parse::<u64>().is_ok())
}
