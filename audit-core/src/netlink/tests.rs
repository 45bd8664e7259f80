use super::*;
use std::collections::VecDeque;

fn datagram(first_sequence: u32, texts: &[&[u8]]) -> Datagram {
    let mut datagram = Datagram { first_sequence, ..Datagram::default() };
    for text in texts {
        datagram.push(1123, text);
    }
    datagram
}

fn answer(sequence: u32, errno: i32) -> Vec<u8> {
    let mut content = (-errno).to_ne_bytes().to_vec();
    content.extend([0; HEADER_BYTES]);
    message(2, sequence, &content)
}

fn message(message_type: u16, sequence: u32, content: &[u8]) -> Vec<u8> {
    let mut datagram = Datagram { first_sequence: sequence, ..Datagram::default() };
    datagram.push_binary(message_type, content);
    datagram.bytes
}

/// An entry of the socket's queue: a datagram with its sender's port, or an errno.
type Queued = Result<(Vec<u8>, u32), i32>;

/// Collects the refusals from this queue, each with its index and errno.
fn play(datagram: &Datagram, queued: &[Queued]) -> Result<Vec<(u32, i32)>, Failure> {
    play_within(Duration::MAX, datagram, queued).1
}

fn play_within(
    deadline: Duration,
    datagram: &Datagram,
    queued: &[Queued],
) -> (usize, Result<Vec<(u32, i32)>, Failure>) {
    let mut queue: VecDeque<_> = queued.iter().collect();
    let mut refusals = Vec::new();
    let refused = |index, errno| refusals.push((index, errno));
    let result = collect_refusals(datagram, &mut [0; 256], deadline, refused, |buffer| match queue
        .pop_front()
    {
        None => Ok(None),
        Some(Err(errno)) => Err(io::Error::from_raw_os_error(*errno)),
        Some(Ok((bytes, sender_port))) => {
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(Some(Incoming { len: bytes.len(), sender_port: *sender_port }))
        }
    });
    (queue.len(), result.map(|()| refusals))
}

#[test]
fn a_message_is_a_header_the_text_and_a_nul() {
    let datagram = datagram(7, &[b"op=x"]);
    let mut expected = Vec::new();
    expected.extend(21_u32.to_ne_bytes());
    expected.extend(1123_u16.to_ne_bytes());
    expected.extend(1_u16.to_ne_bytes());
    expected.extend(7_u32.to_ne_bytes());
    expected.extend(0_u32.to_ne_bytes());
    expected.extend(b"op=x\0");
    expected.extend([0; 3]);
    assert_eq!(datagram.bytes, expected);
    assert_eq!(Datagram::message_len(b"op=x"), expected.len());
}

#[test]
fn an_empty_queue_proves_that_all_were_taken() {
    assert_eq!(play(&datagram(5, &[b"a", b"b"]), &[]).unwrap(), []);
}

#[test]
fn each_refused_message_is_named() {
    let queued =
        [Ok((answer(5, libc::EPERM), 0)), Ok((answer(6, 0), 0)), Ok((answer(7, libc::EINVAL), 0))];
    let refusals = play(&datagram(5, &[b"a", b"b", b"c"]), &queued).unwrap();
    assert_eq!(refusals, [(0, libc::EPERM), (2, libc::EINVAL)]);
    let refusals = play(&datagram(u32::MAX, &[b"a", b"b"]), &[Ok((answer(0, 1), 0))]).unwrap();
    assert_eq!(refusals, [(1, libc::EPERM)]);
}

/// Messages that do not answer message 5.
fn strange() -> Vec<Queued> {
    let stale = (answer(4, libc::EPERM), 0);
    let forged = (answer(5, libc::EPERM), 4711);
    let short = (vec![0; 12], 0);
    let cut = (answer(5, libc::EPERM)[..18].to_vec(), 0);
    let event = (message(1300, 5, b"x"), 0);
    [stale, forged, short, cut, event].map(Ok).to_vec()
}

#[test]
fn answers_to_other_messages_and_from_processes_do_not_count() {
    let mut queued = strange();
    assert_eq!(play(&datagram(5, &[b"a"]), &queued).unwrap(), []);
    queued.push(Ok((answer(5, libc::EPERM), 0)));
    assert_eq!(play(&datagram(5, &[b"a"]), &queued).unwrap(), [(0, libc::EPERM)]);
}

#[test]
fn a_flood_of_other_messages_ends_at_the_deadline() {
    let queued: Vec<_> = (0..1000).flat_map(|_| strange()).collect();
    let (left, result) = play_within(Duration::ZERO, &datagram(5, &[b"a"]), &queued);
    assert!(matches!(result, Err(Failure::TimedOut)));
    assert!(left > 4000, "{left}");
}

