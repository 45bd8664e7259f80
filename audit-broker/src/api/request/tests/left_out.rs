//! What the broker leaves out of a head, because dockerd does not read it.

use super::{HeaderName, HeaderValue, Upgrade, forwarded, head, refused, route};

/// The headers that the broker forwards.
fn headers_of(text: &str) -> Vec<String> {
    let head = head(text).unwrap();
    let shown = |(name, value): &(HeaderName, HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    head.headers.iter().map(shown).collect()
}

#[test]
fn h06_k22_the_first_value_of_a_key_counts() {
    for (target, expected) in [
        ("POST /containers/a/kill?signal=HUP&signal=KILL", "/v1.56/containers/a/kill?signal=HUP"),
        // As in dockerd, an empty value is the first one too.
        ("GET /containers/json?all=&all=1", "/v1.56/containers/json"),
        ("GET /containers/json?all=1&all=%0a", "/v1.56/containers/json?all=1"),
        (
            "POST /build?dockerfile=/a/Dockerfile&dockerfile=Dockerfile",
            "/v1.56/build?dockerfile=/a/Dockerfile",
        ),
        ("POST /build?networkmode=none&networkmode=host", "/v1.56/build?networkmode=none"),
        ("POST /build?t=a&t=b", "/v1.56/build?t=a&t=b"),
    ] {
        assert_eq!(forwarded(target), expected, "{target}");
    }
    let head = head("GET /images/get?names=a&names=b").unwrap();
    assert_eq!(head.query.all("names").collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn k01_k24_keys_that_dockerd_does_not_read_are_left_out() {
    for (target, expected) in [
        (
            "POST /containers/create?Image=a&Cmd=echo&Cmd=hi&name=n&HostConfig=%7B%7D",
            "/v1.56/containers/create?name=n",
        ),
        ("POST /volumes/create?Name=v&Mountpoint=/x", "/v1.56/volumes/create"),
        ("POST /containers/a/attach?hijack=true&stream=1", "/v1.56/containers/a/attach?stream=1"),
        ("GET /images/json?filter=a&only_ids=0", "/v1.56/images/json"),
        ("POST /images/create?fromImage=a&authconfig=x", "/v1.56/images/create?fromImage=a"),
        ("GET /containers/json?trunc_cmd=0&ALL=1&nosuch=%0a", "/v1.56/containers/json"),
        ("GET /info?x", "/v1.56/info"),
    ] {
        assert_eq!(forwarded(target), expected, "{target}");
    }
}

/// Some version of dockerd reads these here.
#[test]
fn k01_keys_that_dockerd_reads_and_the_broker_does_not_forward_are_refused_by_name() {
    for (target, named) in [
        ("POST /containers/a/start?checkpoint=x", "`checkpoint`"),
        ("POST /containers/a/start?checkpoint-dir=/x", "`checkpoint-dir`"),
        ("GET /containers/json?since=x", "filter `since`"),
        ("GET /containers/json?before=x", "filter `before`"),
        ("POST /build?securityopt=seccomp=x", "does not support setting security options on build"),
    ] {
        assert!(refused(target).contains(named), "{target}");
    }
    // An empty value is an absent one.
    assert_eq!(forwarded("POST /containers/a/start?checkpoint="), "/v1.56/containers/a/start");
}

#[test]
fn h29_k02_headers_that_dockerd_does_not_read_are_left_out() {
    let unread = "Authorization: Bearer x\nCookie: a=b\nX-Request-Id: 1\nX-Forwarded-For: 1.2.3.4\n\
                  x-tc-sid: 1\nAuthz-User: root\nRange: bytes=0-1\nTrailer: X\nX-Meta-A: b\n\
                  Sec-WebSocket-Key: a\nX-Docker-Expose-Session-Uuid: a\nX-HTTP-Method-Override: PUT";
    assert_eq!(headers_of(&format!("GET /info\n{unread}")), Vec::<String>::new());
    let session = "POST /session
         Upgrade: h2c
         X-Docker-Expose-Session-Grpc-Method: /a
         X-Docker-Expose-Session-Grpc-Method: /b";
    assert_eq!(headers_of(session).len(), 2);
    // dockerd passes these on to the registry.
    assert_eq!(headers_of("POST /images/a/push\nX-Meta-A: b"), ["x-meta-a: b"]);
}

#[test]
fn k20_the_first_line_of_a_header_counts() {
    let twice = "X-Registry-Auth: a\nX-Registry-Auth: b\nUser-Agent: c\nUser-Agent: d";
    assert_eq!(
        headers_of(&format!("POST /images/create?fromImage=a\n{twice}")),
        ["x-registry-auth: a", "user-agent: c"]
    );
    let build = "POST /build\nTransfer-Encoding: chunked\nContent-Type: application/json\n\
                 Content-Type: application/x-tar";
    assert_eq!(headers_of(build), Vec::<String>::new());
    let create = "POST /containers/create\nContent-Length: 2";
    assert!(
        head(&format!("{create}\nContent-Type: application/json\nContent-Type: text/x")).is_ok()
    );
    refused(&format!("{create}\nContent-Type: text/x\nContent-Type: application/json"));
}

#[test]
fn k21_the_encoding_of_an_archive_is_told_by_its_bytes() {
    let build = "POST /build\nTransfer-Encoding: chunked\nContent-Encoding: gzip";
    assert_eq!(headers_of(build), Vec::<String>::new());
}

/// docker-py pushes with the body `{}` instead of the header with credentials.
#[test]
fn k24_a_push_with_a_body_needs_no_header_with_credentials() {
    let push = "POST /images/a/push\nContent-Length: 2\nContent-Type: application/json";
    assert_eq!(headers_of(push), ["x-registry-auth: e30="]);
    assert_eq!(headers_of(&format!("{push}\nX-Registry-Auth: a")), ["x-registry-auth: a"]);
    assert_eq!(headers_of("POST /images/a/push"), Vec::<String>::new());
}

#[test]
fn k24_a_session_may_come_in_chunks() {
    let head = head("POST /session\nUpgrade: h2c\nTransfer-Encoding: chunked").unwrap();
    assert_eq!((head.upgrade, head.has_body), (Some(Upgrade::H2c), true));
}

#[test]
fn h21_a_body_on_a_route_without_one_is_read_and_left_out() {
    let json = "Content-Type: application/json\nContent-Length: 2";
    for target in ["GET /info", "DELETE /containers/a", "POST /containers/a/stop"] {
        let head = head(&format!("{target}\n{json}")).unwrap();
        assert!(head.has_body && head.headers.is_empty(), "{target}");
        assert_eq!(head.route.body, route::BodyKind::None, "{target}");
    }
    let empty =
        head("POST /containers/a/start\nContent-Type: text/plain\nContent-Length: 0").unwrap();
    assert!(!empty.has_body);
    // dockerd reads no form in these.
    assert!(head("DELETE /containers/a\nContent-Type: multipart/x\nContent-Length: 2").is_ok());
    assert!(head(&format!("POST /containers/a/start\n{json}")).unwrap().has_body);
    for length in ["Content-Length: 8", "Transfer-Encoding: chunked"] {
        let message = refused(&format!("POST /containers/a/start\n{length}"));
        assert!(message.starts_with("starting container with non-empty request body"), "{message}");
    }
}
