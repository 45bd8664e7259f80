//! The fields of a record that deeds are made of, found in one pass.

use crate::record::Record;
use crate::value::Value;

macro_rules! fields {
    ($($field:ident $name:literal)*) => {
        /// What the program that wrote a record says in it. Of several fields of one name, the first
        /// counts.
        #[derive(Debug, Default)]
        pub(super) struct Claims<'a> {
            $(pub(super) $field: Option<Value<'a>>,)*
        }

        impl<'a> Claims<'a> {
            pub(super) fn of(record: &Record<'a>) -> Self {
                let mut claims = Self::default();
                for field in record.user_fields() {
                    // The compiler makes a binary search of this.
                    let known = match packed(field.name) {
                        $(names::$field => &mut claims.$field,)*
                        _ => continue,
                    };
                    known.get_or_insert(field.value);
                }
                claims
            }
        }

        /// The packed names.
        #[expect(non_upper_case_globals, reason = "they have the names of the fields")]
        mod names {
            $(pub(super) const $field: u64 = super::packed($name);)*
        }
    };
}

/// A name of up to eight bytes as a number, which compares faster than bytes. 0 for any other name.
const fn packed(name: &[u8]) -> u64 {
    if name.len() > size_of::<u64>() || matches!(name, [0, ..]) {
        return 0;
    }
    let (mut number, mut rest) = (0, name);
    while let [byte, after @ ..] = rest {
        number = number << 8 | *byte as u64;
        rest = after;
    }
    number
}

fields! {
    virt b"virt"
    op b"op"
    reason b"reason"
    res b"res"
    part b"part"
    exit b"exit"
    entries b"entries"
    resrc b"resrc"
    vm b"vm"
    uuid b"uuid"
    vm_pid b"vm-pid"
    sw b"sw"
    new_fs b"new-fs"
    new_net b"new-net"
    new_disk b"new-disk"
    device b"device"
    dir b"dir"
    cmd b"cmd"
    cwd b"cwd"
    path b"path"
    acct b"acct"
    name b"name"
    unit b"unit"
    kind b"kind"
    spid b"spid"
    suid b"suid"
    sauid b"sauid"
    oses b"oses"
    exe b"exe"
    terminal b"terminal"
    cgroup b"cgroup"
    hostname b"hostname"
    comm b"comm"
}

impl<'a> Claims<'a> {
    /// The operation, as written.
    pub(super) fn op(&self) -> &'a [u8] {
        self.op.map(Value::raw).unwrap_or_default()
    }

    /// The program's pid of the caller.
    pub(super) fn caller(&self) -> u32 {
        self.spid.and_then(Value::number).unwrap_or_default()
    }

    /// Whether this record continues an earlier one, because a value was too long for one record.
    pub(super) fn is_continuation(&self) -> bool {
        self.part.is_some_and(|part| !part.raw().starts_with(b"1/"))
    }

    /// Whether the record says that the wrapper wrote it.
    pub(super) fn is_wrapper(&self) -> bool {
        let exe = self.exe.and_then(Value::text).unwrap_or_default();
        exe.rsplit(|byte| *byte == b'/').next() == Some(b"audit-cli")
    }

    pub(super) fn is_success(&self) -> bool {
        self.res.is_some_and(|res| matches!(res.raw(), b"success" | b"1"))
    }
}

/// Who wrote a record, according to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) pid: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) auid: Option<u32>,
    pub(super) session: Option<u32>,
}

impl Head {
    pub(super) fn of(record: &Record<'_>) -> Self {
        let mut head = Self::default();
        for field in record.kernel_fields() {
            let known = match field.name {
                b"pid" => &mut head.pid,
                b"uid" => &mut head.uid,
                b"auid" => &mut head.auid,
                b"ses" => &mut head.session,
                _ => continue,
            };
            if known.is_none() {
                *known = field.value.number();
            }
        }
        head
    }
}

pub(super) fn text(value: Option<Value<'_>>) -> Option<Vec<u8>> {
    value.and_then(Value::to_bytes)
}
