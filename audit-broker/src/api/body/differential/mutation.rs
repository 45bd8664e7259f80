//! Mutations of bodies that Go's decoder may understand differently.

use super::document::Node;
use super::random::Random;

/// JSON values as they are written, valid and invalid.
const VALUES: &str = r#"
    null true false 0 -0 1 -1 1.0 1e3 -0.0 0.1 1e-400 65535 65536 4294967296 9007199254740993
    9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
    18446744073709551615 18446744073709551616 340282346638528859811704183484516925441 1e999
    0.3 0.30000000000000004 0.50000002980232238769531249 0.500000029802322387695312500001 1e-40
    01 +1 NaN Infinity 0x1 1_0 'a'
    "" "1" "1g" "true" "host" "a\u0020b" "SYS_ADMIN" "\u0068ost" "\/" "\ud83d\ude00" "\ud800"
    "\udc00\ud800" "\ud800x" "\u0000" "a\u0000b" "\x" "\u00e" "�"
    [] {} [null] [[]] ["a"] ["a",null] [1,2] [1] [1,2,3] [{}]
    {"a":"b"} {"a":null} {"":""} {"\u0000":null}
"#;

/// Strings with bytes that JSON does not allow.
const BAD_STRINGS: &[&[u8]] =
    &[b"\"\0\"", b"\"\n\"", b"\"\xff\"", b"\"\xc0\xaf\"", b"\"\xed\xa0\x80\"", b"\"a"];

/// Keys of bodies, of structs that Go embeds and of old versions of dockerd, and unknown keys.
const KEYS: &str = r#"
    "HostConfig" "Privileged" "Binds" "CapAdd" "Memory" "Cpuset" "CpusetCpus" "Config" "Resources"
    "Annotations" "Name" "name" "Labels" "Env" "Cmd" "Type" "Options" "Driver" "Healthcheck"
    "HealthCheck" "Runtime" "Init" "VolumeDriver" "NetworkMode" "Data" "Mode" "Spec" "Meta"
    "" "x" "-" "a.b" "NewKey"
"#;

const PORTS: &str = r#"
    "80" "80/TCP" "80/Tcp" "80/udp" "80/tcp" "080" "80-80" "80-90" "80-90/TCP" "90-80/tcp" "0"
    "65536" "+80" "\u002080" "80/" "/tcp" "80/icmp" "80/tcp/udp" "" "http" "80/ſctp" "８０/tcp"
"#;

/// Makes one change in a random place.
pub(super) fn change(body: &mut Node, random: &mut Random) {
    if random.one_in(12) {
        return lift(body, random);
    }
    let node = random_node(body, random);
    match node {
        Node::Object(entries) if !random.one_in(4) => change_entries(entries, random),
        Node::Object(_) | Node::List(_) | Node::Plain(_) => change_value(node, random),
    }
}

fn random_node<'a>(node: &'a mut Node, random: &mut Random) -> &'a mut Node {
    let count = match node {
        Node::Plain(_) => 0,
        Node::List(items) => items.len(),
        Node::Object(entries) => entries.len(),
    };
    if count == 0 || random.one_in(4) {
        return node;
    }
    let position = random.below(count);
    match node {
        Node::Plain(_) => node,
        Node::List(items) => random_node(&mut items[position], random),
        Node::Object(entries) => random_node(&mut entries[position].1, random),
    }
}

/// Copies a nested entry to the top level, where Go has the keys of embedded structs.
fn lift(body: &mut Node, random: &mut Random) {
    let Node::Object(entries) = body else { return };
    if entries.is_empty() {
        return;
    }
    let position = random.below(entries.len());
    if let Node::Object(inner) = random_node(&mut entries[position].1, random)
        && !inner.is_empty()
    {
        let lifted = inner[random.below(inner.len())].clone();
        entries.push(lifted);
    }
}

fn change_entries(entries: &mut Vec<(Vec<u8>, Node)>, random: &mut Random) {
    let new_key = word(KEYS, random);
    if entries.is_empty() {
        return entries.push((new_key, value(random)));
    }
    let position = random.below(entries.len());
    let (key, old) = entries[position].clone();
    if key.get(1).is_some_and(u8::is_ascii_digit) && random.one_in(2) {
        entries[position].0 = word(PORTS, random);
        return;
    }
    let end = random.below(entries.len() + 1);
    match random.below(16) {
        0 => entries[position].0 = other_case(&key, random),
        1 => entries[position].0 = look_alike(&key),
        2 | 3 => entries[position].0 = escaped(&key, random),
        4 => entries.insert(end, (key, old)),
        5 => entries.insert(end, (escaped(&key, random), value(random))),
        6 => entries.insert(end, (other_case(&key, random), value(random))),
        7 => entries.insert(end, (look_alike(&key), value(random))),
        8 => entries.insert(end, (other_case(&key, random), Node::Plain(b"null".to_vec()))),
        9 | 10 => entries.insert(end, (new_key, Node::Plain(b"null".to_vec()))),
        11 => entries.insert(end, (new_key, value(random))),
        12 => drop(entries.remove(position)),
        13 => entries.rotate_left(position),
        14 => entries[position].0 = with_nul(&key),
        _ => split(entries, position),
    }
}

