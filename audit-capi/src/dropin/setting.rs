//! The program, terminal and host of a record, as libaudit finds them.
//!
//! This file knows the caller's arguments and this process. Only `scratch` keeps something between two
//! calls.

use std::borrow::Cow;
use std::fs;
use std::net::IpAddr;

use audit_core::{Origin, Record, Terminal};

use crate::dropin::scratch::{Exe, Host};
use crate::pointer::CText;

/// Longest address that is written, in bytes.
///
/// # Source
/// `INET6_ADDRSTRLEN` in `<netinet/in.h>`, without the NUL.
const ADDR_LIMIT_BYTES: usize = 45;

/// The fields at the end of a record.
pub(crate) struct Setting<'a> {
    pub(crate) exe: Option<Cow<'a, [u8]>>,
    terminal: Option<Cow<'a, [u8]>>,
    hostname: Option<&'a [u8]>,
    addr: Option<Cow<'a, [u8]>>,
}

impl<'a> Setting<'a> {
    /// Starts with the terminal that the caller names, or with this process's terminal for NULL.
    pub(crate) fn at(tty: CText<'a>, exe: &'a mut Exe) -> Self {
        let terminal = match tty.bytes() {
            Some(tty) => Some(Cow::Borrowed(tty)),
            None => Terminal::standard().map(|tty| Cow::Owned(tty.as_ref().as_bytes().to_vec())),
        };
        Self { exe: exe.path().map(Cow::Borrowed), terminal, hostname: None, addr: None }
    }

    /// As [`at`](Self::at), but treats an empty terminal like NULL.
    pub(crate) fn at_non_empty(tty: CText<'a>, exe: &'a mut Exe) -> Self {
        Self::at(if tty.non_empty().is_some() { tty } else { CText::NULL }, exe)
    }

    /// Adds the host that the caller names. Names are not looked up: a lookup that fails takes seconds,
    /// and one that succeeds says where the host is now, not where the person was.
    pub(crate) fn of_host(mut self, hostname: CText<'a>, addr: CText<'a>) -> Self {
        let hostname = hostname.non_empty();
        self.addr = match addr.non_empty() {
            Some(addr) => Some(Cow::Borrowed(addr.get(..ADDR_LIMIT_BYTES).unwrap_or(addr))),
            None => hostname.and_then(address).map(Cow::Owned),
        };
        self.hostname = hostname;
        self
    }

    /// Adds this host, if the caller named no host and the terminal is one of this host.
    pub(crate) fn or_local(mut self, host: &'a mut Host) -> Self {
        if self.hostname.is_none() && self.terminal.as_deref().is_some_and(is_local) {
            self.hostname = host.name();
        }
        self
    }

    /// Replaces the program by the one that the caller names, if any.
    pub(crate) fn with_program(mut self, name: Option<&'a [u8]>) -> Self {
        if let Some(name) = name {
            // Callers that know libaudit's format add the quotes themselves.
            let inner = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
            self.exe = Some(Cow::Borrowed(inner.unwrap_or(name)));
        }
        self
    }

    pub(crate) fn hostname(&self) -> Option<&[u8]> {
        self.hostname
    }

    pub(crate) fn addr(&self) -> Option<&[u8]> {
        self.addr.as_deref()
    }

    pub(crate) fn terminal(&self) -> Option<&[u8]> {
        self.terminal.as_deref()
    }

    /// Adds these fields to the record.
    pub(crate) fn end<'r>(&'r self, record: Record<'r>) -> Record<'r> {
        record
            .exe(self.exe.as_deref())
            .terminal(self.terminal())
            .origin(Some(Origin { hostname: self.hostname(), addr: None }))
            .addr_text(self.addr())
    }
}

/// Whether libaudit considers the terminal one of this host.
fn is_local(terminal: &[u8]) -> bool {
    [&b"pts"[..], b"tty", b"/dev/tty"].iter().any(|start| terminal.starts_with(start))
}

/// The address, if the host's name is one.
fn address(hostname: &[u8]) -> Option<Vec<u8>> {
    let address: IpAddr = std::str::from_utf8(hostname).ok()?.parse().ok()?;
    Some(address.to_string().into_bytes())
}

/// The name of the program that runs, as the kernel keeps it.
pub(crate) fn comm() -> Option<Vec<u8>> {
    let comm = fs::read("/proc/self/comm").ok()?;
    Some(comm.strip_suffix(b"\n").unwrap_or(&comm).to_vec())
}

/// Whether the calling thread may write records. If `/proc` does not say, the answer is no.
pub(crate) fn may_write() -> bool {
    /// # Source
    /// `CAP_AUDIT_WRITE` in `include/uapi/linux/capability.h`.
    const CAP_AUDIT_WRITE: u32 = 29;
    let status = fs::read("/proc/thread-self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    effective.is_some_and(|set| set >> CAP_AUDIT_WRITE & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys;

    #[test]
    fn a_host_name_that_is_an_address_is_the_address() {
        let origin = |hostname, addr| {
            let mut exe = Exe::new();
            let setting = Setting::at(CText::from(c"ssh"), &mut exe)
                .of_host(CText::from(hostname), CText::from(addr));
            (setting.hostname().map(<[u8]>::to_vec), setting.addr().map(<[u8]>::to_vec))
        };
        let bytes = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(origin(c"10.1.2.3", c""), (bytes("10.1.2.3"), bytes("10.1.2.3")));
        assert_eq!(origin(c"::1", c"10.0.0.1"), (bytes("::1"), bytes("10.0.0.1")));
        assert_eq!(origin(c"localhost", c""), (bytes("localhost"), None));
        assert_eq!(origin(c"", c""), (None, None));
    }

    #[test]
    fn a_local_terminal_implies_this_host() {
        let hostname = |tty| {
            let (mut exe, mut host) = (Exe::new(), Host::new());
            let setting = Setting::at(CText::from(tty), &mut exe).of_host(CText::NULL, CText::NULL);
            setting.or_local(&mut host).hostname().map(<[u8]>::to_vec)
        };
        for tty in [c"pts/3", c"/dev/tty1"] {
            assert_eq!(hostname(tty), sys::hostname());
        }
        for tty in [c"ssh", c"", c":0"] {
            assert_eq!(hostname(tty), None);
        }
    }

    #[test]
    fn a_program_may_have_quotes() {
        let exe = |name: &'static [u8]| {
            let mut own = Exe::new();
            let setting = Setting::at(CText::NULL, &mut own).with_program(Some(name));
            setting.exe.map(Cow::into_owned)
        };
        assert_eq!(exe(b"\"/bin/x\"").as_deref(), Some(&b"/bin/x"[..]));
        assert_eq!(exe(b"my prog").as_deref(), Some(&b"my prog"[..]));
        assert_eq!(exe(b"\"").as_deref(), Some(&b"\""[..]));
    }
}
