//! Comma-separated values, as Go reads them: the long form of `--mount`, `--network` and `--gpus`.

/// The keys, in lower case, and their values.
pub(super) fn fields(value: &[u8]) -> Vec<(String, String)> {
    let field = |field: Vec<u8>| {
        let field = String::from_utf8_lossy(&field);
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        (key.trim().to_ascii_lowercase(), value.to_owned())
    };
    comma_separated(value).into_iter().map(field).collect()
}

/// The fields. A field in double quotes may contain commas, and two double quotes in it stand for
/// one. Go reads one line, the first that is not empty, and treats `\r\n` as `\n`.
///
/// # Source
/// `readLine` and `readRecord` in Go's `encoding/csv/reader.go`.
pub(super) fn comma_separated(value: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut quoted = false;
    let is_before = |index: usize, next: u8| value.get(index + 1) == Some(&next);
    let bytes = value.iter().copied().enumerate();
    let bytes = bytes.filter(|(index, byte)| *byte != b'\r' || !is_before(*index, b'\n'));
    let mut bytes = bytes.map(|(_, byte)| byte).skip_while(|byte| *byte == b'\n').peekable();
    while let Some(byte) = bytes.next() {
        let Some(field) = fields.last_mut() else { break };
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                field.push(b'"');
            }
            b'"' if quoted || field.is_empty() => quoted = !quoted,
            b',' if !quoted => fields.push(Vec::new()),
            b'\n' if !quoted => break,
            _ => field.push(byte),
        }
    }
    fields
}
