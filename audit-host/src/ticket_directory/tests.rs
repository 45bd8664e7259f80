use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use nix::unistd::{getuid, mkfifo};

use super::*;
use crate::ticket::{Purpose, TicketCaller};

/// A directory for one test, which is removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ticket-{test}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    fn open(&self) -> TicketDirectory {
        TicketDirectory::open(&self.0, getuid().as_raw()).unwrap()
    }

    fn path_of(&self, ticket: &Ticket) -> PathBuf {
        self.0.join(ticket.name().unwrap().as_str())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn start_ticket() -> Ticket {
    let caller = TicketCaller { auid: Some(1001), name: "dwalsh".to_owned() };
    Ticket { container: "a".repeat(64), purpose: Purpose::Start, caller }
}

/// The reason why the ticket under its name does not count.
fn refusal(scratch: &Scratch) -> String {
    let error = scratch.open().take(&start_ticket().name().unwrap()).unwrap_err();
    format!("{error:#}")
}

#[test]
fn a_ticket_counts_once() {
    let scratch = Scratch::new("once");
    let (tickets, ticket) = (scratch.open(), start_ticket());
    let name = ticket.name().unwrap();
    assert_eq!(tickets.take(&name).unwrap(), None);
    tickets.write(&ticket).unwrap();
    assert_eq!(tickets.read(&name).unwrap(), Some(ticket.clone()));
    assert_eq!(tickets.take(&name).unwrap(), Some(ticket));
    assert_eq!(tickets.take(&name).unwrap(), None);
    assert!(!tickets.remove(&name).unwrap());
    assert_eq!(scratch.names(), Vec::<String>::new());
}

#[test]
fn one_of_two_starts_at_once_gets_the_ticket() {
    let scratch = Scratch::new("race");
    let (tickets, ticket) = (scratch.open(), start_ticket());
    let name = ticket.name().unwrap();
    for round in 0..100 {
        tickets.write(&ticket).unwrap();
        let got = std::thread::scope(|scope| {
            let takers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| tickets.take(&name).unwrap())).collect();
            takers.into_iter().filter_map(|taker| taker.join().unwrap()).count()
        });
        assert_eq!(got, 1, "round {round}");
    }
}

#[test]
fn a_later_ticket_replaces_an_earlier_one() {
    let scratch = Scratch::new("replace");
    let tickets = scratch.open();
    tickets.write(&start_ticket()).unwrap();
    let mut later = start_ticket();
    later.caller.auid = None;
    tickets.write(&later).unwrap();
    assert_eq!(tickets.take(&later.name().unwrap()).unwrap(), Some(later));
}

#[test]
fn a_failed_write_leaves_the_earlier_ticket_and_nothing_else() {
    let scratch = Scratch::new("failed");
    let (tickets, ticket) = (scratch.open(), start_ticket());
    fs::create_dir(scratch.path_of(&ticket)).unwrap();
    let error = format!("{:#}", tickets.write(&ticket).unwrap_err());
    assert!(error.starts_with("could not write the ticket"), "{error}");
    assert_eq!(scratch.names(), [ticket.name().unwrap().as_str()]);
}

#[test]
fn a_link_to_a_good_ticket_does_not_count() {
    let scratch = Scratch::new("link");
    let ticket = start_ticket();
    scratch.open().write(&ticket).unwrap();
    let elsewhere = scratch.0.join("elsewhere");
    fs::rename(scratch.path_of(&ticket), &elsewhere).unwrap();
    symlink(&elsewhere, scratch.path_of(&ticket)).unwrap();
    assert!(refusal(&scratch).contains("could not open"), "{}", refusal(&scratch));
    fs::remove_file(scratch.path_of(&ticket)).unwrap();
    fs::hard_link(&elsewhere, scratch.path_of(&ticket)).unwrap();
    assert!(refusal(&scratch).contains("second name"), "{}", refusal(&scratch));
}

#[test]
fn a_pipe_or_directory_in_a_tickets_place_does_not_count() {
    let scratch = Scratch::new("pipe");
    let path = scratch.path_of(&start_ticket());
    mkfifo(&path, Mode::S_IRUSR).unwrap();
    assert!(refusal(&scratch).contains("regular file"), "{}", refusal(&scratch));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(refusal(&scratch).contains("regular file"), "{}", refusal(&scratch));
}

