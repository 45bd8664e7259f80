//! Arguments of `docker top`. dockerd runs `ps` with them on the host, as root, and returns the lines
//! whose column `PID` has a process of the container.

use crate::danger::Danger;
use crate::finding::{Finding, Way};

/// Judges the arguments of `ps`: could the output show other processes of the host?
///
/// dockerd splits the arguments at single blanks. It finds the column by its title `PID`, and the pid in
/// a line by counting words from the left. So three things can show any process: a column with blanks
/// before the pid, a title that the caller chooses, and an output without titles.
///
/// # Source
/// `ContainerTop` and `parsePSOutput` in `daemon/top_unix.go` of moby; `ps(1)` of procps.
#[must_use]
pub fn judge(arguments: &str) -> Option<Finding> {
    (!is_understood(arguments)).then(|| {
        Finding::new(Danger::HostPid, arguments).recorded_as(Way::Namespace("pid")).with_allowed(
            "options such as `-ef`, `aux` or `-o pid,user,args`: columns by name, and before `pid` \
             only columns of one word",
        )
    })
}

fn is_understood(arguments: &str) -> bool {
    let mut words = arguments.split(' ').filter(|word| !word.is_empty());
    let mut columns = Vec::new();
    while let Some(word) = words.next() {
        let (flags, list) = match word.split_once('o') {
            None => (word, None),
            Some((flags, "")) => match words.next() {
                None => return false,
                list => (flags, list),
            },
            Some((flags, list)) => (flags, Some(list)),
        };
        if !are_known(flags, list.is_some()) {
            return false;
        }
        columns.extend(list.into_iter().flat_map(|list| list.split(',')));
    }
    columns.is_empty() || show_pid_first(&columns)
}

/// Whether all letters are options without a value that print titles and put no column with blanks
/// before the pid. After a dash, `e` selects processes; without a dash, it shows the environment.
fn are_known(flags: &str, may_be_empty: bool) -> bool {
    let (letters, known) = match flags.strip_prefix('-') {
        // `-aux` means `aux`, unless a user `x` exists.
        Some("aux") => return true,
        Some(letters) => (letters, "AadefFjlyw"),
        None => (flags, "axujlfw"),
    };
    (may_be_empty || !letters.is_empty()) && letters.chars().all(|letter| known.contains(letter))
}

/// Whether each column has a plain name, and no column before the pid can contain a blank.
fn show_pid_first(columns: &[&str]) -> bool {
    let is_name = |column: &&str| {
        !column.is_empty() && column.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let before = columns.iter().take_while(|column| **column != "pid");
    columns.contains(&"pid")
        && columns.iter().all(is_name)
        && before.clone().all(|column| ONE_WORD.contains(column))
}

/// Columns that never contain a blank.
const ONE_WORD: &[&str] = &[
    "uid", "gid", "euid", "egid", "user", "group", "ppid", "pgid", "sid", "s", "stat", "tty", "ni",
    "pri", "pcpu", "pmem", "rss", "vsz", "time", "etime", "etimes", "nlwp", "psr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s03_only_arguments_that_show_the_containers_processes_are_allowed() {
        for arguments in [
            "",
            "-ef",
            "aux",
            "-aux",
            "-e -f",
            "axu",
            "-eF",
            "faux",
            "-o pid,user,args",
            "o pid,comm",
            "-eo uid,ppid,pid,cmd",
            "-eopid,args",
            "-o pid -o args",
            "axo user,pid,pcpu,command",
        ] {
            assert_eq!(judge(arguments), None, "{arguments}");
        }
        for arguments in [
            // The caller chooses the title.
            "-osupgid=PID -opid,uid,args -p1 e",
            "-o pid=X,args",
            "-opid:5,args",
            "o%p",
            // A column with blanks counts as several words: the year is where dockerd expects the pid.
            "-eo lstart,uid,uid,uid,pid,args",
            "-o args,pid",
            "-o lstart -o pid",
            "-o comm,pid",
            "-o user,args",
            "-o",
            // Without titles, dockerd takes the first process for the titles.
            "h",
            "-ef h",
            "auxh",
            "--no-headers",
            // The environment.
            "e",
            "auxe",
            "-auxe",
            "axe",
            // Processes of others.
            "-p 1",
            "-p1",
            "1",
            "--pid 1",
            "-C sshd",
            "-u root",
            "-M",
            "Z",
            "-Oargs",
            "-",
            "-ef\tx",
            "-ef\u{a0}",
        ] {
            assert!(judge(arguments).is_some(), "{arguments}");
        }
    }
}
