//! Heads as docker's clients send them, and tricks with paths, queries and headers. The id in the name of a
//! test is that of the attack in `tests/broker/bypass/paths.rs`, if an attack has it.

use super::*;
use crate::api::operation::{ContainerOperation, Operation};
use crate::api::route::{self, Method};
use hyper::StatusCode;
use proptest::prelude::*;

mod left_out;

/// Parses a head as it looks on the wire: a request line and headers.
pub(crate) fn head(text: &str) -> Result<Head, Refusal> {
    head_at(text, ApiVersion::NEWEST)
}

fn head_at(text: &str, newest: ApiVersion) -> Result<Head, Refusal> {
    let mut lines = text.lines().map(str::trim);
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let method = hyper::Method::from_bytes(method.as_bytes()).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    parse_head(&method, &target.parse().unwrap(), hyper::Version::HTTP_11, &headers, newest)
}

/// The target that the broker forwards.
fn forwarded(text: &str) -> String {
    let head = head(text).unwrap();
    head.target(head.version.unwrap_or(ApiVersion::NEWEST), None)
}

fn refused(text: &str) -> String {
    let refusal = head(text).unwrap_err();
    assert!(matches!(refusal.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND), "{text}");
    refusal.message
}

fn status(text: &str) -> u16 {
    head(text).unwrap_err().status.as_u16()
}

#[test]
fn a_head_is_parsed_and_rewritten() {
    let head = head(
        "GET /v1.44/containers/web_1/logs?stdout=TRUE&follow=&tail=10&since=1700000000.5
         Host: docker
         User-Agent: Docker-Client/28.2.2 (linux)
         Accept-Encoding: gzip",
    )
    .unwrap();
    assert_eq!(head.route.operation, Operation::Container(ContainerOperation::Logs));
    assert_eq!(head.object.as_deref(), Some("web_1"));
    assert_eq!(head.version, ApiVersion::from_text("1.44"));
    assert_eq!(head.query.text("stdout"), Some("1"));
    assert_eq!(head.query.text("follow"), None);
    assert_eq!(head.headers.len(), 1);
    let full = "f".repeat(64);
    assert_eq!(
        head.target(ApiVersion::OLDEST, Some(&full)),
        format!("/v1.41/containers/{full}/logs?stdout=1&tail=10&since=1700000000.5")
    );
}

#[test]
fn images_and_plugins_have_names_of_many_segments() {
    for (target, object, op) in [
        ("GET /images/a/json", "a", "image-inspect"),
        ("GET /images/r.example:5000/a/b:1/json", "r.example:5000/a/b:1", "image-inspect"),
        ("GET /images/a%3A1/history", "a:1", "image-history"),
        ("GET /images/a/json/history", "a/json", "image-history"),
        ("GET /images/a@sha256:00/get", "a@sha256:00", "image-save"),
        ("DELETE /images/a/b", "a/b", "image-remove"),
        ("POST /images/a/b/push", "a/b", "image-push"),
        ("POST /plugins/vieux/sshfs:latest/enable", "vieux/sshfs:latest", "plugin-enable"),
        ("GET /distribution/a/b/json", "a/b", "registry-inspect"),
    ] {
        let head = head(target).unwrap();
        assert_eq!(
            (head.object.as_deref(), head.route.operation.word()),
            (Some(object), op),
            "{target}"
        );
    }
    assert_eq!(head("GET /images/get?names=a&names=b").unwrap().route.path, "/images/get");
    assert_eq!(forwarded("GET /images/a%2Db:1/json"), "/v1.56/images/a-b:1/json");
}

#[test]
fn every_route_is_found_by_its_own_path() {
    for route in route::all() {
        let object = "ab0";
        let path = route.path.replace("{id}", object).replace("{name}", object);
        let upgrade = match route.response {
            route::ResponseKind::WebSocket => "\nUpgrade: websocket",
            route::ResponseKind::Http2 => "\nUpgrade: h2c",
            route::ResponseKind::Plain
            | route::ResponseKind::Stream
            | route::ResponseKind::Progress
            | route::ResponseKind::Hijack => "",
        };
        let found = head(&format!("{} /v1.41{path}{upgrade}", route.method.name())).unwrap().route;
        assert!(std::ptr::eq(found, route), "{} {path}", route.method.name());
    }
}