#[test]
fn a_ticket_that_others_may_open_does_not_count() {
    let scratch = Scratch::new("mode");
    let ticket = start_ticket();
    scratch.open().write(&ticket).unwrap();
    fs::set_permissions(scratch.path_of(&ticket), Permissions::from_mode(0o620)).unwrap();
    assert!(refusal(&scratch).contains("other users"), "{}", refusal(&scratch));
}

#[test]
fn a_damaged_long_or_copied_ticket_does_not_count_and_remains() {
    let scratch = Scratch::new("damaged");
    let ticket = start_ticket();
    let mut other = start_ticket();
    other.container = "b".repeat(64);
    let copy = other.to_bytes().unwrap();
    let texts: [(&[u8], &str); 4] = [
        (b"", "damaged"),
        (b"{\"container\":", "damaged"),
        (&[b' '; TICKET_LIMIT_BYTES + 1], "longer than"),
        (&copy, "another container"),
    ];
    for (text, reason) in texts {
        fs::write(scratch.path_of(&ticket), text).unwrap();
        fs::set_permissions(scratch.path_of(&ticket), Permissions::from_mode(0o600)).unwrap();
        assert!(refusal(&scratch).contains(reason), "{}", refusal(&scratch));
        assert!(scratch.path_of(&ticket).exists());
    }
}

#[test]
fn a_ticket_of_another_user_does_not_count() {
    let scratch = Scratch::new("owner");
    let ticket = start_ticket();
    scratch.open().write(&ticket).unwrap();
    if !getuid().is_root() {
        // Only root can give a file away. Then the directory itself tells another user from root.
        let other = TicketDirectory::open(&scratch.0, getuid().as_raw() + 1);
        assert!(other.unwrap_err().to_string().contains("must belong to"));
        return;
    }
    std::os::unix::fs::chown(scratch.path_of(&ticket), Some(1001), None).unwrap();
    assert!(refusal(&scratch).contains("belongs to uid 1001"), "{}", refusal(&scratch));
    std::os::unix::fs::chown(&scratch.0, Some(1001), None).unwrap();
    let error = TicketDirectory::open(&scratch.0, 1002).unwrap_err().to_string();
    assert!(error.contains("must belong to uid 1002 or root"), "{error}");
}

#[test]
fn a_link_or_an_open_directory_is_no_ticket_directory() {
    let scratch = Scratch::new("open");
    let (owner, link) = (getuid().as_raw(), scratch.0.join("link"));
    symlink(&scratch.0, &link).unwrap();
    assert!(TicketDirectory::open(&link, owner).is_err());
    fs::set_permissions(&scratch.0, Permissions::from_mode(0o722)).unwrap();
    let error = TicketDirectory::open(&scratch.0, owner).unwrap_err().to_string();
    assert!(error.contains("must not be writable by others"), "{error}");
}

#[test]
fn after_a_broker_was_killed_only_the_owner_remains() {
    let scratch = Scratch::new("abandoned");
    let tickets = scratch.open();
    let owner = Ticket { purpose: Purpose::Owner { health_check: None }, ..start_ticket() };
    let exec = Ticket { purpose: Purpose::Exec { exec: "b".repeat(64) }, ..start_ticket() };
    for ticket in [&owner, &exec, &start_ticket()] {
        tickets.write(ticket).unwrap();
    }
    tickets.write_unfinished(&unfinished_name(), b"{").unwrap();
    assert_eq!(tickets.remove_abandoned().unwrap(), 3);
    assert_eq!(scratch.names(), [owner.name().unwrap().as_str()]);
    assert_eq!(tickets.remove_abandoned().unwrap(), 0);
}

#[test]
fn a_new_directory_is_for_its_owner_only_and_may_exist_already() {
    let scratch = Scratch::new("create");
    let path = scratch.0.join("tickets");
    for _ in 0..2 {
        TicketDirectory::create(&path, getuid().as_raw()).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    TicketDirectory::create(&path, getuid().as_raw()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn no_directory_is_given_away_through_a_link() {
    let scratch = Scratch::new("given");
    let (target, link) = (scratch.0.join("target"), scratch.0.join("link"));
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o755)).unwrap();
    symlink(&target, &link).unwrap();
    assert!(TicketDirectory::create(&link, getuid().as_raw()).is_err());
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o755);
}
