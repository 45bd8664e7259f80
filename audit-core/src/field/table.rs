//! Every field that a record may carry, by the kind of its value.

use super::{Field, FieldKind, Kind, Label, Number, Untrusted, Word, private};

/// Declares the fields of one kind: their constants, and the list that finds them by name.
macro_rules! fields {
    ($kind:ident: $($name:literal $constant:ident $meaning:literal)*) => {
        impl Field<$kind> {
            $(#[doc = concat!("`", $name, "`: ", $meaning)]
            pub const $constant: Self = Self::of_table($name);)*
        }

        impl private::Sealed for $kind {}

        impl Kind for $kind {
            const KIND: FieldKind = FieldKind::$kind;
            const FIELDS: &'static [Field<Self>] = &[$(Field::<$kind>::$constant),*];
        }
    };
}

fields! { Untrusted:
    "acct" ACCT "a user's account name."
    "cgroup" CGROUP "the path of a control group below `/sys/fs/cgroup`."
    "cmd" CMD "the command that runs."
    "comm" COMM "the name of a program, as `ps -o comm` shows it."
    "cwd" CWD "the working directory."
    "device" DEVICE "the name of a device."
    "dir" DIR "the name of a directory."
    "file" FILE "the name of a file."
    "grp" GRP "the name of a group."
    "key" KEY "the key of the audit rule that caused the record."
    "name" NAME "the name of a file, or of another object that has no field of its own."
    "new-chardev" NEW_CHARDEV "the character device that a machine or container gets."
    "new-disk" NEW_DISK "the disk or image that a machine or container gets."
    "new-fs" NEW_FS "the file system that a machine or container gets."
    "new-net" NEW_NET "the network, or the MAC address, that a machine or container gets."
    "new-rng" NEW_RNG "the random number generator that a machine or container gets."
    "new_group" NEW_GROUP "the name of a new group."
    "ocomm" OCOMM "the name of the program that is acted on."
    "old-chardev" OLD_CHARDEV "the character device that a machine or container had."
    "old-disk" OLD_DISK "the disk or image that a machine or container had."
    "old-fs" OLD_FS "the file system that a machine or container had."
    "old-net" OLD_NET "the network, or the MAC address, that a machine or container had."
    "old-rng" OLD_RNG "the random number generator that a machine or container had."
    "path" PATH "the path of a file."
    "proctitle" PROCTITLE "the title and arguments of a process."
    "root_dir" ROOT_DIR "the directory below which a package was installed."
    "sw" SW "the software that was installed, updated or removed."
    "uuid" UUID "a UUID, or the id of a container."
    "vm" VM "the name of a virtual machine or container."
    "watch" WATCH "the name of a watched file."
}

fields! { Word:
    "acl" ACL "the kind of access to a resource."
    "bool" BOOL "the name of an SELinux boolean."
    "bus" BUS "the bus that a resource belongs to."
    "category" CATEGORY "the category of a resource."
    "cipher" CIPHER "the name of a cipher."
    "class" CLASS "the class of a resource."
    "direction" DIRECTION "the direction of a cryptographic operation."
    "format" FORMAT "the format of the audit log."
    "grantors" GRANTORS "the PAM modules that approved the action."
    "kind" KIND "the kind of the subject or object, such as `server` or `client`."
    "mac" MAC "the algorithm of a message authentication code."
    "model" MODEL "the security model of a virtual machine."
    "new-level" NEW_LEVEL "the run level that the system goes to."
    "old-level" OLD_LEVEL "the run level that the system comes from."
    "op" OP "the operation, such as `start`."
    "pfs" PFS "the method of perfect forward secrecy."
    "printer" PRINTER "the name of a printer."
    "reason" REASON "why the action happened, or why it was refused."
    "resrc" RESRC "the kind of resource, such as `disk`."
    "state" STATE "the state of the audit daemon's configuration."
    "sw_type" SW_TYPE "the kind of software, such as `rpm`."
    "unit" UNIT "the name of a systemd unit."
    "uri" URI "the address of a printer."
    "user" USER "the account that was submitted for authentication."
    "virt" VIRT "the kind of virtualization, such as `docker`."
}

fields! { Number:
    "added" ADDED "how many new files were found."
    "changed" CHANGED "how many changed files were found."
    "entries" ENTRIES "how many entries there are."
    "errno" ERRNO "the error number of the operation."
    "exit" EXIT "the exit code."
    "id" ID "the uid of the account that changed."
    "key_enforce" KEY_ENFORCE "whether `GnuPG` signatures are enforced for software."
    "ksize" KSIZE "the size of a key, in bits."
    "len" LEN "a length."
    "lport" LPORT "the local port."
    "new-enabled" NEW_ENABLED "whether the terminal is audited from here on."
    "new-mem" NEW_MEM "the memory that a machine or container gets, in KiB."
    "new-vcpu" NEW_VCPU "how many processors a machine or container gets."
    "new_gid" NEW_GID "the gid that is assigned."
    "oauid" OAUID "the login uid of the process that is acted on."
    "old-auid" OLD_AUID "the login uid before the change."
    "old-enabled" OLD_ENABLED "whether the terminal was audited before."
    "old-mem" OLD_MEM "the memory that a machine or container had, in KiB."
    "old-ses" OLD_SES "the login session before the change."
    "old-vcpu" OLD_VCPU "how many processors a machine or container had."
    "opid" OPID "the pid of the process that is acted on."
    "oses" OSES "the login session of the process that is acted on."
    "ppid" PPID "the pid of the parent."
    "removed" REMOVED "how many files were removed."
    "rport" RPORT "the remote port."
    "sauid" SAUID "the login uid of the process that sent the request."
    "seqno" SEQNO "a sequence number."
    "sig" SIG "the number of a signal."
    "spid" SPID "the pid of the process that sent the request."
    "suid" SUID "the uid of the process that sent the request."
    "vm-pid" VM_PID "the pid of a virtual machine or of a container's first process."
}

fields! { Label:
    "default-context" DEFAULT_CONTEXT "the label before the change."
    "img-ctx" IMG_CTX "the label of a disk image."
    "new-range" NEW_RANGE "the SELinux range that an account gets."
    "new-role" NEW_ROLE "the SELinux role that an account gets."
    "new-seuser" NEW_SEUSER "the SELinux user that an account gets."
    "old-range" OLD_RANGE "the SELinux range that an account had."
    "old-role" OLD_ROLE "the SELinux role that an account had."
    "old-seuser" OLD_SEUSER "the SELinux user that an account had."
    "range" RANGE "an account's SELinux range."
    "role" ROLE "an account's SELinux role."
    "selected-context" SELECTED_CONTEXT "the label after the change."
    "seuser" SEUSER "an account's SELinux user."
    "vm-ctx" VM_CTX "the label of a virtual machine or container."
}
