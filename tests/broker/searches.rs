//! The searches that docs/records.md proposes find what it says.

use std::fs;
use std::process::Command;

use crate::broker::{Broker, DOCKERD};
use crate::host::{
    Directory, Finally, PERSON, audit_cli, found, found_settled, login, login_as_root, tag, text,
};
use crate::markdown::root;

/// A word of the table, and its replacement in this test.
type Name<'a> = (&'a str, &'a str);

/// The searches of the table: the words in each pair of backticks that begin with a dash.
fn searches() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/records.md")).unwrap();
    let (_, section) = text.split_once("\n## How to search\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    let words = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    words.filter(|words| words.starts_with('-')).map(str::to_owned).collect()
}

/// Calls from a container that has the broker's socket.
fn call_from_container(broker: &Broker, name: &str, tag: &str) {
    let line =
        format!("curl -s -X POST --unix-socket /run/broker.sock http://x/containers/{tag}/start");
    let mut command = Command::new("docker");
    command.env("DOCKER_HOST", format!("unix://{DOCKERD}"));
    let socket = format!("{}:/run/broker.sock", broker.socket().display());
    command.args(["run", "--rm", "--name", name, "-v", &socket]);
    for directory in ["/usr", "/lib", "/lib64", "/etc/ssl"] {
        command.arg("-v").arg(format!("{directory}:{directory}:ro"));
    }
    let output =
        command.args(["fedora", "sh", "-c", &format!("/usr/bin/{line}")]).output().unwrap();
    assert!(text(&output.stdout).contains("No such container"), "{output:?}");
}

#[test]
fn k14_each_search_of_the_table_finds_what_it_names() {
    let broker = Broker::start("");
    let (tag, caller) = (tag(), tag());
    let (mounted, web) = (format!("/srv/{tag}"), format!("{tag}web"));
    let directory = Directory::new();
    let program = directory.capable(&audit_cli());
    let line = format!(
        "tty; cat /proc/self/sessionid; echo; {} exec true {tag}; docker start {tag} 2>/dev/null; \
         docker create --name {web} -v {mounted}:/srv fedora true",
        program.display()
    );
    let mut typing = login(PERSON);
    typing.args(["script", "-qec", &line, "/dev/null"]).env("DOCKER_HOST", broker.address());
    let _removed =
        Finally(format!("docker rm {web} >/dev/null; rmdir {mounted} 2>/dev/null; true"));
    let shown = text(&typing.output().unwrap().stdout);
    let shown: Vec<&str> = shown.lines().map(str::trim).collect();
    let terminal = shown[0].strip_prefix("/dev/").unwrap();
    let (session, id) = (shown[1], *shown.last().unwrap());
    call_from_container(&broker, &caller, &tag);
    let mut emitting = Command::new(audit_cli());
    emitting.args(["emit", "--type", "TEST", "--op", &tag, "--res", "success", "--receipt"]);
    let event = text(&emitting.output().unwrap().stdout);
    let serial = event.trim().rsplit(':').next().unwrap().trim_end_matches(')').to_owned();
    let exe = program.display().to_string();
    let names: [Name<'_>; 9] = [
        ("-m USER_CMD -ul dwalsh", &format!("-m USER_CMD -ul {PERSON}")),
        ("-vm web", &format!("-vm {web}")),
        ("ID", id),
        ("NAME", &caller),
        ("-c IMAGE", "-c fedora"),
        ("/srv", &mounted),
        ("pts/3", terminal),
        ("--session 3", &format!("--session {session}")),
        ("/usr/bin/audit-cli", &exe),
    ];
    let searches = searches();
    assert!(searches.len() >= 12, "{searches:?}");
    crate::host::settle();
    for search in searches {
        let here =
            names.iter().fold(search.clone(), |text, (there, here)| text.replace(there, here));
        let here = here.replace("SERIAL", &serial);
        let options: Vec<&str> = here.split(' ').collect();
        assert!(!found_settled(&options, &tag).is_empty(), "`{search}` finds nothing as `{here}`");
    }
}

/// The alias of the README: root runs docker, and the record names the person.
#[test]
fn k14_the_search_for_a_persons_commands_finds_those_through_sudo() {
    let tag = tag();
    let mut command = login_as_root(PERSON);
    command.arg(audit_cli()).args(["docker", "inspect", &tag]).output().unwrap();
    for document in ["README.md", "docs/records.md", "docs/install.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        assert!(!text.contains(" -ui dwalsh"), "{document}: -ui misses what sudo runs");
    }
    assert_eq!(found(&["-m", "USER_CMD", "-ul", PERSON], &tag).len(), 1);
    assert_eq!(found_settled(&["-m", "USER_CMD", "-ui", PERSON], &tag), [""; 0]);
}
