//! The login uid and the login session of a process, as both libraries read them.

use std::process::{Command, Stdio};

use crate::library::Library;

/// Set in a child that compares the libraries.
const CHILD: &str = "AUDIT_CAPI_TEST_CHILD";

/// Runs this test alone in a child that the shell command starts, and returns what the child printed:
/// the login uid and the session with their `errno`.
fn in_child(prepare: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{prepare}; exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "identity::both_libraries_read_the_same_ids", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{prepare}: {text}\n{errors}");
    text.lines().find_map(|line| line.split_once("ids: ")).unwrap().1.to_owned()
}

fn ids(library: &Library) -> [(u32, i32); 2] {
    [library.getloginuid, library.get_session].map(|function| {
        // SAFETY: the pointer is always valid and belongs to this thread; the function takes nothing.
        unsafe {
            *libc::__errno_location() = 77;
            let id = function();
            (id, *libc::__errno_location())
        }
    })
}

#[test]
fn both_libraries_read_the_same_ids() {
    let (theirs, ours) = (ids(&Library::theirs()), ids(&Library::ours()));
    assert_eq!(theirs, ours);
    if std::env::var_os(CHILD).is_some() {
        println!("ids: {ours:?}");
        return;
    }
    let own = in_child("true");
    assert_eq!(own, format!("{ours:?}"));

    let unset = in_child("echo 4294967295 > /proc/self/loginuid");
    assert!(unset.starts_with("[(4294967295, 0), (4294967295, 0)]"), "{unset}");
    let set = in_child("echo 4294967295 > /proc/self/loginuid; echo 3000001 > /proc/self/loginuid");
    assert!(set.starts_with("[(3000001, 0), ("), "{set}");

    // Files that the kernel does not write, in a mount namespace of the child's own.
    let with = |loginuid: &str, sessionid: &str| {
        in_unshared_child(&format!(
            "printf '{loginuid}' > $proc/self/loginuid; \
             printf '{sessionid}' > $proc/self/sessionid"
        ))
    };
    assert_eq!(with("1000", "12\\n"), "[(1000, 0), (12, 0)]");
    assert_eq!(with("", "x"), "[(0, 0), (0, 0)]");
    assert_eq!(with(" -1", "+7x"), "[(4294967295, 0), (7, 0)]");
    assert_eq!(with("4294967297", "123456789012345"), "[(1, 0), (2249056121, 0)]");
    assert_eq!(with("1234567890123456", "0000000000000000"), "[(4294967295, 0), (4294967294, 0)]");
    assert_eq!(
        in_unshared_child("mkdir $proc/self/loginuid; ln -s x $proc/self/sessionid"),
        format!("[(4294967295, {}), (4294967294, {})]", libc::EISDIR, libc::ELOOP)
    );
    assert_eq!(
        in_unshared_child(":"),
        format!("[(4294967295, {0}), (4294967294, {0})]", libc::ENOENT)
    );
}

/// As [`in_child`], with a directory that the command fills in place of `/proc`.
fn in_unshared_child(fill: &str) -> String {
    // The child finds its own program through `/proc/self/exe`.
    let fill = format!(
        "proc=$(mktemp -d); mkdir $proc/self; ln -s $1 $proc/self/exe; {fill}; \
         mount -t tmpfs none /proc; cp -a $proc/self /proc; rm -r $proc; "
    );
    let script = format!("exec unshare --mount sh -c '{}exec \"$@\"' sh \"$@\"", quoted(&fill));
    in_child(&format!(":; set -- \"$@\"; {script}"))
}

/// For text between single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
