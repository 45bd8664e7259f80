//! The query keys of routes, and the form of their values.

/// A query key that a route takes.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: ParameterKind,
    /// Whether dockerd uses every value of the key. Of any other key it uses the first value.
    pub(crate) repeats: bool,
}

/// The form of a query key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    /// True unless it is `0`, `no`, `false` or `none`. An empty value counts as an absent key.
    Flag,
    /// Like [`Self::Flag`], but an absent key is true and an empty value is false.
    FlagOn,
    /// One of the words that Go's `strconv.ParseBool` accepts.
    Bool,
    /// One line of text.
    Text,
    /// Text that may contain line breaks: a commit's comment, Dockerfile instructions.
    Lines,
    Number,
    /// Arguments of `ps`, which dockerd runs as root. `danger` judges what they show.
    PsArguments,
    /// A map from filter names to values in JSON, in either of docker's two forms.
    Filters,
    /// A map from names to texts or null, in JSON.
    Map,
    /// A list of texts, in JSON.
    List,
    /// JSON of another form.
    Json,
    /// A key that some version of dockerd reads here, and that the broker never forwards.
    Refused {
        /// What the client can do instead.
        why: &'static str,
    },
}

impl Parameter {
    const fn once(name: &'static str, kind: ParameterKind) -> Self {
        Self { name, kind, repeats: false }
    }

    /// dockerd uses every value of this key, not only the first.
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

pub(super) const fn refused(name: &'static str, why: &'static str) -> Parameter {
    Parameter::once(name, ParameterKind::Refused { why })
}

pub(super) const FILTERS: Parameter = Parameter::once("filters", ParameterKind::Filters);
