//! The table after its process ends, after damage, and with several threads.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::*;

/// A directory for one test, removed after it.
struct TableDirectory(PathBuf);

impl TableDirectory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("owner-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn table(&self) -> PathBuf {
        self.0.join("owners")
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A user database that does not answer.
fn no_answer(_uid: u32) -> Option<String> {
    None
}

impl Drop for TableDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn alice() -> Owner {
    Owner::login(1001)
}

#[test]
fn claims_are_still_there_after_the_table_is_reopened() {
    let directory = TableDirectory::new("again");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    for kind in OwnedKind::ALL {
        table.claim(kind, "a", &Owner::Root).unwrap();
        table.claim(kind, "a", &alice()).unwrap();
        table.claim(kind, "b", &alice()).unwrap();
        table.forget(kind, "b").unwrap();
        table.forget(kind, "never").unwrap();
        assert_eq!(table.get(kind, "a"), Some(alice()));
        assert_eq!(table.get(kind, "b"), None);
        assert_eq!(table.all(kind), [("a".to_owned(), alice())]);
    }
    drop(table);
    // The second time reads the file that the first open rewrote.
    for _ in 0..2 {
        let table = OwnerTable::open(&path, &no_answer).unwrap();
        for kind in OwnedKind::ALL {
            let expected = (kind.durability() != Durability::Memory).then(alice);
            assert_eq!(table.get(kind, "a"), expected, "{}", kind.name());
            assert_eq!(table.get(kind, "b"), None, "{}", kind.name());
        }
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(directory.names(), ["owners"]);
}

#[test]
fn invalid_ids_and_owners_are_rejected() {
    let directory = TableDirectory::new("no-id");
    let table = OwnerTable::open(&directory.table(), &no_answer).unwrap();
    for id in ["", "a b", "a\n", "a\u{85}", "a\0", &"a".repeat(ID_LIMIT_BYTES + 1)] {
        table.claim(OwnedKind::Volume, id, &alice()).unwrap_err();
    }
    for owner in [
        Owner::Service { unit: "a b.service".to_owned(), groups: Vec::new() },
        Owner::Container("1".to_owned()),
    ] {
        table.claim(OwnedKind::Volume, "a", &owner).unwrap_err();
    }
    assert!(table.all(OwnedKind::Volume).is_empty());
}

#[test]
fn the_file_does_not_grow_without_end() {
    let directory = TableDirectory::new("growth");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    table.claim(OwnedKind::Image, "kept", &alice()).unwrap();
    for number in 0..20_000 {
        let id = format!("{number:064x}");
        table.claim(OwnedKind::Container, &id, &alice()).unwrap();
        table.forget(OwnedKind::Container, &id).unwrap();
    }
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    assert!(lines < 10_010, "{lines}");
    drop(table);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), lines);
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    assert_eq!(table.get(OwnedKind::Image, "kept"), Some(alice()));
    assert!(table.all(OwnedKind::Container).is_empty());
}

#[test]
fn a_claim_that_failed_to_write_is_written_with_the_next() {
    let directory = TableDirectory::new("full");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    table.claim(OwnedKind::Volume, "a", &alice()).unwrap();
    {
        let mut log = locked(&table.log);
        // The state after a partial write.
        (&*log.file()).write_all(b"0123 + vol").unwrap();
        log.mark_torn();
    }
    table.claim(OwnedKind::Volume, "b", &alice()).unwrap();
    drop(table);
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    assert_eq!(table.all(OwnedKind::Volume).len(), 2);
    assert_eq!(directory.names(), ["owners"]);
}

#[test]
fn threads_do_not_lose_each_others_claims() {
    let directory = TableDirectory::new("threads");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    thread::scope(|scope| {
        for writer in 0..4 {
            let table = &table;
            scope.spawn(move || {
                for number in 0..100 {
                    let kind = if number % 20 == 0 { OwnedKind::Image } else { OwnedKind::Network };
                    let id = format!("{writer}-{number}");
                    table.claim(kind, &id, &Owner::login(writer)).unwrap();
                    assert_eq!(table.get(kind, &id), Some(Owner::login(writer)));
                }
            });
        }
    });
    drop(table);
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    assert_eq!(table.all(OwnedKind::Image).len() + table.all(OwnedKind::Network).len(), 400);
}

/// The variable that passes the path of the table to the process that is killed.
const MARK: &str = "AUDIT_BROKER_TEST_OWNERS";

