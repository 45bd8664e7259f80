//! Asks all questions of one trail: three people, a service, a container that has the socket, an attacker,
//! a gap, a restart of the broker, and hostile values in every field.

pub(super) mod hostile;
pub(super) mod log;

use std::io::Cursor;
use std::path::PathBuf;

use audit_trail::{BrokerUser, Trail};
use snapbox::{assert_data_eq, file};

use super::*;
use crate::arguments::ReportOptions;
use log::{ALICE, Log, WEB, log};
use table::Cell;

pub(super) fn options() -> ReportOptions {
    ReportOptions {
        start: None,
        end: None,
        loginuid: None,
        vm_name: None,
        input: vec![PathBuf::from("audit.log")],
        host: None,
        broker_user: "audit-broker".to_owned(),
        docker: PathBuf::from("/nonexistent"),
        json: false,
    }
}

fn answer_of(text: String, kind: Option<&ReportKind>, options: &ReportOptions) -> Answer {
    let mut trail = Trail::new();
    trail.add_stream("audit.log", Cursor::new(text));
    let source = Source::of(trail, BrokerUser::new("audit-broker", Some(999)));
    let selection = Selection::of(options, kind).unwrap();
    let question = question(kind, options, &selection);
    ask(question, source, &selection, &mut People::default())
}

fn answer(kind: Option<&ReportKind>) -> Answer {
    answer_of(log(), kind, &options())
}

fn text_of(kind: Option<&ReportKind>) -> String {
    output::text(&answer(kind), Style::default())
}

/// Each report, about something that is in the trail.
fn kinds() -> Vec<Option<ReportKind>> {
    let text = str::to_owned;
    vec![
        None,
        Some(ReportKind::Person { person: text("bob") }),
        Some(ReportKind::Person { person: text("unset") }),
        Some(ReportKind::Denied),
        Some(ReportKind::Running { person: None }),
        Some(ReportKind::Container { container: text("web") }),
        Some(ReportKind::Container { container: text(log::HOSTILE) }),
        Some(ReportKind::Host),
        Some(ReportKind::Images),
        Some(ReportKind::Process { pid: 66 }),
        Some(ReportKind::File { path: text("/etc/passwd") }),
        Some(ReportKind::Session { session: text("3") }),
        Some(ReportKind::Complete),
        Some(ReportKind::Daily),
    ]
}

/// The trail has three people, a service, a container with the socket, an attacker, a gap from an outage of
/// auditd, a container that ended while the broker was down, and hostile values in each field.
#[test]
fn every_report_answers() {
    for kind in kinds() {
        let answer = answer(kind.as_ref());
        let (problems, tables): (Vec<_>, Vec<_>) =
            answer.tables.iter().partition(|table| table.name == "problems");
        assert_eq!(problems.len(), 1, "{kind:?} does not say that a line is no record");
        assert!(tables.iter().any(|table| !table.rows.is_empty()), "{kind:?} has no answer");
        for table in tables {
            let is_whole = |row: &Vec<Cell>| row.len() == table.columns.len();
            assert!(table.rows.iter().all(is_whole), "{kind:?}: {table:?}");
        }
    }
}

#[test]
fn the_overview_is_one_page() {
    assert_data_eq!(text_of(None), file!["../../../../tests/golden/report/overview.txt"].raw());
}

#[test]
fn a_person_has_one_line_for_each_deed() {
    let kind = |person: &str| Some(ReportKind::Person { person: person.to_owned() });
    let text = ["alice", "bob", "1003"].map(|person| text_of(kind(person).as_ref())).concat();
    assert_data_eq!(text, file!["../../../../tests/golden/report/person.txt"].raw());
}

#[test]
fn denials_say_who_was_denied_what_and_why() {
    let text = text_of(Some(&ReportKind::Denied));
    assert_data_eq!(text, file!["../../../../tests/golden/report/denied.txt"].raw());
}

#[test]
fn a_container_has_a_life() {
    let kind = |name: &str| Some(ReportKind::Container { container: name.to_owned() });
    let by_name = text_of(kind("web").as_ref());
    assert_eq!(text_of(kind(&WEB[..12]).as_ref()), by_name);
    assert_data_eq!(by_name, file!["../../../../tests/golden/report/container.txt"].raw());
}

#[test]
fn runs_of_containers_have_a_start_and_an_end() {
    let text = text_of(Some(&ReportKind::Running { person: None }));
    assert_data_eq!(text, file!["../../../../tests/golden/report/running.txt"].raw());
}

#[test]
fn access_to_the_host_says_whether_the_container_started() {
    let text = text_of(Some(&ReportKind::Host));
    assert_data_eq!(text, file!["../../../../tests/golden/report/host.txt"].raw());
}

