//! JSON text as a tree, in which keys can occur twice, and keys and values can be any bytes.

use serde_json::Value;

#[derive(Clone)]
pub(super) enum Node {
    /// A string, number, truth value or `null`, as it is written.
    Plain(Vec<u8>),
    List(Vec<Node>),
    /// Keys as they are written, with quotes.
    Object(Vec<(Vec<u8>, Node)>),
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(entries) => {
                let entries = entries.into_iter();
                Self::Object(entries.map(|(key, value)| (quoted(&key), value.into())).collect())
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                Self::Plain(plain.to_string().into_bytes())
            }
        }
    }
}

/// A string as it is written.
fn quoted(text: &str) -> Vec<u8> {
    Value::from(text).to_string().into_bytes()
}

impl Node {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Plain(plain) => bytes.extend(plain),
            Self::List(items) => {
                bytes.push(b'[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        bytes.push(b',');
                    }
                    item.write(bytes);
                }
                bytes.push(b']');
            }
            Self::Object(entries) => {
                bytes.push(b'{');
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        bytes.push(b',');
                    }
                    bytes.extend(key);
                    bytes.push(b':');
                    value.write(bytes);
                }
                bytes.push(b'}');
            }
        }
    }

    /// The path to each key: keys, and positions in lists.
    pub(super) fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        for (step, value) in self.children() {
            if matches!(self, Self::Object(_)) {
                paths.push(vec![step.clone()]);
            }
            for mut path in value.paths() {
                path.insert(0, step.clone());
                paths.push(path);
            }
        }
        paths
    }

    fn children(&self) -> Vec<(String, &Self)> {
        match self {
            Self::Plain(_) => Vec::new(),
            Self::List(items) => {
                items.iter().enumerate().map(|(step, item)| (step.to_string(), item)).collect()
            }
            Self::Object(entries) => {
                entries.iter().map(|(key, value)| (step(key), value)).collect()
            }
        }
    }

    /// Removes the last key of a path.
    pub(super) fn remove(&mut self, path: &[String]) {
        let (first, rest) = path.split_first().unwrap();
        match self {
            Self::Plain(_) => panic!("no key {first} here"),
            Self::List(items) => items[first.parse::<usize>().unwrap()].remove(rest),
            Self::Object(entries) if rest.is_empty() => {
                entries.retain(|(key, _)| step(key) != *first);
            }
            Self::Object(entries) => {
                let entry = entries.iter_mut().find(|(key, _)| step(key) == *first);
                entry.unwrap().1.remove(rest);
            }
        }
    }
}

fn step(key: &[u8]) -> String {
    String::from_utf8_lossy(key).trim_matches('"').to_owned()
}