#[test]
fn confirmed_claims_outlive_a_killed_process() {
    let test = "owner::table::tests::confirmed_claims_outlive_a_killed_process";
    if let Some(path) = env::var_os(MARK) {
        claim_without_end(Path::new(&path));
    }
    let directory = TableDirectory::new("killed");
    let path = directory.table();
    let mut confirmed = Vec::new();
    for round in 0..20 {
        let mut writer = Command::new(env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(MARK, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut of_round = 0;
        while of_round < 5 + 7 * round {
            let line = lines.next().unwrap().unwrap();
            if let Some(id) = line.strip_prefix("confirmed ") {
                confirmed.push(id.to_owned());
                of_round += 1;
            }
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        // Lines that the process printed before it was killed.
        let rest = lines.map_while(Result::ok);
        confirmed.extend(rest.filter_map(|line| Some(line.strip_prefix("confirmed ")?.to_owned())));
        let table = OwnerTable::open(&path, &no_answer).unwrap();
        for id in &confirmed {
            let kind = if id.ends_with('0') { OwnedKind::Image } else { OwnedKind::Container };
            assert_eq!(table.get(kind, id), Some(alice()), "{id} in round {round}");
        }
    }
    let names = directory.names();
    assert!(names.iter().all(|name| !name.contains("broken")), "{names:?}");
}

fn claim_without_end(path: &Path) -> ! {
    let table = OwnerTable::open(path, &no_answer).unwrap();
    for number in 0_u64.. {
        let id = format!("{}-{number}", std::process::id());
        let kind = if number % 10 == 0 { OwnedKind::Image } else { OwnedKind::Container };
        table.claim(kind, &id, &alice()).unwrap();
        // One write, so that the line is complete or absent.
        std::io::stdout().write_all(format!("confirmed {id}\n").as_bytes()).unwrap();
    }
    unreachable!()
}

#[test]
fn a_damaged_file_is_renamed() {
    let directory = TableDirectory::new("damaged");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    table.claim(OwnedKind::Image, "i", &alice()).unwrap();
    table.claim(OwnedKind::Volume, "v", &alice()).unwrap();
    table.claim(OwnedKind::Image, "j", &alice()).unwrap();
    drop(table);
    let good = fs::read_to_string(&path).unwrap();
    let flipped = good.replacen("image j login:1001", "image j login:1002", 1);
    for (bytes, images) in [
        (flipped.as_str(), 1),
        (&good.replacen('1', "2", 1), 0),
        (&good.replacen('\n', "\n\n", 1), 0),
        ("", 0),
        ("\n", 0),
        ("\0\0\0", 0),
    ] {
        fs::write(&path, bytes).unwrap();
        let table = OwnerTable::open(&path, &no_answer).unwrap();
        // Only owners of objects without a label survive, from the lines before the damage.
        assert_eq!(table.all(OwnedKind::Image).len(), images, "{bytes:?}");
        assert_eq!(table.all(OwnedKind::Volume), [], "{bytes:?}");
        table.claim(OwnedKind::Volume, "w", &alice()).unwrap();
        let names = directory.names();
        let [owners, broken] = names.as_slice() else { panic!("{names:?}") };
        assert_eq!(owners, "owners");
        let seconds = broken.strip_prefix("owners.broken-").unwrap();
        assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000);
        let broken = directory.0.join(broken);
        assert_eq!(fs::read_to_string(&broken).unwrap(), bytes);
        fs::remove_file(broken).unwrap();
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    OwnerTable::open(&path, &no_answer).unwrap();
    OwnerTable::open(&directory.0.join("nowhere/owners"), &no_answer).unwrap_err();
}

#[test]
fn no_damage_to_the_file_gives_an_object_to_another_owner() {
    use proptest::prelude::*;

    let directory = TableDirectory::new("chance");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    for number in 0..20 {
        let kind = if number % 2 == 0 { OwnedKind::Image } else { OwnedKind::Container };
        table.claim(kind, &number.to_string(), &Owner::login(number)).unwrap();
    }
    drop(table);
    let good = fs::read(&path).unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let changes = prop::collection::vec((0..good.len(), 1..=255_u8), 0..4);
    let result = runner.run(&(changes, 0..=good.len()), |(changes, length)| {
        let mut bytes = good.clone();
        for (at, change) in changes {
            bytes[at] ^= change;
        }
        bytes.truncate(length);
        fs::write(&path, bytes).unwrap();
        let table = OwnerTable::open(&path, &no_answer).unwrap();
        for kind in OwnedKind::ALL {
            for (id, owner) in table.all(kind) {
                prop_assert_eq!(Owner::login(id.parse().unwrap()), owner);
            }
        }
        Ok(())
    });
    result.unwrap();
}

/// The user database may not have answered for a while.
#[test]
fn s39_missing_names_are_added_when_the_table_is_opened() {
    let directory = TableDirectory::new("names");
    let path = directory.table();
    let table = OwnerTable::open(&path, &no_answer).unwrap();
    table.claim(OwnedKind::Volume, "v", &Owner::login(1001)).unwrap();
    table.claim(OwnedKind::Volume, "w", &Owner::login(1002).being_root()).unwrap();
    drop(table);
    let alice = |uid| (uid == 1001).then(|| "alice".to_owned());
    drop(OwnerTable::open(&path, &alice).unwrap());
    let bob = |_| Some("bob".to_owned());
    let table = OwnerTable::open(&path, &bob).unwrap();
    assert_eq!(table.get(OwnedKind::Volume, "v"), "login:1001:alice".parse().ok());
    assert_eq!(table.get(OwnedKind::Volume, "w"), "login-as-root:1002:bob".parse().ok());
    let read: Vec<String> = {
        let entries = read_table(&path).unwrap();
        entries.iter().map(|entry| entry.owner.to_string()).collect()
    };
    assert_eq!(read.len(), 2);
    assert!(read.contains(&"login:1001:alice".to_owned()), "{read:?}");
    assert!(read_table(&directory.0.join("none")).unwrap().is_empty());
}