/// Splits an object into two with the same key, which Go merges.
fn split(entries: &mut Vec<(Vec<u8>, Node)>, position: usize) {
    let (key, Node::Object(inner)) = &mut entries[position] else { return };
    let half = inner.split_off(inner.len() / 2);
    let key = key.clone();
    entries.push((key, Node::Object(half)));
}

fn change_value(node: &mut Node, random: &mut Random) {
    *node = match (&*node, random.below(6)) {
        (_, 0 | 1) => value(random),
        (_, 2) => Node::Plain(b"null".to_vec()),
        (Node::List(items), 3) if !items.is_empty() => items[0].clone(),
        (Node::List(items), 4) => Node::List([items.clone(), vec![value(random)]].concat()),
        (Node::Object(entries), 3) => Node::List(entries.iter().map(|(_, v)| v.clone()).collect()),
        (Node::Plain(text), 3 | 4) if text.starts_with(b"\"") => Node::Plain(escaped(text, random)),
        (plain, 5) => Node::List(vec![plain.clone()]),
        (unchanged, _) => unchanged.clone(),
    }
}

fn value(random: &mut Random) -> Node {
    if random.one_in(20) {
        let levels = random.pick(&[2, 60, 70, 130, 20_000]);
        return Node::Plain([vec![b'['; levels], vec![b']'; levels]].concat());
    }
    if random.one_in(12) {
        return Node::Plain(random.pick(BAD_STRINGS).to_vec());
    }
    Node::Plain(word(VALUES, random))
}

fn word(words: &str, random: &mut Random) -> Vec<u8> {
    let words: Vec<&str> = words.split_ascii_whitespace().collect();
    random.pick(&words).as_bytes().to_vec()
}

/// Changes the case of one letter, or of all.
fn other_case(key: &[u8], random: &mut Random) -> Vec<u8> {
    let letters: Vec<usize> = (0..key.len()).filter(|at| key[*at].is_ascii_alphabetic()).collect();
    let mut key = key.to_vec();
    match random.below(4) {
        0 => key.make_ascii_lowercase(),
        1 => key.make_ascii_uppercase(),
        2 if key.len() > 1 => key[1] ^= u8::from(key[1].is_ascii_alphabetic()) << 5,
        _ if letters.is_empty() => {}
        _ => key[random.pick(&letters)] ^= 1 << 5,
    }
    key
}

/// Replaces `s` and `k` with the other letters that Go accepts for them.
fn look_alike(key: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(key);
    text.replace(['s', 'S'], "\u{17f}").replace(['k', 'K'], "\u{212a}").into_bytes()
}

/// Writes one character of a string as a `\u` escape.
fn escaped(text: &[u8], random: &mut Random) -> Vec<u8> {
    let inside = 1..text.len().saturating_sub(1);
    let plain: Vec<usize> = inside.filter(|at| text[*at].is_ascii_alphanumeric()).collect();
    if plain.is_empty() || text.contains(&b'\\') {
        return text.to_vec();
    }
    let at = random.pick(&plain);
    [&text[..at], format!("\\u{:04x}", text[at]).as_bytes(), &text[at + 1..]].concat()
}

fn with_nul(key: &[u8]) -> Vec<u8> {
    [&key[..key.len().saturating_sub(1)], b"\\u0000\""].concat()
}

/// Changes the bytes of a whole document. It never leaves an empty body, which is not JSON and has a
/// meaning on some routes.
pub(super) fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(8) {
        0 => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
        1 => bytes.extend(random.pick(&[&b" {}"[..], b"\0", b"xyz", b"null"])),
        2 => bytes.truncate(at.max(1)),
        3 => drop(bytes.splice(at..at, *b"/**/")),
        4 => drop(bytes.splice(at..at, *b",")),
        5 => drop(bytes.splice(at..at, *b" \t\r\n")),
        6 => bytes.extend(*b"\n \t\r"),
        _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        _ => bytes.push(b'}'),
    }
}