#[test]
fn images_have_people_and_containers() {
    let text = text_of(Some(&ReportKind::Images));
    assert_data_eq!(text, file!["../../../../tests/golden/report/images.txt"].raw());
}

/// 5000 ran in the container, 5200 entered it, 5100 on the host, 812 is the container's first process, 2601 is Alice's
/// client, and 1 is unknown.
#[test]
fn a_process_leads_to_people() {
    let text =
        [5000, 5200, 5100, 812, 2601, 1].map(|pid| text_of(Some(&ReportKind::Process { pid })));
    assert_data_eq!(text.concat(), file!["../../../../tests/golden/report/process.txt"].raw());
}

#[test]
fn a_file_leads_to_people() {
    let paths = ["/etc/passwd", "/srv/www/index.html", "web:/etc/cron.d/job", "/nothing"];
    let text = paths.map(|path| text_of(Some(&ReportKind::File { path: path.to_owned() })));
    assert_data_eq!(text.concat(), file!["../../../../tests/golden/report/file.txt"].raw());
}

/// Serves one request as docker does, and asks what still runs.
fn asked(status: &str, body: String) -> Answer {
    let directory = std::env::temp_dir().join(format!("report-{}-{status}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let socket = directory.join("docker.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let head = format!("HTTP/1.0 {status} OK\r\nContent-Type: application/json\r\n\r\n");
    let server = std::thread::spawn(move || {
        use std::io::Read;
        let (mut client, _) = listener.accept().unwrap();
        let mut request = [0; 256];
        let read = client.read(&mut request).unwrap();
        client.write_all((head + &body).as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let selection = Selection::of(&options(), None).unwrap();
    let running = Box::new(running::Running::new(Some(socket), true));
    let mut trail = Trail::new();
    trail.add_stream("audit.log", Cursor::new(log()));
    let source = Source::of(trail, BrokerUser::new("audit-broker", Some(999)));
    let answer = ask(running, source, &selection, &mut People::default());
    assert!(server.join().unwrap().starts_with("GET /containers/json HTTP/1.0\r\n"));
    std::fs::remove_dir_all(directory).unwrap();
    answer
}

#[test]
fn docker_says_what_still_runs() {
    let other = "a".repeat(64);
    let list = serde_json::json!([
        { "Id": log::JOB, "Names": ["/job one"], "Image": "redis" },
        { "Id": other, "Names": ["/x/alias", "/by hand"], "Image": "nginx" },
    ]);
    let text = output::text(&asked("200", list.to_string()), Style::default());
    assert_data_eq!(text, file!["../../../../tests/golden/report/running-docker.txt"].raw());
    for (status, body) in [("500", "{}"), ("200", "no list")] {
        let answer = asked(status, body.to_owned());
        assert!(answer.tables[0].title.contains("What runs now is unknown"), "{answer:?}");
    }
}

#[test]
fn a_session_has_the_deeds_of_all_programs() {
    let text = text_of(Some(&ReportKind::Session { session: "3".to_owned() }));
    assert_data_eq!(text, file!["../../../../tests/golden/report/session.txt"].raw());
}

#[test]
fn what_is_missing_is_found() {
    let answer = answer(Some(&ReportKind::Complete));
    assert!(answer.is_incomplete);
    let text = output::text(&answer, Style::default());
    assert_data_eq!(text, file!["../../../../tests/golden/report/complete.txt"].raw());
}

#[test]
fn days_are_counted() {
    let text = text_of(Some(&ReportKind::Daily));
    assert_data_eq!(text, file!["../../../../tests/golden/report/daily.txt"].raw());
}

#[test]
fn json_has_the_same_rows() {
    let text = output::json(&answer(Some(&ReportKind::Denied))).unwrap();
    assert_data_eq!(text, file!["../../../../tests/golden/report/denied.json"].raw());
    for kind in kinds() {
        let answer = answer(kind.as_ref());
        let parsed: serde_json::Value =
            serde_json::from_str(&output::json(&answer).unwrap()).unwrap();
        for table in &answer.tables {
            assert_eq!(parsed[table.name].as_array().unwrap().len(), table.rows.len());
        }
    }
}

#[test]
fn a_whole_trail_misses_nothing() {
    let mut log = Log::default();
    log.service("SERVICE_START", 4711);
    log.call(ALICE, "op=start-request reason=x vm=\"web\" uuid=1");
    let answer = answer_of(log.text, Some(&ReportKind::Complete), &options());
    assert!(!answer.is_incomplete, "{answer:?}");
}

#[test]
fn options_limit_the_deeds() {
    let count = |change: &dyn Fn(&mut ReportOptions)| {
        let mut options = options();
        change(&mut options);
        answer_of(log(), Some(&ReportKind::Session { session: "5".to_owned() }), &options).tables[0]
            .rows
            .len()
    };
    let all = count(&|_| {});
    assert_eq!(all, 7);
    assert_eq!(count(&|options| options.loginuid = Some("carol".to_owned())), all);
    assert_eq!(count(&|options| options.loginuid = Some("alice".to_owned())), 0);
    assert_eq!(count(&|options| options.vm_name = Some("job one".to_owned())), 1);
    assert_eq!(count(&|options| options.host = Some("web1".to_owned())), 0);
    assert_eq!(count(&|options| options.end = Some("2001-01-01".to_owned())), 0);
}

/// Two hosts may have the same pids and ids.
#[test]
fn hosts_are_told_apart() {
    let log = log();
    let hosts = ["one", "two"].map(|host| {
        let lines: Vec<_> = log.lines().map(|line| format!("node={host} {line}")).collect();
        lines.join("\n") + "\n"
    });
    let mut options = options();
    let count = |options: &ReportOptions| {
        answer_of(hosts.concat(), Some(&ReportKind::Running { person: None }), options)
    };
    let both = count(&options);
    assert_eq!(
        both.tables[0].rows.len(),
        2 * answer(Some(&ReportKind::Running { person: None })).tables[0].rows.len()
    );
    assert!(output::text(&both, Style::default()).contains("alice@one"));
    options.host = Some("two".to_owned());
    assert!(!output::text(&count(&options), Style::default()).contains("@one"));
}

#[test]
fn no_value_controls_the_terminal() {
    for kind in kinds() {
        let text = text_of(kind.as_ref());
        let is_control = |letter: char| letter.is_control() && letter != '\n';
        assert!(!text.contains(is_control) && !text.contains('\u{202e}'), "{text:?}");
    }
}

fn drawn(text: String) -> Drawn {
    let mut trail = Trail::new();
    trail.add_stream("audit.log", Cursor::new(text));
    let source = Source::of(trail, BrokerUser::new("audit-broker", Some(999)));
    let selection = Selection::of(&options(), None).unwrap();
    draw(source, &selection, &mut People::default())
}

/// The page has only the tags that the program writes, so no value became one, and it loads nothing.
fn check_page(page: &str) {
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "i",
        "svg", "line", "text", "rect", "div", "table", "tr", "th", "td",
    ];
    for tag in page.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split(|letter: char| !letter.is_alphanumeric());
        let name = name.clone().find(|name| !name.is_empty()).unwrap_or_default();
        assert!(known.contains(&name) || name == "DOCTYPE", "{tag}");
    }
    for word in ["<script", "<img", "http://", "https://", "url(", "@import", "\u{202e}", "\u{1b}"]
    {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_timeline_is_one_page_without_scripts() {
    let Drawn { page, answer } = drawn(log());
    check_page(&page);
    assert!(page.contains("default-src 'none'"));
    for word in ["alice", "&lt;script&gt;alert(1)", "batch", "40 missing events", "host-mount /srv"]
    {
        assert!(page.contains(word), "{word}");
    }
    let names: Vec<&str> = answer.tables.iter().map(|table| table.name).collect();
    assert_eq!(
        names,
        ["period", "people", "access", "images", "host", "denied", "runs", "findings"]
    );
    assert!(drawn(String::new()).page.contains("</html>"));
}

#[test]
fn the_page_is_for_its_owner_and_follows_no_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = std::env::temp_dir().join(format!("timeline-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (file, link) = (directory.join("page.html"), directory.join("link.html"));
    timeline::write(&file, "page").unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    symlink(&file, &link).unwrap();
    timeline::write(&link, "other").unwrap_err();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "page");
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn lines_are_cut_to_the_terminal() {
    let answer = answer(Some(&ReportKind::Denied));
    let style = Style { width: Some(60), has_colour: false };
    let text = output::text(&answer, style);
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.contains('…'));
    let style = Style { width: Some(160), has_colour: true };
    let (painted, text) =
        (output::text(&answer, style), output::text(&answer, Style { has_colour: false, ..style }));
    assert!(painted.contains("\u{1b}[1;31m  DENIED"), "{painted}");
    let codes = ["\u{1b}[1m", "\u{1b}[33m", "\u{1b}[1;31m", "\u{1b}[0m"];
    assert_eq!(codes.iter().fold(painted, |text, code| text.replace(code, "")), text);
}

#[test]
fn a_log_that_is_not_there_is_an_error() {
    let mut options = options();
    options.input = vec![PathBuf::from("/nonexistent/audit.log")];
    let error = Source::open(&options).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nonexistent/audit.log");
}