#[test]
fn unknown_paths_and_methods_have_their_own_status() {
    assert_eq!(status("GET /containers"), 404);
    assert_eq!(status("GET /"), 404);
    assert_eq!(status("GET /v1.44"), 404);
    assert_eq!(status("GET /containers/create"), 405);
    assert_eq!(status("HEAD /info"), 405);
    assert!(head("GET /nosuch").unwrap_err().message.contains("`/nosuch`"));
    for path in ["/debug/pprof/heap", "/v1.44/debug/vars", "/containers/a/checkpoints/x"] {
        assert_eq!(status(&format!("GET {path}")), 403, "{path}");
    }
    let refusal = "POST /containers/a/start?checkpoint=x&checkpoint-dir=/x";
    assert!(refused(refusal).contains("`checkpoint`"));
}

#[test]
fn h01_a_path_that_is_not_clean_is_refused() {
    for path in [
        "//containers/create",
        "/containers//create",
        "/./containers/create",
        "/a/../containers/create",
        "/containers/create/",
        "/v1.44//containers/create",
        "/containers/%2e%2e/json",
    ] {
        refused(&format!("POST {path}"));
    }
    assert_eq!(forwarded("GET /networks/"), "/v1.56/networks/");
}

#[test]
fn h02_escapes_cannot_hide_a_path() {
    for path in [
        "/containers%2fcreate",
        "/containers/a%2Fjson",
        "/containers/a%5cb/json",
        "/containers/a%00/json",
        "/containers/a%0a/json",
        "/containers/a%zz/json",
        "/containers/a%/json",
        "/containers/%ff/json",
        "/containers/%c3%a9/json",
        "/containers/%2561/json",
    ] {
        refused(&format!("GET {path}"));
    }
    assert_eq!(
        head("POST /containers/%63reate").unwrap().route.operation,
        Operation::Container(ContainerOperation::Create)
    );
}

#[test]
fn h03_a_container_is_a_name_or_a_link() {
    assert_eq!(status("POST /containers/a/b/json/start"), 404);
    assert_eq!(status("DELETE /containers/a/b/alias"), 404);
    let removal = head("DELETE /containers/parent/alias?link=1").unwrap();
    assert_eq!(removal.link_removed(), Some(("parent", "alias")));
    assert_eq!(head("DELETE /containers/parent/alias").unwrap().link_removed(), None);
    for object in ["-a", ".a", "a b", "a:b", "a@b"] {
        refused(&format!("POST /containers/{}/start", object.replace(' ', "%20")));
    }
    refused("POST /exec/ABC/start");
}

/// A client shows these words, and cannot tell such a name from a missing one.
#[test]
fn k29_a_name_that_no_object_can_have_is_missing_in_the_words_of_dockerd() {
    for (target, words) in [
        ("GET /containers/%20/json", "No such container:  "),
        ("GET /containers/-a/json", "No such container: -a"),
        ("GET /volumes/a%20b", "get a b: no such volume"),
        ("GET /images/%20/json", "No such image:  "),
    ] {
        assert_eq!((status(target), refused(target).as_str()), (404, words));
    }
}

#[test]
fn h04_a_version_has_one_form_and_a_range() {
    for version in ["v01.44", "v1.44.", "v1.4", "v1.444", "v1", "v2.00", "v1.44a", "v1.40", "v1.57"]
    {
        refused(&format!("GET /{version}/info"));
    }
    let newest = ApiVersion::from_text("1.43").unwrap();
    assert!(head_at("GET /v1.43/info", newest).is_ok());
    let refusal = head_at("GET /v1.44/info", newest).unwrap_err();
    assert!(refusal.message.contains("Maximum supported API version is 1.43"));
}

#[test]
fn h05_the_refusal_of_a_form_names_its_type() {
    for media in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        "multipart/form-data; boundary=x",
    ] {
        for target in ["POST /containers/a/kill", "POST /build", "PUT /containers/a/archive?path=/"]
        {
            let message = refused(&format!("{target}\nContent-Type: {media}\nContent-Length: 9"));
            assert!(message.contains(&media.to_owned()), "{message}");
        }
    }
}

#[test]
fn h07_flags_have_one_form() {
    for (value, canonical) in [
        ("1", "?all=1"),
        ("True", "?all=1"),
        ("yes", "?all=1"),
        ("f", "?all=1"),
        ("0", "?all=0"),
        ("%20No%20", "?all=0"),
        ("FALSE", "?all=0"),
        ("none", "?all=0"),
        ("", ""),
    ] {
        let target = forwarded(&format!("GET /v1.44/containers/json?all={value}"));
        assert_eq!(target, format!("/v1.44/containers/json{canonical}"), "{value}");
    }
    assert_eq!(forwarded("GET /containers/a/stats?stream="), "/v1.56/containers/a/stats?stream=0");
    assert_eq!(forwarded("GET /networks/a?verbose=T"), "/v1.56/networks/a?verbose=1");
    refused("GET /networks/a?verbose=yes");
}

