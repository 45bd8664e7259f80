//! Shortens an event that is too long to buffer, while it arrives.
//!
//! An event holds all labels of its container, or the whole command of a process, and dockerd does not
//! limit their length. A shortened event keeps its type, action, id and name, so that a caller who may
//! see it still learns what happened. Its labels and the rest of long texts are left out.

/// Longest text that a shortened event keeps, in bytes of JSON.
const TEXT_LIMIT_BYTES: usize = 512;

/// Longest shortened event, in bytes.
const EVENT_LIMIT_BYTES: usize = 64 << 10;

/// The attributes of an event that dockerd itself sets. All others may be labels.
///
/// # Source
/// `LogContainerEvent`, `LogNetworkEvent` and `LogVolumeEvent` in `daemon/events.go` of moby, and
/// their callers.
const KEPT_ATTRIBUTES: [&str; 9] =
    ["name", "image", "container", "driver", "type", "exitCode", "execID", "signal", "destination"];

/// The depth of the attributes: the event, its actor, the attributes.
const ATTRIBUTES_DEPTH: usize = 3;

/// One event as it arrives. Takes constant time for each byte, and no memory for parts left out.
#[derive(Debug, Default)]
pub(super) struct Shortener {
    event: Vec<u8>,
    /// The attribute so far, with its name.
    attribute: Vec<u8>,
    has_attribute: bool,
    depth: usize,
    text: Option<Text>,
}

/// The text so far.
#[derive(Debug, Default)]
struct Text {
    length: usize,
    /// The state of an escape sequence.
    escape: Escape,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Digits(u8),
}

impl Shortener {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match &mut self.text {
                Some(_) => self.take_in_text(*byte),
                None => self.take_between(*byte),
            }
        }
    }

    /// The shortened event; `None` if it is still too long.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        (self.event.len() < EVENT_LIMIT_BYTES).then_some(self.event)
    }

    fn take_between(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' => {}
            b'"' => {
                self.text = Some(Text::default());
                self.push(byte);
            }
            b'{' | b'[' => {
                self.push(byte);
                self.depth += 1;
                self.has_attribute &= self.depth > ATTRIBUTES_DEPTH;
            }
            b'}' | b']' => {
                if self.depth == ATTRIBUTES_DEPTH {
                    self.end_attribute();
                }
                self.depth = self.depth.saturating_sub(1);
                self.push(byte);
            }
            b',' if self.depth == ATTRIBUTES_DEPTH => self.end_attribute(),
            _ => self.push(byte),
        }
    }

    fn take_in_text(&mut self, byte: u8) {
        let Some(text) = &mut self.text else { return };
        let is_whole = text.escape == Escape::None;
        if is_whole && byte == b'"' {
            self.text = None;
            self.push(byte);
            return;
        }
        // A cut must not split a character or an escape.
        let is_first = is_whole && byte & 0xc0 != 0x80;
        text.is_cut |= is_first && text.length >= TEXT_LIMIT_BYTES;
        text.length += 1;
        text.escape = match (text.escape, byte) {
            (Escape::None, b'\\') => Escape::Begun,
            (Escape::Begun, b'u') => Escape::Digits(4),
            (Escape::Digits(left), _) if left > 1 => Escape::Digits(left - 1),
            _ => Escape::None,
        };
        if !text.is_cut {
            self.push(byte);
        }
    }

    fn push(&mut self, byte: u8) {
        let target =
            if self.depth < ATTRIBUTES_DEPTH { &mut self.event } else { &mut self.attribute };
        if target.len() < EVENT_LIMIT_BYTES {
            target.push(byte);
        }
    }

    fn end_attribute(&mut self) {
        let attribute = std::mem::take(&mut self.attribute);
        let is_kept = |name: &str| {
            let rest =
                attribute.strip_prefix(b"\"").and_then(|rest| rest.strip_prefix(name.as_bytes()));
            rest.is_some_and(|rest| rest.starts_with(b"\":"))
        };
        if !KEPT_ATTRIBUTES.iter().any(|name| is_kept(name)) {
            return;
        }
        if self.has_attribute {
            self.event.push(b',');
        }
        self.has_attribute = true;
        self.event.extend(attribute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn shortened(event: &str) -> String {
        let mut shortener = Shortener::default();
        shortener.take(event.as_bytes());
        String::from_utf8(shortener.finish().unwrap()).unwrap()
    }

    #[test]
    fn s38_dockerds_attributes_are_kept_and_labels_are_left_out() {
        let event = r#"{"status":"die","id":"a","Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"a\"name":"x","exitCode":"0","image":"f","l":{"name":"x"},"name":"c","x":"y"}},"time":1,"timeNano":2}"#;
        let kept = event.replace(r#""a\"name":"x","#, "").replace(r#","x":"y""#, "");
        let kept = kept.replace(r#""l":{"name":"x"},"#, "");
        assert_eq!(shortened(event), kept);
        let spaced = event.replace(',', " ,\t ").replace("{\"", " { \"");
        assert_eq!(shortened(&spaced).replace('\t', ""), kept);
        assert_eq!(shortened("\u{1e}{}\n"), "\u{1e}{}\n");
    }

    #[test]
    fn s38_long_texts_are_cut_between_characters_and_escapes() {
        for letter in ["x", "é", "€", "\u{1f433}", "<", "\u{2028}", "\"", "\\", "\n"] {
            for more in 0..7 {
                let text = format!("{}{}", "a".repeat(more), letter.repeat(5000));
                let go = json!(text).to_string().replace('<', "\\u003c");
                let event = format!(
                    r#"{{"Action":{go},"Actor":{{"Attributes":{{"b":{go},"name":{go}}}}}}}"#
                );
                let short: Value = serde_json::from_str(&shortened(&event)).unwrap();
                for kept in [&short["Action"], &short["Actor"]["Attributes"]["name"]] {
                    let kept = kept.as_str().unwrap();
                    assert!(text.starts_with(kept) && kept.len() > 50, "{letter:?} {kept}");
                }
                assert!(short["Actor"]["Attributes"].get("b").is_none());
                assert!(shortened(&event).len() < 3 * TEXT_LIMIT_BYTES);
            }
        }
    }

    #[test]
    fn s38_parts_left_out_take_no_memory() {
        let mut shortener = Shortener::default();
        shortener.take(br#"{"Actor":{"Attributes":{"#);
        for number in 0..100_000 {
            shortener.take(format!(r#""label-{number}":"{number}","#).as_bytes());
            assert!(shortener.event.len() + shortener.attribute.len() < 200);
        }
        // An attribute that never ends, and then a line that is not an event.
        shortener.take(br#""x":["#);
        for _ in 0..100_000 {
            shortener.take(b"[1,2,");
        }
        assert!(shortener.attribute.capacity() <= 2 * EVENT_LIMIT_BYTES);
        let mut shortener = Shortener::default();
        shortener.take(&vec![b'1'; 1 << 20]);
        assert!(shortener.event.capacity() <= 2 * EVENT_LIMIT_BYTES);
        assert_eq!(shortener.finish(), None);
    }
}
