//! The installing lines of the documents, run on a copy of this host that is thrown away.

use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};

use crate::host::{Directory, audit_cli, shell, text};
use crate::markdown::{all_blocks, root};

/// Stand-ins for programs that the installing lines call. `cargo` provides the programs under test, and
/// `systemctl` lets systemd verify the unit.
const STAND_INS: [(&str, &str); 4] = [
    ("sudo", "exec \"$@\""),
    ("rustup", "[ \"$1 $2\" = 'target add' ]"),
    (
        "cargo",
        "[ \"$1 $2 $3\" = 'build --release -p' ]
         case $4 in audit-cli) program=$AUDIT_CLI ;; *) program=$AUDIT_BROKER ;; esac
         built=target/${6:+$6/}release
         mkdir -p \"$built\" && cp \"$program\" \"$built/$4\"",
    ),
    (
        "systemctl",
        "[ \"$1\" = daemon-reload ] && exit
         unit=${*: -1}
         case $unit in *.*) ;; *) unit=$unit.service ;; esac
         for directory in /etc/systemd/system /lib/systemd/system; do
             [ ! -e $directory/$unit ] || exec systemd-analyze verify $directory/$unit
         done
         echo \"no unit $unit\" >&2; exit 1",
    ),
];

/// All installing lines, in the order of the documents, on a copy of this host that is thrown away.
#[test]
fn the_programs_are_installed_as_shown() {
    let directory = Directory::new();
    let shown = directory.path().display().to_string();
    for (name, lines) in STAND_INS {
        let script = directory.script(name, &format!("#!/bin/bash\nset -e\n{lines}\n"));
        shell(&format!("mkdir -p {shown}/bin && mv {} {shown}/bin/", script.display()));
    }
    let mut script = String::from(
        "cd /checkout; PATH=$STAND_INS:$PATH; rm -rf /etc/audit-broker /etc/audit-cli\n\
         rm -f /usr/bin/audit-cli /usr/sbin/audit-broker /usr/local/bin/docker /etc/audit-redaction.key\n\
         userdel -f audit-broker 2>/dev/null || true; groupdel docker-admin 2>/dev/null || true\n\
         getent group ops >/dev/null || groupadd ops\n",
    );
    let mut found = all_blocks();
    // A host is set up before it is operated.
    found.sort_by_key(|block| block.document != "docs/install.md");
    for block in found.iter().filter(|block| (&*block.language, &*block.claim) == ("sh", "install"))
    {
        writeln!(script, "echo {}:{} >&2\n{}", block.document, block.line, block.text).unwrap();
    }
    script += "getcap /usr/bin/audit-cli | grep -q cap_audit_write\naudit-broker --version\n";
    fs::write(directory.path().join("script"), script).unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "bash", "-euc", COPY_OF_THE_HOST])
        .env("SCRATCH", directory.path())
        .env("CHECKOUT", root())
        .env("STAND_INS", directory.path().join("bin"))
        .env("AUDIT_CLI", audit_cli())
        .env("AUDIT_BROKER", std::env::var_os("AUDIT_BROKER").unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// Runs the script in a copy of this host's files that keeps what is written in memory.
const COPY_OF_THE_HOST: &str = r"
mount --make-rprivate /
mkdir $SCRATCH/copy
mount -t tmpfs tmpfs $SCRATCH/copy
mkdir $SCRATCH/copy/{upper,work,root}
mount -t overlay overlay $SCRATCH/copy/root \
    -o lowerdir=/,upperdir=$SCRATCH/copy/upper,workdir=$SCRATCH/copy/work
mkdir $SCRATCH/copy/root/checkout
for part in $CHECKOUT/*; do
    [ ${part##*/} = target ] || cp -r $part $SCRATCH/copy/root/checkout/
done
for directory in /proc /sys /dev /tmp; do
    mount --rbind $directory $SCRATCH/copy/root$directory
done
exec chroot $SCRATCH/copy/root bash -euo pipefail $SCRATCH/script
";
