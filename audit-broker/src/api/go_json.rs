//! The words of Go's decoder about invalid JSON, which clients show to their users.
//!
//! This file only describes a document that the broker refuses. It decides nothing.

/// Deepest nesting that is described.
const DEPTH_LIMIT: usize = 200;

/// The message of Go's decoder; `None` if Go finds no error in the syntax.
///
/// # Source
/// `scanner` in `encoding/json/scanner.go` of Go.
pub(super) fn syntax_error(json: &[u8]) -> Option<String> {
    let mut scanner = Scanner { rest: json };
    match scanner.value(0) {
        Err(ScanError::Invalid(words)) => Some(words),
        Err(ScanError::TooDeep) | Ok(()) => None,
    }
}

/// Whether something other than spaces follows the first value.
pub(super) fn has_more(json: &[u8]) -> bool {
    let mut scanner = Scanner { rest: json };
    scanner.value(0).is_ok() && scanner.next_token().is_ok()
}

struct Scanner<'json> {
    rest: &'json [u8],
}

enum ScanError {
    Invalid(String),
    /// The document is nested too deeply to be described.
    TooDeep,
}

type Scan = Result<(), ScanError>;

impl Scanner<'_> {
    fn next(&mut self) -> Result<u8, ScanError> {
        match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                Ok(*byte)
            }
            None => Err(ScanError::Invalid("unexpected EOF".to_owned())),
        }
    }

    /// The next byte that is not a space.
    fn next_token(&mut self) -> Result<u8, ScanError> {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let spaces = self.rest.iter().take_while(|byte| is_space(byte)).count();
        self.rest = self.rest.get(spaces..).unwrap_or_default();
        self.next()
    }

    fn value(&mut self, depth: usize) -> Scan {
        if depth > DEPTH_LIMIT {
            return Err(ScanError::TooDeep);
        }
        match self.next_token()? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' => {
                let digit = self.next()?;
                self.number(digit)
            }
            digit @ b'0'..=b'9' => self.number(digit),
            other => Err(invalid(other, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Scan {
        let mut token = self.next_token()?;
        if token == b'}' {
            return Ok(());
        }
        loop {
            if token != b'"' {
                return Err(invalid(token, "looking for beginning of object key string"));
            }
            self.string()?;
            match self.next_token()? {
                b':' => self.value(depth)?,
                other => return Err(invalid(other, "after object key")),
            }
            match self.next_token()? {
                b',' => token = self.next_token()?,
                b'}' => return Ok(()),
                other => return Err(invalid(other, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Scan {
        let before = self.rest;
        if self.next_token()? == b']' {
            return Ok(());
        }
        self.rest = before;
        loop {
            self.value(depth)?;
            match self.next_token()? {
                b',' => {}
                b']' => return Ok(()),
                other => return Err(invalid(other, "after array element")),
            }
        }
    }

    fn string(&mut self) -> Scan {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                control if control < b' ' => return Err(invalid(control, "in string literal")),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Scan {
        match self.next()? {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    let digit = self.next()?;
                    if !digit.is_ascii_hexdigit() {
                        return Err(invalid(digit, "in \\u hexadecimal character escape"));
                    }
                }
                Ok(())
            }
            other => Err(invalid(other, "in string escape code")),
        }
    }

    /// A number that begins with this byte, after its sign.
    fn number(&mut self, first: u8) -> Scan {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            other => return Err(invalid(other, "in numeric literal")),
        }
        if self.rest.first() == Some(&b'.') {
            self.next()?;
            self.one_digit("after decimal point in numeric literal")?;
        }
        if matches!(self.rest.first(), Some(b'e' | b'E')) {
            self.next()?;
            if matches!(self.rest.first(), Some(b'+' | b'-')) {
                self.next()?;
            }
            self.one_digit("in exponent of numeric literal")?;
        }
        Ok(())
    }

    fn one_digit(&mut self, place: &str) -> Scan {
        let digit = self.next()?;
        if !digit.is_ascii_digit() {
            return Err(invalid(digit, place));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = self.rest.get(digits..).unwrap_or_default();
    }

    fn literal(&mut self, word: &str) -> Scan {
        for expected in word.bytes().skip(1) {
            let byte = self.next()?;
            if byte != expected {
                let expected = char::from(expected);
                return Err(invalid(byte, &format!("in literal {word} (expecting '{expected}')")));
            }
        }
        Ok(())
    }
}

fn invalid(byte: u8, place: &str) -> ScanError {
    ScanError::Invalid(format!("invalid character {} {place}", quoted(byte)))
}

/// A byte as Go shows it.
///
/// # Source
/// `quoteChar` in `encoding/json/scanner.go`, `Quote` of `strconv` in Go.
fn quoted(byte: u8) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'"' => "\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        7 => "\\a".to_owned(),
        8 => "\\b".to_owned(),
        11 => "\\v".to_owned(),
        12 => "\\f".to_owned(),
        b'\n' | b'\r' | b'\t' => char::from(byte).escape_default().to_string(),
        0..b' ' | 0x7f => format!("\\x{byte:02x}"),
        0x80..=0xa0 | 0xad => format!("\\u{byte:04x}"),
        _ => char::from(byte).to_string(),
    };
    format!("'{shown}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected texts are those of Go 1.19.
    #[test]
    fn k29_invalid_json_is_described_in_the_words_of_go() {
        for (json, expected) in [
            ("{invalid json", "invalid character 'i' looking for beginning of object key string"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":01}", "invalid character '1' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u00g\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1e+x", "invalid character 'x' in exponent of numeric literal"),
            ("trUe", "invalid character 'U' in literal true (expecting 'u')"),
            ("\u{feff}{}", "invalid character 'ï' looking for beginning of value"),
            ("'a'", "invalid character '\\'' looking for beginning of value"),
            ("{\"a\":", "unexpected EOF"),
            ("", "unexpected EOF"),
        ] {
            assert_eq!(syntax_error(json.as_bytes()).as_deref(), Some(expected), "{json}");
        }
        for (json, expected) in [("{} x", true), ("{}{}", true), ("{} \n", false), ("{", false)] {
            assert_eq!(has_more(json.as_bytes()), expected, "{json}");
        }
        for json in ["{}", " {\"a\":[1,-2.5e+3,true,null,\"\\u00e9\"]} x", "\"\\ud800\""] {
            assert_eq!(syntax_error(json.as_bytes()), None, "{json}");
        }
        assert_eq!(syntax_error("[".repeat(100_000).as_bytes()), None);
    }
}