#[test]
fn h08_filters_are_rewritten() {
    let target = forwarded("GET /containers/json?filters=%7B%22label%22%3A%5B%22a%22%5D%7D");
    assert_eq!(target, "/v1.56/containers/json?filters=%7B%22label%22:%7B%22a%22:true%7D%7D");
    refused("GET /containers/json?filters=%7B%22a%22%3A%5B%5D%2C%22a%22%3A%5B%5D%7D");
}

#[test]
fn h09_a_query_is_parsed_strictly() {
    for query in ["all=1;size=1", "all=%zz", "all=%ff", "x=%zz", "x%zz=1", "limit=x"] {
        refused(&format!("GET /containers/json?{query}"));
    }
    refused("POST /containers/create?name=a%0ab");
    assert_eq!(
        forwarded("POST /commit?container=a&comment=x%0Ay+z%3B"),
        "/v1.56/commit?container=a&comment=x%0Ay%20z%3B"
    );
    assert_eq!(forwarded("POST /containers/a/stop?t=-1"), "/v1.56/containers/a/stop?t=-1");
}

#[test]
fn h10_to_h12_a_body_has_one_length() {
    let create = "POST /containers/create\nContent-Type: application/json";
    for framing in [
        "Content-Length: 3\nTransfer-Encoding: chunked",
        "Content-Length: 3\nContent-Length: 4",
        "Content-Length: 3\nContent-Length: 3",
        "Content-Length: +3",
        "Content-Length: ",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
    ] {
        refused(&format!("{create}\n{framing}"));
    }
    let chunked = head(&format!("{create}\nTransfer-Encoding: Chunked")).unwrap();
    assert!(chunked.has_body);
    let sized = head(&format!("{create}\nContent-Length: 3")).unwrap();
    assert!(sized.has_body);
}