#[test]
fn a_query_takes_the_kernels_answers_until_the_last() {
    let datagram = datagram(5, &[b""]);
    let mut queued: VecDeque<_> = strange().into_iter().map(Result::unwrap).collect();
    queued.remove(4);
    queued.extend([(message(1013, 5, b"r1"), 0), (message(3, 5, b""), 0), (message(1, 5, b""), 0)]);
    let mut taken = Vec::new();
    let mut run = |queue: &mut VecDeque<(Vec<u8>, u32)>, end| {
        let take = |message_type, _: &[u8]| {
            taken.push(message_type);
            if message_type == 3 { Progress::Last } else { Progress::More }
        };
        take_answers(&datagram, &mut [0; 256], end, take, |buffer| {
            Ok(queue.pop_front().map(|(bytes, sender_port)| {
                buffer[..bytes.len()].copy_from_slice(&bytes);
                Incoming { len: bytes.len(), sender_port }
            }))
        })
    };
    assert!(run(&mut queued, None).is_ok());
    assert!(matches!(run(&mut queued, None), Err(Failure::TimedOut)));
    queued.push_back((answer(5, libc::EPERM), 0));
    assert!(matches!(run(&mut queued, None), Err(Failure::Refused { errno: libc::EPERM })));
    queued.extend([(answer(4, 0), 0), (message(1013, 5, b"r1"), 0)]);
    let past = Instant::now();
    std::thread::sleep(Duration::from_millis(1));
    assert!(matches!(run(&mut queued, Some(past)), Err(Failure::TimedOut)));
    assert_eq!(queued.len(), 1);
    assert_eq!(taken, [1013, 3, 1]);
}

#[test]
fn a_lost_refusal_is_an_error_and_the_queue_is_emptied_nevertheless() {
    let queued = [Err(libc::ENOBUFS), Ok((answer(5, libc::EPERM), 0))];
    let (left, result) = play_within(Duration::MAX, &datagram(5, &[b"a", b"b"]), &queued);
    assert!(
        matches!(result, Err(Failure::Receive(error)) if error.raw_os_error() == Some(libc::ENOBUFS))
    );
    assert_eq!(left, 0);
    let result = play(&datagram(5, &[b"a"]), &[Err(libc::EBADF)]);
    assert!(matches!(result, Err(Failure::Receive(_))));
}

#[test]
fn a_wrong_length_is_noticed() {
    let mut datagram = datagram(5, &[b"abc", b"de"]);
    assert!(datagram.is_well_framed());
    for (offset, len) in [(0, 0_u8), (0, 15), (0, 24), (20, 15), (20, 21)] {
        let right = std::mem::replace(&mut datagram.bytes[offset], len);
        assert!(!datagram.is_well_framed(), "{len} at {offset}");
        datagram.bytes[offset] = right;
    }
    datagram.count = 1;
    assert!(!datagram.is_well_framed());
}

proptest::proptest! {
    #[test]
    fn every_datagram_is_well_framed(texts: Vec<Vec<u8>>, first_sequence: u32) {
        let mut datagram = Datagram { first_sequence, ..Datagram::default() };
        for (index, text) in texts.iter().enumerate() {
            match index % 3 {
                0 => datagram.push_binary(1000, text),
                _ => datagram.push(1123, text),
            }
        }
        proptest::prop_assert!(datagram.is_well_framed());
    }
}

#[test]
fn an_emptied_datagram_continues_its_sequence_numbers() {
    let mut datagram = datagram(5, &[b"a", b"b"]);
    datagram.reset();
    datagram.push(1123, b"c");
    assert_eq!(datagram.index_of(7), Some(0));
    assert_eq!(datagram.index_of(5), None);
}

#[test]
fn a_silent_socket_is_waited_for_until_the_deadline() {
    let mut connection = Connection::open().unwrap();
    let start = Instant::now();
    let end = start + Duration::from_millis(50);
    let received = receive(&connection.socket, &mut connection.answer, Some(end)).unwrap();
    assert!(received.is_none());
    assert!(start.elapsed() >= Duration::from_millis(50));
}

/// Types that the kernel refuses. None of them is a control request.
const REFUSED_TYPES: [u16; 11] = [1, 3, 999, 1099, 1200, 1299, 1300, 1999, 2000, 2099, 3000];

/// The kernel's refusals of one datagram that has a message of each type.
fn refusals(connection: &mut Connection, types: &[u16]) -> Vec<(u32, i32)> {
    let mut datagram = Datagram::default();
    for message_type in types {
        datagram.push(*message_type, b"op=x");
    }
    let mut refusals = Vec::new();
    let refused = |index, errno| refusals.push((index, errno));
    connection.submit(&mut datagram, Duration::from_secs(5), refused).unwrap();
    refusals
}

#[test]
fn the_kernel_reports_a_refusal_without_being_asked() {
    let mut connection = Connection::open().unwrap();
    // In a user namespace, the kernel reports that first.
    let is_refusal = |errno| matches!(errno, libc::EINVAL | libc::ECONNREFUSED);
    for message_type in REFUSED_TYPES {
        let refusals = refusals(&mut connection, &[message_type]);
        assert!(matches!(refusals[..], [(0, errno)] if is_refusal(errno)), "{message_type}");
    }
    let all = refusals(&mut connection, &REFUSED_TYPES);
    assert!(all.iter().all(|(_, errno)| is_refusal(*errno)), "{all:?}");
    assert!(all.iter().map(|(index, _)| *index).eq(0..11), "{all:?}");
}

#[test]
fn a_full_queue_is_an_error_and_the_next_exchange_works() {
    let mut connection = Connection::open().unwrap();
    let mut datagram = Datagram::default();
    for _ in 0..2000 {
        datagram.push(1300, b"op=x");
    }
    let mut count = 0;
    let result = connection.submit(&mut datagram, Duration::from_secs(5), |_, _| count += 1);
    let is_overrun = |error: &io::Error| error.raw_os_error() == Some(libc::ENOBUFS);
    assert!(matches!(&result, Err(Failure::Receive(error)) if is_overrun(error)), "{result:?}");
    assert!(count >= 128, "the receive buffer holds only {count} refusals");
    for _ in 0..3 {
        assert_eq!(refusals(&mut connection, &[1300, 1300]).len(), 2);
    }
}
