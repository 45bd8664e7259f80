//! Sending a record allocates no memory.

#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use audit_core::{Audit, Field, Outcome, Record, RecordType};

use crate::host::tag;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts each thread's allocations.
struct Counting;

// SAFETY: the system's allocator does all the work; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the pointer came from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(action: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    action();
    ALLOCATIONS.get() - before
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(vec![1, 2, 3])), 1);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn a_record_is_sent_without_an_allocation() {
    let audit = Audit::open().unwrap();
    let tag = tag();
    let long = "word ".repeat(800);
    let record = |cmd: &'static str| {
        Record::new(RecordType::TEST)
            .word(Field::OP, &tag)
            .untrusted(Field::CMD, cmd)
            .number(Field::EXIT, 7_u32)
            .outcome(Outcome::Success)
    };
    let records = [record("docker ps"), record("id"), record("docker run -it fedora")];
    // The longest record first: it grows the buffers.
    audit.send(&record("x").untrusted(Field::PATH, &long)).unwrap();
    for _ in 0..100 {
        for record in &records {
            assert_eq!(allocations(|| audit.send(record).unwrap()), 0);
        }
    }
    // Building a record takes one allocation, for its fields.
    assert_eq!(allocations(|| drop(record("docker ps"))), 1);
}

#[test]
fn a_set_is_sent_without_an_allocation() {
    let audit = Audit::open().unwrap();
    let tag = tag();
    let record = || Record::new(RecordType::TEST).word(Field::OP, &tag).outcome(Outcome::Success);
    let records: Vec<_> = (0..200).map(|_| record()).collect();
    audit.send_all(&records).unwrap();
    assert_eq!(allocations(|| audit.send_all(&records).unwrap()), 0);
}