#[test]
fn h13_other_versions_of_http_are_refused() {
    for version in [hyper::Version::HTTP_09, hyper::Version::HTTP_10, hyper::Version::HTTP_2] {
        let target = "/info".parse().unwrap();
        let (method, headers) = (hyper::Method::GET, HeaderMap::new());
        let head = parse_head(&method, &target, version, &headers, ApiVersion::NEWEST);
        assert_eq!(head.unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}

#[test]
fn h18_expect_is_answered_and_not_forwarded() {
    let load = "POST /images/load\nTransfer-Encoding: chunked\nExpect: 100-Continue";
    let head = head(load).unwrap();
    assert!(head.headers.is_empty());
    refused("POST /images/load\nExpect: 200-ok");
}

#[test]
fn h19_the_target_is_a_path() {
    refused("GET http://evil.example/v1.44/containers/json");
    refused("GET *");
    let authority = head("CONNECT evil.example:80").unwrap_err();
    assert_eq!(authority.status, StatusCode::BAD_REQUEST);
}

#[test]
fn h20_there_are_five_methods() {
    for method in ["OPTIONS", "PATCH", "get", "PRI", "TRACE"] {
        assert_eq!(status(&format!("{method} /containers/json")), 405, "{method}");
    }
}

#[test]
fn h22_h24_a_route_makes_only_its_own_upgrade() {
    for (target, expected) in [
        // curl sends `Upgrade: h2c` with every request.
        ("GET /info\nUpgrade: tcp", None),
        ("GET /info\nUpgrade: h2c", None),
        ("GET /info\nUpgrade: websocket", None),
        ("GET /info\nUpgrade: h2c, tcp", None),
        ("POST /containers/a/attach\nUpgrade: TCP", Some(Upgrade::Tcp)),
        // dockerd answers any upgrade here with one to raw bytes.
        ("POST /containers/a/attach\nUpgrade: h2c", Some(Upgrade::Tcp)),
        ("POST /containers/a/attach\nUpgrade: tcp\nUpgrade: h2c", Some(Upgrade::Tcp)),
        ("POST /containers/a/attach", None),
        ("POST /session\nUpgrade: h2c", Some(Upgrade::H2c)),
        ("GET /containers/a/attach/ws\nUpgrade: websocket", Some(Upgrade::WebSocket)),
    ] {
        let head = head(target).unwrap();
        assert_eq!(head.upgrade, expected, "{target}");
        assert!(head.headers.is_empty(), "{target}");
    }
    assert!(refused("GET /containers/a/attach/ws").contains("`upgrade: websocket`"));
    refused("POST /session\nUpgrade: h2c\nUpgrade: tcp");
    assert_eq!(refused("POST /grpc"), "no upgrade proto in request");
    assert_eq!(refused("POST /session\nUpgrade: foo"), "protocol foo not supported");
}

#[test]
fn h28_a_fragment_never_reaches_the_daemon() {
    assert_eq!(forwarded("POST /services/create?#%zz"), "/v1.56/services/create");
    refused("POST /containers/a%23b/start");
}

#[test]
fn debug_output_hides_credentials() {
    let head = head("POST /images/create?fromImage=a\nX-Registry-Auth: c2VjcmV0").unwrap();
    assert_eq!(head.headers.len(), 1);
    assert!(!format!("{head:?}").contains("c2VjcmV0"));
}

#[test]
fn j21_k29_the_media_type_of_a_json_body_must_be_well_formed() {
    let create = "POST /containers/create\nContent-Length: 2";
    let with = |media: &str| head(&format!("{create}\nContent-Type: {media}"));
    for media in
        ["application/json", "Application/JSON ; charset=utf-8", "application/json; a=\"b\""]
    {
        assert!(with(media).is_ok(), "{media}");
    }
    for (media, words) in [
        ("application/json;;", "malformed Content-Type header (application/json;;): mime: "),
        ("application/json; charset", "malformed Content-Type header (application/json; charset)"),
        ("text/json", "unsupported Content-Type header (text/json): must be 'application/json'"),
        ("application/jsonx", "unsupported Content-Type header (application/jsonx): must be"),
        ("text/plain", "unsupported Content-Type header (text/plain): must be 'application/json'"),
    ] {
        let message = with(media).unwrap_err().message;
        assert!(message.starts_with(words), "{message}");
    }
    assert_eq!(refused(create), "malformed Content-Type header (): mime: no media type");
    // dockerd does not look at the type here.
    assert!(head("POST /auth\nContent-Length: 2").is_ok());
}

/// A target of a known route with a random object and query.
fn target() -> impl Strategy<Value = (Method, String)> {
    let routes: Vec<_> = route::all().collect();
    (
        prop::sample::select(routes),
        "[a-zA-Z0-9_.:/@-]{1,12}",
        any::<prop::sample::Index>(),
        "\\PC{0,12}",
    )
        .prop_map(|(route, object, key, value)| {
            let mut target = route.path.replace("{id}", &object).replace("{name}", &object);
            if !route.query.is_empty() {
                let name = route.query[key.index(route.query.len())].name;
                target.extend(["?", name, "=", &percent::encode_query(&value)]);
            }
            (route.method, target)
        })
}

fn parse(method: Method, target: &str) -> Option<Head> {
    let target = target.parse().ok()?;
    let method = hyper::Method::from_bytes(method.name().as_bytes()).ok()?;
    let (version, headers) = (hyper::Version::HTTP_11, HeaderMap::new());
    parse_head(&method, &target, version, &headers, ApiVersion::NEWEST).ok()
}

proptest! {
    #[test]
    fn any_head_is_parsed_or_refused(
        method in "[A-Z]{1,7}",
        target in "/?[ -~é]{0,40}",
        headers in prop::collection::vec(("[a-z-]{1,20}", prop::collection::vec(any::<u8>(), 0..12)), 0..4),
    ) {
        let Ok(uri) = target.parse::<hyper::Uri>() else { return Ok(()) };
        let method = hyper::Method::from_bytes(method.as_bytes()).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value)) {
                map.append(name, value);
            }
        }
        let _ = parse_head(&method, &uri, hyper::Version::HTTP_11, &map, ApiVersion::NEWEST);
    }

    #[test]
    fn a_forwarded_head_parses_to_the_same((method, target) in target()) {
        if let Some(head) = parse(method, &target) {
            let version = ApiVersion::from_text("1.44").unwrap();
            let again = parse(method, &head.target(version, None)).unwrap();
            prop_assert!(std::ptr::eq(head.route, again.route));
            prop_assert_eq!(&head.object, &again.object);
            prop_assert_eq!(&head.query, &again.query);
            prop_assert_eq!(again.version, Some(version));
        }
    }
}
