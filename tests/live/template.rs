//! Templates: docker commands that root has written for other users to run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::host::{
    Directory, Finally, PERSON, audit_cli, found, found_settled, in_general, login, run, shell,
    tag, text,
};

const TEMPLATES: &str = "/etc/audit-cli/templates";

/// A template of root's. Dropping it removes it, and the directories that were created for it.
pub(crate) struct Template {
    name: String,
    made: Vec<PathBuf>,
}

impl Template {
    /// Creates a template with a name that no other has.
    pub(crate) fn new(content: &str) -> Self {
        let directories = [Path::new(TEMPLATES), Path::new("/etc/audit-cli")];
        let made = directories.into_iter().filter(|it| !it.exists()).map(Path::to_owned).collect();
        fs::create_dir_all(TEMPLATES).unwrap();
        let template = Self { name: tag(), made };
        fs::write(template.path(), content).unwrap();
        fs::set_permissions(template.path(), fs::Permissions::from_mode(0o644)).unwrap();
        template
    }

    pub(crate) fn of_command(command: &[&str]) -> Self {
        Self::new(&format!("command = {command:?}\n"))
    }

    fn path(&self) -> PathBuf {
        Path::new(TEMPLATES).join(format!("{}.toml", self.name))
    }

    /// Runs the template by its name, with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run([&["run", &self.name], arguments].concat())
    }

    /// A link to the program that runs the template.
    pub(crate) fn link_in(&self, directory: &Directory) -> PathBuf {
        let link = directory.path().join(format!("docker-{}", self.name));
        symlink(audit_cli(), &link).unwrap();
        link
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        fs::remove_file(self.path()).unwrap();
        for directory in &self.made {
            // Another test may have created a template or settings meanwhile.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Runs the link with these arguments.
fn through(link: &Path, arguments: &[&str]) -> Output {
    Command::new(link).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn assert_refused(output: &Output, reason: &str) {
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{shown}");
    assert!(shown.starts_with("audit-cli: the command was not run: "), "{shown}");
    assert!(shown.contains(reason) && shown.lines().count() == 1, "{reason}: {shown}");
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_template_is_run_and_recorded_like_a_typed_command() {
    let tag = tag();
    let command = ["run", "--rm", "fedora", "sh", "-c", "echo out; exit 42", &tag];
    let template = Template::of_command(&command);
    let directory = Directory::new();
    let link = template.link_in(&directory);
    for output in
        [run([&["docker"][..], &command].concat()), template.run(&[]), through(&link, &[])]
    {
        assert_eq!(text(&output.stdout), "out\n", "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(42));
    }
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 3);
    assert!(records[0].contains(" cmd=docker run --rm fedora sh -c 'echo out; exit 42' "));
    assert_eq!(in_general(&records[1]), in_general(&records[0]));
    assert_eq!(in_general(&records[2]), in_general(&records[0]));

    let output = run(["--record-exit", "run", &template.name]);
    assert_eq!(output.status.code(), Some(42));
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 5);
    assert!(records[4].contains("op=exit ") && records[4].contains(" exit=42 "), "{}", records[4]);
}

#[test]
fn a_template_that_asks_for_the_host_is_recorded_as_such() {
    let directory = Directory::new();
    let shared = directory.path().to_str().unwrap();
    fs::write(directory.path().join("secret"), "of the host").unwrap();
    let mount = format!("{shared}:/host:ro");
    let template =
        Template::of_command(&["run", "--rm", "-v", &mount, "fedora", "cat", "/host/secret"]);
    assert_eq!(text(&template.run(&[]).stdout), "of the host");
    let records = found(&["-m", "USER_ROLE_CHANGE", "-sv", "yes"], shared);
    assert_eq!(records.len(), 1);
    assert!(records[0].contains("op=host-mount "), "{}", records[0]);
}

#[test]
fn a_template_refuses_added_arguments_and_records_that() {
    let tag = tag();
    let template = Template::of_command(&["run", "--rm", "fedora", "echo", &tag]);
    let directory = Directory::new();
    let link = template.link_in(&directory);
    for argument in ["more", "--privileged", "--help", "--record-exit", "--", ""] {
        assert_refused(&template.run(&[argument]), "takes no arguments");
        assert_refused(&through(&link, &[argument]), "takes no arguments");
    }
    assert_eq!(found(&["-m", "USER_CMD", "-sv", "yes"], &tag), [""; 0]);
    let records = found_settled(&["-m", "USER_CMD", "-sv", "no"], &tag);
    assert_eq!(records.len(), 12);
    assert!(records[0].contains(&format!(" cmd=docker run --rm fedora echo {tag} more ")));
}

#[test]
fn a_template_can_append_the_added_arguments() {
    let tag = tag();
    let content =
        format!("command = ['run', '--rm', 'fedora', 'echo', '{tag}']\narguments = 'append'\n");
    let template = Template::new(&content);
    let output = template.run(&["--privileged", "b c"]);
    assert_eq!(text(&output.stdout), format!("{tag} --privileged b c\n"));
    let records = found(&["-m", "USER_CMD"], &tag);
    assert_eq!(records.len(), 1);
    assert!(records[0].contains(&format!(" echo {tag} --privileged 'b c' ")), "{}", records[0]);
}

#[test]
fn the_error_about_a_missing_template_lists_the_others() {
    let template = Template::of_command(&["ps"]);
    let directory = Directory::new();
    let compose = directory.path().join("docker-compose");
    symlink(audit_cli(), &compose).unwrap();
    for output in [run(["run", "compose"]), through(&compose, &["up"])] {
        assert_refused(&output, "there is no template `compose`");
        assert_refused(&output, &template.name);
    }
    // A path is not the name of a template, even if the file exists.
    let elsewhere = format!("../templates/{}", template.name);
    for name in [&elsewhere, "/etc/passwd", "..", ".hidden", "a b", "", "\u{e9}", "a\n"] {
        assert_refused(&run(["run", name]), "cannot be the name of a template");
    }
    for name in ["docker-", "docker-..", "docker-a b"] {
        let output = Command::new(audit_cli()).arg0(name).output().unwrap();
        assert_refused(&output, "cannot be the name of a template");
    }
}

#[test]
fn run_without_a_name_lists_the_templates() {
    let good = Template::new("command = ['ps']\ndescription = \"what\\nruns\"\n");
    let plain = Template::of_command(&["ps"]);
    let listed = run(["run"]);
    let shown = text(&listed.stdout);
    assert!(shown.lines().any(|line| line == format!("{}  what\\nruns", good.name)), "{shown}");
    assert!(shown.lines().any(|line| line == plain.name), "{shown}");
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed.stderr));

    let bad = Template::new("command = ['ps']\nno_such_key = 1\n");
    let listed = run(["run"]);
    assert_eq!(listed.status.code(), Some(125));
    assert!(text(&listed.stderr).contains("line 2, column 1: unknown field `no_such_key`"));
    assert!(text(&listed.stderr).contains(&bad.name));
    assert!(text(&listed.stdout).contains(&good.name));
}

#[test]
fn a_template_that_another_user_could_change_is_refused() {
    let template = Template::of_command(&["version"]);
    let path = template.path();
    let path = path.to_str().unwrap();
    for (change, back, reason) in [
        ("chmod o+w", "chmod o-w", "must not be writable by others"),
        ("chmod g+w", "chmod g-w", "must not be writable by others"),
        ("chown nobody", "chown root", "must belong to root"),
    ] {
        for what in [path, TEMPLATES, "/etc/audit-cli"] {
            shell(&format!("{change} {what}"));
            let _back = Finally(format!("{back} {what}"));
            assert_refused(&template.run(&[]), reason);
        }
    }
    let directory = Directory::new();
    let moved = directory.path().join("moved");
    shell(&format!("mv {path} {0} && ln -s {0} {path}", moved.display()));
    assert_refused(&template.run(&[]), "symbolic link");
    fs::remove_file(path).unwrap();
    fs::write(path, "command = 'version'").unwrap();
    assert_refused(&template.run(&[]), "line 1, column 11: invalid type");
}

/// A person can set anything in a shell. Only the name decides which template runs.
#[test]
fn a_person_cannot_change_which_template_runs() {
    let tag = tag();
    let template = Template::of_command(&["run", "--rm", "fedora", "echo", &tag]);
    let directory = Directory::new();
    let theirs = "command = ['run', '--rm', 'fedora', 'echo', 'theirs']";
    fs::create_dir_all(directory.path().join("etc/audit-cli/templates")).unwrap();
    let decoy = format!("etc/audit-cli/templates/{}.toml", template.name);
    fs::write(directory.path().join(decoy), theirs).unwrap();
    fs::write(directory.path().join(format!("{}.toml", template.name)), theirs).unwrap();
    let here = directory.path().to_str().unwrap();
    let program = directory.capable(&audit_cli());
    shell(&format!("usermod -aG docker {PERSON}"));
    let _leave = Finally(format!("gpasswd -d {PERSON} docker >/dev/null"));
    let by_person = |argv0: &str, arguments: &str| {
        let line = format!("exec -a \"$1\" {} {arguments}", program.display());
        login(PERSON)
            .args(["env", &format!("HOME={here}"), &format!("XDG_CONFIG_HOME={here}")])
            .args([&format!("AUDIT_CLI_TEMPLATES={here}"), &format!("PWD={here}")])
            .args(["bash", "-c", &line, "bash", argv0])
            .current_dir(directory.path())
            .output()
            .unwrap()
    };
    let link = format!("docker-{}", template.name);
    for (argv0, arguments) in [
        ("audit-cli", format!("run {}", template.name)),
        (link.as_str(), String::new()),
        (&format!("./{link}"), String::new()),
        (&format!("{here}/{link}"), String::new()),
        (&format!("/docker-x/../{link}"), String::new()),
    ] {
        let output = by_person(argv0, &arguments);
        assert_eq!(text(&output.stdout).trim(), tag, "{argv0}: {}", text(&output.stderr));
    }
    assert_refused(&by_person(&link, "--privileged"), "takes no arguments");
    let records = found(&["-m", "USER_CMD", "-ul", PERSON], &tag);
    assert_eq!(records.len(), 6);
}

#[test]
fn the_environment_names_the_daemon_unless_the_template_does() {
    const SET: [&str; 7] = [
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
        "DOCKER_CERT_PATH",
        "DOCKER_API_VERSION",
        "DOCKER_CONFIG",
    ];
    let directory = Directory::new();
    directory.script("docker", "#!/bin/sh\nenv\n");
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let environment = |template: &Template, options: &[&str]| -> Vec<String> {
        let output = Command::new(audit_cli())
            .args(options)
            .args(["run", &template.name])
            .envs(SET.map(|name| (name, "theirs")))
            .env("DOCKER_BUILDKIT", "theirs")
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = text(&output.stdout);
        let mut lines: Vec<String> =
            shown.lines().filter(|line| line.starts_with("DOCKER_")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let silent = Template::of_command(&["ps"]);
    let saying = Template::new("command = ['ps']\ndocker_host = 'unix:///run/other.sock'\n");
    for options in [&[][..], &["--record-exit"]] {
        let mut theirs: Vec<String> = SET.iter().map(|name| format!("{name}=theirs")).collect();
        theirs.push("DOCKER_BUILDKIT=theirs".to_owned());
        theirs.sort();
        assert_eq!(environment(&silent, options), theirs);
        assert_eq!(
            environment(&saying, options),
            ["DOCKER_BUILDKIT=theirs", "DOCKER_HOST=unix:///run/other.sock"]
        );
    }
}
