//! The targets of an attack: another person's objects, root's, and the attacker's own.

use std::path::Path;

use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{PERSON, field, login, raw, settle, shell, text, uid_of};
use crate::policy::own_containers_of;

use super::row::{End, Row};
use super::sender::{Told, send};

/// Another person, who may do everything.
pub(super) const OTHER: &str = "games";

/// The content of another person's objects, which no other user may read.
pub(super) const SECRET: &str = "hunter2";

/// Replaces the words in braces in the rows.
pub(super) struct Stage<'a> {
    broker: &'a Broker,
    lines: &'a Lines<'a>,
    words: Vec<(&'static str, String)>,
}

/// The attacker may use ordinary containers of their own. The other person may do everything.
pub(super) fn policies() -> String {
    let own = own_containers_of(PERSON);
    format!("{own}@id(\"other\") permit(principal == User::\"{OTHER}\", action, resource);\n")
}

/// The attacker may do everything ordinary, and mount this directory of the host, unless a
/// container gets more of the host.
pub(super) fn own_files(directory: &Path) -> String {
    format!(
        "@id(\"any\") permit(principal == User::\"{PERSON}\", action, resource)
         unless {{ action in Action::\"host\" }};
         @id(\"view\") permit(principal == User::\"{PERSON}\",
            action in Action::\"privileged-container-view\", resource);
         @id(\"own-files\") permit(principal == User::\"{PERSON}\",
            action in Action::\"privileged-containers\", resource)
         when {{ !context.dangers.contains(\"host-root\")
            && context.hostPathsWithin.contains(\"{}\") }};",
        directory.display()
    )
}

impl<'a> Stage<'a> {
    /// Creates everything that the rows are about. Dropping the lines removes it.
    pub(super) fn set(broker: &'a Broker, lines: &'a Lines<'a>) -> Self {
        let name = lines.name();
        let in_shell = |user: &str, line: &str| {
            let mut command = login(user);
            command.env("DOCKER_HOST", broker.address()).env("HOME", broker.home()).env("A", name);
            let output = command.args(["sh", "-ec", line]).output().unwrap();
            assert!(output.status.success(), "{line}: {}", text(&output.stderr));
            text(&output.stdout).trim().to_owned()
        };
        in_shell(
            OTHER,
            &format!(
                "docker volume create --label {SECRET} --label $A $A-vol >/dev/null
                docker network create --label $A $A-net >/dev/null
                docker run -d --init --name $A-other -e KEY={SECRET} -v $A-vol:/v fedora \
                    sh -c 'echo {SECRET}; echo {SECRET} >/v/key; exec sleep 600' >/dev/null
                docker create --label $A --name $A-stopped fedora true >/dev/null
                docker create --label $A --name $A-priv --privileged fedora true >/dev/null
                docker create --label $A --name $A-host -v /:/host fedora true >/dev/null
                docker volume create --label $A -o type=none -o o=bind -o device=/ $A-root >/dev/null
                docker tag fedora $A-image"
            ),
        );
        in_shell(PERSON, "docker run -d --init --name $A-own fedora sleep 600 >/dev/null");
        let exec = in_shell(
            OTHER,
            "curl -s --unix-socket ${DOCKER_HOST#unix://} -H 'Content-Type: application/json' \
                -d '{\"AttachStdout\":true,\"Cmd\":[\"cat\",\"/v/key\"]}' \
                http://docker/containers/$A-other/exec | cut -d'\"' -f4",
        );
        let of_root = |line: &str| shell(line).trim().to_owned();
        let other_id = of_root(&format!("docker inspect -f '{{{{.Id}}}}' {name}-other"));
        let words = vec![
            ("{all}", name.to_owned()),
            ("{other}", format!("{name}-other")),
            ("{stopped}", format!("{name}-stopped")),
            ("{priv}", format!("{name}-priv")),
            ("{hosts}", format!("{name}-host")),
            ("{own}", format!("{name}-own")),
            ("{vol}", format!("{name}-vol")),
            ("{rootvol}", format!("{name}-root")),
            ("{net}", format!("{name}-net")),
            ("{image}", format!("{name}-image")),
            ("{exec}", exec),
            ("{netid}", of_root(&format!("docker network inspect -f '{{{{.Id}}}}' {name}-net"))),
            ("{shortid}", other_id.chars().take(12).collect()),
            ("{otherid}", other_id),
            ("{hostnet}", of_root("docker network inspect -f '{{.Id}}' host")),
        ];
        Self { broker, lines, words }
    }

    /// The text with its words in braces replaced.
    pub(super) fn fill(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// The name for the object that this row creates.
    fn me(&self, number: usize, row: &Row) -> String {
        let id: String = row.id.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{}-r{number}{}", self.lines.name(), id.to_lowercase())
    }

    fn request(&self, number: usize, row: &Row) -> Vec<u8> {
        // Bytes that are not UTF-8 must survive as text.
        let text: String = row.request.iter().map(|byte| char::from(*byte)).collect();
        let text =
            self.fill(&text).replace("{me}", &self.me(number, row)).replace("{ff}", "\u{ff}");
        let length = text.split_once("\r\n\r\n").map_or(0, |(_, body)| body.chars().count());
        let text = text.replace("{length}", &length.to_string());
        text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect()
    }

    /// Sends each row as the attacker. Expects its end, a record of it, and that it created
    /// nothing.
    pub(super) fn play(&self, rows: &[Row]) {
        let requests: Vec<Vec<u8>> =
            rows.iter().enumerate().map(|(number, row)| self.request(number, row)).collect();
        let told = send(self.broker.socket(), &requests);
        let mut wrong: Vec<String> =
            rows.iter().zip(&told).filter_map(|(row, told)| self.judge(row, told)).collect();
        wrong.extend(self.made(rows));
        wrong.extend(silent(rows, &told));
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    /// The error in a response, if there is one.
    fn judge(&self, row: &Row, told: &Told) -> Option<String> {
        let is_said = |word: &str| told.body.contains(&self.fill(word));
        let is_right = match row.end {
            End::Denied(word) => told.status == 403 && is_said(word),
            End::Hidden(word) => told.status == 404 && is_said(word),
            End::HiddenInCreate(word) => told.status == 400 && is_said(word),
            End::HiddenInRemoval => told.status == 204,
            End::Refused(word) => {
                let is_of_broker = matches!(told.status, 400 | 403 | 404 | 405 | 413 | 415)
                    // dockerd answers 409 too.
                    || told.status == 409 && !word.is_empty();
                is_of_broker && is_said(word)
            }
            End::Harmless(status) => told.status == u64::from(status),
        };
        let is_leak = told.body.contains(SECRET);
        let shown: String = told.body.chars().take(500).collect();
        (!is_right || is_leak)
            .then(|| format!("{}: {} {shown}; expected {:?}", row.id, told.status, row.end))
    }

    /// The rows that created a container, volume, network or image although they had to fail.
    fn made(&self, rows: &[Row]) -> Vec<String> {
        let there = shell(&format!(
            "docker ps -a --format '{{{{.Names}}}}' --filter name={0}-r
            docker volume ls -q --filter name={0}-r
            docker network ls --format '{{{{.Name}}}}' --filter name={0}-r
            docker images --format '{{{{.Repository}}}}' --filter 'reference=*{0}-r*'",
            self.lines.name()
        ));
        let is_there = |name: &str| there.lines().any(|line| line == name);
        rows.iter()
            .enumerate()
            .filter(|(_, row)| !matches!(row.end, End::Harmless(_)))
            .filter(|(number, row)| is_there(&self.me(*number, row)))
            .map(|(_, row)| format!("{}: it was made", row.id))
            .collect()
    }

    /// Expects that everything of the other person's is unchanged.
    pub(super) fn survives(&self) {
        let line = self.fill(
            "docker inspect -f '{{.Name}} {{.State.Status}} {{.State.Paused}} \
                {{.HostConfig.Memory}} {{.RestartCount}}' {other} {stopped} {priv} {hosts}
            docker exec {other} cat /v/key; docker exec {other} ls / | grep -c planted || true
            docker volume inspect -f ok {vol} {rootvol}; docker network inspect -f ok {net}
            docker inspect -f '{{len .NetworkSettings.Networks}}' {other}
            docker image inspect -f ok {image}",
        );
        let expected = self.fill(
            "/{other} running false 0 0\n/{stopped} created false 0 0\n\
             /{priv} created false 0 0\n/{hosts} created false 0 0\n",
        );
        assert_eq!(shell(&line), format!("{expected}{SECRET}\n0\nok\nok\nok\n1\nok\n"));
    }
}

/// The rows without a record. A refused row needs a record that says so, any other row needs any
/// record. By default the broker does not record calls that only read.
fn silent(rows: &[Row], told: &[Told]) -> Vec<String> {
    settle();
    let types = "VIRT_CONTROL,VIRT_RESOURCE,SOFTWARE_UPDATE";
    let found = raw(&["-m", types, "-ul", PERSON], "");
    let auid = uid_of(PERSON).to_string();
    let is_told = |pid: &str, end: &End| {
        found.iter().any(|record| {
            let is_own =
                record.contains(&format!(" auid={auid} ")) && field(record, "spid") == Some(pid);
            let is_of_end = match end {
                End::Harmless(_) => true,
                End::Refused(_)
                | End::Denied(_)
                | End::Hidden(_)
                | End::HiddenInCreate(_)
                | End::HiddenInRemoval => record.contains("res=failed"),
            };
            is_own && is_of_end
        })
    };
    let is_read =
        |row: &Row| matches!(row.end, End::Harmless(_)) && row.request.starts_with(b"GET ");
    rows.iter()
        .zip(told)
        .filter(|(row, _)| !is_read(row))
        .filter(|(row, told)| !is_told(&told.pid.to_string(), &row.end))
        .map(|(row, _)| format!("{}: no record", row.id))
        .collect()
}
