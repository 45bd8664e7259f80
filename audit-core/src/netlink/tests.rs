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

/// Plays the answers, each with its sender's port; then time runs out.
fn play(datagram: &Datagram, answers: &[(Vec<u8>, u32)]) -> Result<(), Failure> {
    let mut queue: VecDeque<_> = answers.iter().collect();
    await_acknowledgement(datagram, &mut [0; 256], |buffer| {
        Ok(queue.pop_front().map(|(bytes, sender_port)| {
            buffer[..bytes.len()].copy_from_slice(bytes);
            Incoming { len: bytes.len(), sender_port: *sender_port }
        }))
    })
}

#[test]
fn a_message_is_a_header_the_text_and_a_nul() {
    let mut datagram = datagram(7, &[b"op=x"]);
    datagram.ask_for_acknowledgement();
    let mut expected = Vec::new();
    expected.extend(21_u32.to_ne_bytes());
    expected.extend(1123_u16.to_ne_bytes());
    expected.extend(5_u16.to_ne_bytes());
    expected.extend(7_u32.to_ne_bytes());
    expected.extend(0_u32.to_ne_bytes());
    expected.extend(b"op=x\0");
    expected.extend([0; 3]);
    assert_eq!(datagram.bytes, expected);
    assert_eq!(Datagram::message_len(b"op=x"), expected.len());
}

#[test]
fn only_the_last_message_asks_for_an_acknowledgement() {
    let mut datagram = datagram(u32::MAX, &[b"a", b"b"]);
    datagram.ask_for_acknowledgement();
    let flags: Vec<u16> =
        datagram.bytes.chunks(20).map(|message| NetlinkBuffer::new(message).flags()).collect();
    assert_eq!(flags, [NLM_F_REQUEST, NLM_F_REQUEST | NLM_F_ACK]);
    assert_eq!(datagram.last_sequence(), 0);
    assert_eq!(datagram.index_of(0), Some(1));
}

#[test]
fn an_acknowledgement_ends_the_exchange() {
    assert!(play(&datagram(5, &[b"a"]), &[(answer(5, 0), 0)]).is_ok());
    assert!(play(&datagram(5, &[b"a", b"b"]), &[(answer(6, 0), 0)]).is_ok());
}

#[test]
fn answers_to_others_and_from_others_do_not_count() {
    let stale = (answer(4, libc::EPERM), 0);
    let forged = (answer(5, 0), 4711);
    let short = (vec![0; 12], 0);
    let cut = (answer(5, 0)[..18].to_vec(), 0);
    let event = (message(1300, 5, b"x"), 0);
    let others = [stale, forged, short, cut, event];
    assert!(matches!(play(&datagram(5, &[b"a"]), &others), Err(Failure::TimedOut)));
    let mut with_answer = others.to_vec();
    with_answer.push((answer(5, 0), 0));
    assert!(play(&datagram(5, &[b"a"]), &with_answer).is_ok());
}

#[test]
fn a_refused_message_is_named_even_if_the_last_one_is_taken() {
    let answers = [(answer(6, libc::EINVAL), 0), (answer(7, 0), 0)];
    let result = play(&datagram(5, &[b"a", b"b", b"c"]), &answers);
    assert!(matches!(result, Err(Failure::Refused { index: 1, errno: libc::EINVAL })));
}

#[test]
fn a_refusal_outweighs_a_missing_acknowledgement() {
    let result = play(&datagram(5, &[b"a", b"b"]), &[(answer(5, libc::EPERM), 0)]);
    assert!(matches!(result, Err(Failure::Refused { index: 0, errno: libc::EPERM })));
}

#[test]
fn an_emptied_datagram_counts_on() {
    let mut datagram = datagram(5, &[b"a", b"b"]);
    datagram.reset();
    datagram.push(1123, b"c");
    assert_eq!(datagram.last_sequence(), 7);
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
