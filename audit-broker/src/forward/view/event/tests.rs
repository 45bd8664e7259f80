//! Events of dockerd, complete and in pieces.

use proptest::prelude::*;

use super::*;

const IMAGE: &str = "sha256:1963a32a685606e765192590a7127df602575deebad2914c99aaad3c49b17ac1";

fn of_container(id: &str, more: &str) -> String {
    format!(
        r#"{{"status":"die","id":"{id}","from":"{IMAGE}","Type":"container","Action":"die","Actor":{{"ID":"{id}","Attributes":{{{more}"exitCode":"0","image":"{IMAGE}","name":"c","x":"\u003c\u0026\"é"}}}},"scope":"local","time":1795811446,"timeNano":1795811446996666614}}"#
    )
}

fn of(kind: &str, id: &str, container: Option<&str>) -> String {
    let member = container.map(|id| format!(r#""container":"{id}","#)).unwrap_or_default();
    format!(
        r#"{{"Type":"{kind}","Action":"x","Actor":{{"ID":"{id}","Attributes":{{{member}"name":"n"}}}},"scope":"local","time":1,"timeNano":1}}"#
    )
}

/// A stream of events, filtered by `may_view`.
struct EventFilter<F> {
    lines: EventLines,
    may_view: F,
}

impl<F: FnMut(&ResponseObject<'_>) -> bool> EventFilter<F> {
    fn new(may_view: F) -> Self {
        Self { lines: EventLines::default(), may_view }
    }

    fn see(&mut self, piece: &[u8]) -> Vec<u8> {
        let events = self.lines.take(piece).into_iter().filter_map(Event::read);
        let may_view = &mut self.may_view;
        let seen = events.filter_map(|event| event.seen(may_view).map(Cow::into_owned));
        seen.collect::<String>().into_bytes()
    }
}

fn filter() -> EventFilter<impl FnMut(&ResponseObject<'_>) -> bool> {
    EventFilter::new(|seen: &ResponseObject<'_>| !seen.id.starts_with("foreign"))
}

fn passed(stream: &str) -> String {
    String::from_utf8(filter().see(stream.as_bytes())).unwrap()
}

#[test]
fn k17_foreign_events_are_left_out() {
    for kind in
        ["container", "image", "volume", "network", "plugin", "daemon", "service", "builder"]
    {
        let own = of(kind, "a", None);
        let foreign = of(kind, "foreign", None);
        assert_eq!(passed(&format!("{own}\n{foreign}\n{own}\n")), format!("{own}\n{own}\n"));
    }
}

#[test]
fn k17_a_network_or_volume_event_does_not_show_a_foreign_container() {
    for kind in ["network", "volume"] {
        let own = of(kind, "a", Some("b"));
        assert_eq!(passed(&format!("{own}\n")), format!("{own}\n"));
        assert_eq!(passed(&format!("{}\n", of(kind, "a", Some("foreign")))), "");
    }
    // In the event of a container, `container` is a label.
    let label = of("container", "a", Some("foreign"));
    assert_eq!(passed(&format!("{label}\n")), format!("{label}\n"));
}

#[test]
fn an_event_names_its_container() {
    let lines = [
        of_container("a", ""),
        of("network", "n", Some("b")),
        of("volume", "v", None),
        of("image", "c", Some("d")),
        "{".to_owned(),
    ];
    let lines = EventLines::default().take(lines.map(|line| line + "\n").concat().as_bytes());
    let events: Vec<Event> = lines.into_iter().filter_map(Event::read).collect();
    let found: Vec<_> = events.iter().map(Event::container).collect();
    assert_eq!(found, [Some("a"), Some("b"), None, None]);
}

#[test]
fn an_event_is_judged_by_its_actor() {
    let mut judged = Vec::new();
    let mut filter = EventFilter::new(|seen: &ResponseObject<'_>| {
        judged.push(format!("{:?} {} {:?} {:?}", seen.kind, seen.id, seen.names, seen.image));
        seen.labels.get("x").is_some_and(|label| label == "<&\"é")
    });
    let event = format!("{}\n", of_container("a", ""));
    assert_eq!(filter.see(event.as_bytes()), event.as_bytes());
    assert!(filter.see(format!("{}\n", of("image", "i", None)).as_bytes()).is_empty());
    let container = format!(r#"Container a ["c"] Some("{IMAGE}")"#);
    assert_eq!(judged, [container, r#"Image i ["n"] None"#.to_owned()]);
}

#[test]
fn each_framing_of_the_stream_keeps_its_bytes() {
    let event = of_container("a", "");
    for (front, end) in [("", "\n"), ("", "\r\n"), ("\u{1e}", "\n"), (" ", " \n")] {
        let stream = format!("{front}{event}{end}");
        assert_eq!(passed(&stream), stream);
        let foreign = of_container("foreign", "");
        assert_eq!(passed(&format!("{front}{foreign}{end}{stream}")), stream);
        let label = r#""audit-broker.image":"fe\"dora","#;
        let labelled = of_container("a", label);
        let expected = labelled
            .replace(label, "")
            .replace(&format!(r#""image":"{IMAGE}""#), r#""image":"fe\"dora""#)
            .replace(&format!(r#""from":"{IMAGE}""#), r#""from":"fe\"dora""#);
        assert_ne!(expected, labelled);
        assert_eq!(passed(&format!("{front}{labelled}{end}")), format!("{front}{expected}{end}"));
    }
}

#[test]
fn malformed_events_are_left_out() {
    let good = format!("{}\n", of("container", "a", None));
    let long = of_container("foreign", &format!(r#""l":"{}","#, "x".repeat(LINE_LIMIT_BYTES)));
    for bad in [
        "",
        "{}",
        "null",
        "[]",
        "x",
        r#"{"Type":"container"}"#,
        r#"{"status":"die","id":"a","from":"x","time":1}"#,
        r#"{"Type":"container","Actor":null}"#,
        &of("unheard-of", "a", None),
        &of("container", "a", None).replace(r#""name":"n""#, r#""name":1"#),
        &of("container", "a", None).replace("Action", "Type"),
        &format!("{}{}", of("container", "a", None), of("container", "foreign", None)),
        &format!("\u{1e}\u{1e}{}", of("container", "a", None)),
        &long,
    ] {
        assert_eq!(passed(&format!("{bad}\n{good}")), good, "{bad}");
    }
    assert_eq!(filter().see(b"{\"Type\":\"\xff\"}\n"), b"");
}

#[test]
fn an_incomplete_event_is_held_back() {
    let event = of_container("a", "");
    let mut filter = filter();
    assert_eq!(filter.see(event.as_bytes()), b"");
    assert_eq!(filter.see(b"\n"), format!("{event}\n").as_bytes());
    for _ in 0..64 {
        assert_eq!(filter.see(" ".repeat(64 << 10).as_bytes()), b"");
        assert!(filter.lines.line.capacity() <= 2 * LINE_LIMIT_BYTES);
    }
    let twice = format!("{event}\n{event}\n");
    let short = event.replace(r#","x":"\u003c\u0026\"é""#, "");
    assert_eq!(filter.see(twice.as_bytes()), format!("{short}\n{event}\n").as_bytes());
}

#[test]
fn s38_a_long_line_is_shortened_in_any_pieces() {
    let event = of_container("a", "");
    let short = format!("{}\n", event.replace(r#","x":"\u003c\u0026\"é""#, ""));
    for more in [0, 1] {
        let padding = " ".repeat(LINE_LIMIT_BYTES - event.len() - 1 + more);
        let stream = format!("{event}{padding}\n");
        let expected = if more == 0 { stream.as_str() } else { &short };
        assert_eq!(passed(&stream), expected);
        for at in [1, event.len(), LINE_LIMIT_BYTES - 1] {
            let mut filter = filter();
            let (head, tail) = stream.as_bytes().split_at(at);
            assert_eq!([filter.see(head), filter.see(tail)].concat(), expected.as_bytes());
        }
    }
    let label = format!(r#""l":"{}","#, "x".repeat(LINE_LIMIT_BYTES));
    assert_eq!(passed(&format!("{}\n", of_container("a", &label))), short);
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        Just(of_container("a", "")),
        Just(of_container("a", r#""audit-broker.image":"fedora","#)),
        Just(of_container("foreign", "")),
        Just(of("network", "a", Some("foreign"))),
        Just(format!("\u{1e}{}", of("volume", "a", Some("b")))),
        Just("\u{1e}".to_owned()),
        Just(String::new()),
    ];
    prop_oneof![
        4 => text.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #[test]
    fn the_pieces_make_no_difference(
        lines in prop::collection::vec(line(), 0..8),
        has_end in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut stream = lines.join(&b'\n');
        if has_end {
            stream.push(b'\n');
        }
        let whole = filter().see(&stream);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut filter = filter();
        let (mut passed, mut from) = (Vec::new(), 0);
        for to in cuts.into_iter().chain([stream.len()]) {
            passed.extend(filter.see(&stream[from..to]));
            from = to;
        }
        prop_assert_eq!(passed, whole);
    }

    #[test]
    fn nothing_foreign_comes_through(lines in prop::collection::vec(line(), 0..8)) {
        let passed = filter().see(&[lines.join(&b'\n'), vec![b'\n']].concat());
        prop_assert!(!String::from_utf8(passed).unwrap().contains("foreign"));
    }
}
