//! Addresses to which dockerd would connect from the host, and kernel switches that it would turn
//! on.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use super::sender::send;
use super::shipped::under_each;
use crate::broker::Broker;
use crate::engine::{Engine, Store};
use crate::host::{tag, text};
use crate::http::post;
use crate::policy::shipped;

/// A service that only the host can reach gets no connection, in whatever form the caller writes
/// its address.
#[test]
fn s05_a_user_cannot_make_dockerd_fetch_from_the_host() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    service.set_nonblocking(true).unwrap();
    let port = service.local_addr().unwrap().port();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "%5B::ffff:127.0.0.1%5D",
        "user@127.0.0.1",
    ];
    let mut requests = Vec::new();
    for host in hosts {
        let address = format!("http://{host}:{port}/secret");
        requests.push(post(&format!("/build?remote={address}"), ""));
        requests.push(post(&format!("/build?remote={address}.git"), ""));
        requests.push(post(&format!("/images/create?fromSrc={address}&repo=dev/x"), ""));
    }
    for remote in ["git@127.0.0.1:x.git", "ssh://git@example.com/x.git", "git://localhost/x"] {
        requests.push(post(&format!("/build?remote={remote}"), ""));
    }
    under_each(|policy, broker| {
        for told in send(broker.socket(), &requests) {
            assert_eq!(told.status, 403, "{policy}: {told:?}");
        }
        let connected = service.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(connected, Err(ErrorKind::WouldBlock), "{policy}");
    });
}

const FORWARDING: &str = "/proc/sys/net/ipv6/conf/all/forwarding";

/// For a network with IPv6, docker 28 turns on forwarding on the host and leaves it on.
#[test]
fn s07_a_user_cannot_turn_the_host_into_a_router_with_a_network() {
    if fs::read_to_string(FORWARDING).unwrap().trim() != "0" {
        println!(
            "SKIPPED: s07_a_user_cannot_turn_the_host_into_a_router_with_a_network: the host is one already"
        );
        return;
    }
    let create = |broker: &Broker| {
        let body = format!(r#"{{"Name":"{}","EnableIPv6":true}}"#, tag());
        let told = send(broker.socket(), &[post("/networks/create", &body)]);
        told.into_iter().next().unwrap()
    };
    under_each(|policy, broker| {
        let told = create(broker);
        assert_eq!(told.status, 403, "{policy}: {told:?}");
    });
    let engine = Engine::start(Store::Overlay2);
    let broker = engine.broker(&shipped("default"));
    let told = create(&broker);
    assert!(told.status == 403 && told.body.contains("EnableIPv6"), "{told:?}");
    let there = engine.command("cat", &[FORWARDING]).output().unwrap();
    assert_eq!(text(&there.stdout), "0\n");
}
