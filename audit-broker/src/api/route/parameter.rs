//! Query keys of routes.

/// A query key that a route takes.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: ParameterKind,
    /// Whether the key may stand more than once.
    pub(crate) repeats: bool,
}

/// What the value of a query key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    /// True unless it is `0`, `no`, `false`, `none`; empty is as if it were not there.
    Flag,
    /// As [`Self::Flag`], of a key that is true when it is not there: empty is false.
    FlagOn,
    /// One of the words that Go's `strconv.ParseBool` takes.
    Bool,
    /// One line of text.
    Text,
    /// Text that may hold line breaks: a commit's comment, Dockerfile instructions.
    Lines,
    Number,
    /// Arguments of `ps`, which dockerd runs as root. What they show is judged as a danger.
    PsArguments,
    /// A map of filter names to values, in JSON; either of docker's two forms.
    Filters,
    /// A map of names to texts or null, in JSON.
    Map,
    /// A list of texts, in JSON.
    List,
    /// JSON of another form.
    Json,
}

impl Parameter {
    const fn once(name: &'static str, kind: ParameterKind) -> Self {
        Self { name, kind, repeats: false }
    }

    /// Docker uses every value of this key, not the first alone.
    pub(super) const fn repeated(self) -> Self {
        Self { repeats: true, ..self }
    }
}

pub(super) const fn flag(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Flag)
}

pub(super) const fn flag_on(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::FlagOn)
}

pub(super) const fn bool(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Bool)
}

pub(super) const fn text(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Text)
}

pub(super) const fn lines(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Lines)
}

pub(super) const fn number(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Number)
}

pub(super) const fn ps_arguments(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::PsArguments)
}

pub(super) const fn map(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Map)
}

pub(super) const fn list(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::List)
}

pub(super) const fn json(name: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Json)
}

pub(super) const FILTERS: Parameter = Parameter::once("filters", ParameterKind::Filters);
