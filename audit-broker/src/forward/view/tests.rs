//! Responses of dockerd, as they are and as a caller sees them.

use std::cell::RefCell;

use super::*;

const IMAGE: &str = "sha256:1963a32a685606e765192590a7127df602575deebad2914c99aaad3c49b17ac1";

fn filter(
    document: Document,
    text: &str,
    may_view: &mut dyn FnMut(&ResponseObject<'_>) -> bool,
) -> String {
    String::from_utf8(filter_document(document, text.as_bytes(), may_view).unwrap()).unwrap()
}

/// The document for a caller who may not see foreign objects.
fn own(document: Document, text: &str) -> String {
    filter(document, text, &mut |seen| !seen.id.starts_with("foreign"))
}

/// The objects that are judged, as `kind id names`.
fn judged(document: Document, text: &str) -> Vec<String> {
    let judged = RefCell::new(Vec::new());
    filter(document, text, &mut |seen| {
        let names = seen.names.join(",");
        judged.borrow_mut().push(format!("{} {} {names}", seen.kind.name(), seen.id));
        true
    });
    judged.into_inner()
}

fn container(id: &str, more: &str) -> String {
    format!(
        r#"{{"Id":"{id}","Names":["/n-{id}","/other/link"],"Image":"fedora","ImageID":"{IMAGE}","Command":"sh -c 'a \u003c b'","Created":1795811445,"Labels":{{"x":"\u003c\u0026\"é"}}{more}}}"#
    )
}

const ALL: Document = Document::Containers { limit: None };

#[test]
fn a_list_keeps_each_visible_element_to_the_byte() {
    let [a, b, c] =
        ["a", "foreign", "c"].map(|id| container(id, r#","New":[1.0,18446744073709551616]"#));
    assert_eq!(own(ALL, &format!("[{a},{b},{c}]\n")), format!("[{a},{c}]"));
    assert_eq!(own(ALL, &format!("[{b}]")), "[]");
    assert_eq!(own(ALL, "[]"), "[]");
    assert_eq!(own(ALL, "null"), "null");
    assert_eq!(judged(ALL, &format!("[{a}]")), ["container a n-a,other/link"]);
    let mut count = 0;
    filter(ALL, &format!("[{a}]"), &mut |seen| {
        count += 1;
        assert_eq!(seen.labels.get("x").map(String::as_str), Some("<&\"é"));
        assert_eq!(seen.image, Some(IMAGE));
        true
    });
    assert_eq!(count, 1);
}

#[test]
fn a_limit_counts_only_visible_containers() {
    let list = ["foreign1", "a", "foreign2", "b", "c"].map(|id| container(id, "")).join(",");
    let limited = |limit| own(Document::Containers { limit: Some(limit) }, &format!("[{list}]"));
    assert_eq!(limited(2), format!("[{},{}]", container("a", ""), container("b", "")));
    assert_eq!(limited(9).matches("\"Id\"").count(), 3);
}

#[test]
fn lists_of_images_volumes_and_networks_leave_out_foreign_ones() {
    let images = r#"[{"Containers":-1,"Id":"foreign","Labels":null,"RepoTags":["x:1"]},{"Id":"i","Labels":{"a":"b"},"RepoDigests":["f@sha256:0"],"RepoTags":["f:1","f:2"]}]"#;
    assert_eq!(
        own(Document::Images { with_counts: false }, images),
        format!("[{}]", &images[images.find(r#"{"Id":"i""#).unwrap()..images.len() - 1])
    );
    assert_eq!(
        judged(Document::Images { with_counts: false }, images)[1],
        "image i f:1,f:2,f@sha256:0"
    );

    let volumes = r#"{"Volumes":[{"Driver":"local","Labels":null,"Name":"foreign-v"},{"CreatedAt":"2026","Name":"v","Labels":{}}],"Warnings":["w"]}"#;
    assert_eq!(
        own(Document::Volumes, volumes),
        r#"{"Volumes":[{"CreatedAt":"2026","Name":"v","Labels":{}}],"Warnings":["w"]}"#
    );
    assert_eq!(judged(Document::Volumes, volumes), ["volume foreign-v foreign-v", "volume v v"]);
    assert_eq!(
        own(Document::Volumes, r#"{"Volumes":null,"Warnings":null}"#),
        r#"{"Volumes":null,"Warnings":null}"#
    );

    let networks = r#"[{"Name":"bridge","Id":"n","IPAM":{"Config":[]},"Containers":{},"Labels":{}},{"Name":"x","Id":"foreign"}]"#;
    assert_eq!(
        own(Document::Networks, networks),
        r#"[{"Name":"bridge","Id":"n","IPAM":{"Config":[]},"Containers":{},"Labels":{}}]"#
    );
}

#[test]
fn k16_a_network_does_not_show_foreign_containers() {
    let network = r#"{"Name":"bridge","Id":"n","Containers":{"a":{"Name":"n-a","IPv4Address":"172.17.0.2/16"},"foreign":{"Name":"secret"},"foreign-ep-1":{"Name":"secret"}},"Options":{"o":"1"}}"#;
    let seen = r#"{"Name":"bridge","Id":"n","Containers":{"a":{"Name":"n-a","IPv4Address":"172.17.0.2/16"}},"Options":{"o":"1"}}"#;
    assert_eq!(own(Document::Network, network), seen);
    assert_eq!(own(Document::Networks, &format!("[{network}]")), format!("[{seen}]"));
    assert_eq!(judged(Document::Network, network)[0], "container a n-a");
}

#[test]
fn k16_disk_usage_shows_no_more_than_the_lists() {
    let (own_one, foreign) = (container("a", ""), container("foreign", ""));
    let older = format!(
        r#"{{"LayersSize":1982341,"Images":[{{"Id":"foreign"}},{{"Id":"i"}}],"Containers":[{foreign},{own_one}],"Volumes":[{{"Name":"foreign"}},{{"Name":"v","UsageData":{{"RefCount":1,"Size":0}}}}],"BuildCache":[{{"ID":"foreign"}},{{"ID":"b"}}],"BuilderSize":0,"News":[{{"Id":"foreign"}}]}}"#
    );
    assert_eq!(
        own(Document::DiskUsage { with_counts: false }, &older),
        format!(
            r#"{{"LayersSize":1982341,"Images":[{{"Id":"i"}}],"Containers":[{own_one}],"Volumes":[{{"Name":"v","UsageData":{{"RefCount":0,"Size":0}}}}],"BuildCache":[{{"ID":"b"}}],"BuilderSize":0,"News":null}}"#
        )
    );
    let newer = format!(
        r#"{{"ImageUsage":{{"TotalCount":2,"Items":[{{"Id":"foreign"}},{{"Id":"i"}}]}},"ContainerUsage":{{"ActiveCount":1,"Items":[{foreign},{own_one}]}},"VolumeUsage":{{"Items":[{{"Name":"foreign"}}]}},"BuildCacheUsage":{{"Reclaimable":5,"Items":[{{"ID":"foreign"}}],"News":{{}}}}}}"#
    );
    assert_eq!(
        own(Document::DiskUsage { with_counts: false }, &newer),
        format!(
            r#"{{"ImageUsage":{{"Items":[{{"Id":"i"}}]}},"ContainerUsage":{{"Items":[{own_one}]}},"VolumeUsage":{{"Items":[]}},"BuildCacheUsage":{{"Reclaimable":5,"Items":[],"News":null}}}}"#
        )
    );
    assert_eq!(judged(Document::DiskUsage { with_counts: true }, &newer)[5], "build foreign ");
}

#[test]
fn s18_disk_usage_counts_only_visible_containers() {
    let uses = r#","Mounts":[{"Type":"volume","Name":"v"},{"Type":"bind","Source":"/"}]"#;
    let (own_one, foreign) = (container("a", uses), container("foreign", uses));
    let with = |containers: &str| {
        format!(
            r#"{{"Images":[{{"Containers":2,"Id":"{IMAGE}"}},{{"Containers":9,"Id":"i"}}],{containers}"Volumes":[{{"Name":"v","UsageData":{{"RefCount":2,"Size":7}}}}]}}"#
        )
    };
    let counted = |text: &str, of_image: i32, other: i32, of_volume: i32| {
        text.replace(r#""Containers":2"#, &format!(r#""Containers":{of_image}"#))
            .replace(r#""Containers":9"#, &format!(r#""Containers":{other}"#))
            .replace(r#""RefCount":2"#, &format!(r#""RefCount":{of_volume}"#))
    };
    let seen = with(&format!(r#""Containers":[{own_one}],"#));
    let all = with(&format!(r#""Containers":[{foreign},{own_one}],"#));
    let df = |with_counts, text: &str| own(Document::DiskUsage { with_counts }, text);
    assert_eq!(df(false, &all), counted(&seen, 1, 0, 1));
    assert_eq!(df(true, &all), seen);
    assert_eq!(df(false, &with("")), counted(&with(""), -1, -1, -1));
    let images = format!(r#"[{{"Containers":2,"Id":"{IMAGE}"}}]"#);
    let list = |with_counts| own(Document::Images { with_counts }, &images);
    assert_eq!((list(true), list(false)), (images.clone(), images.replace(":2", ":-1")));
}

#[test]
fn an_image_id_becomes_the_name_that_the_caller_gave() {
    let labels = r#","More":1"#;
    let by_id =
        container("a", labels).replace(r#""Image":"fedora""#, &format!(r#""Image":"{IMAGE}""#));
    let labelled = by_id.replace(r#"{"x""#, r#"{"audit-broker.image":"f\"edora:1","x""#);
    let expected = by_id.replace(&format!(r#""Image":"{IMAGE}""#), r#""Image":"f\"edora:1""#);
    assert_eq!(own(ALL, &format!("[{labelled}]")), format!("[{expected}]"));
    assert_eq!(own(ALL, &format!("[{by_id}]")), format!("[{by_id}]"));
    let by_name = labelled.replace(&format!(r#""Image":"{IMAGE}""#), r#""Image":"other""#);
    let expected = by_id.replace(&format!(r#""Image":"{IMAGE}""#), r#""Image":"other""#);
    assert_eq!(
        own(ALL, &format!("[{by_name}]")),
        format!("[{expected}]"),
        "the label comes from the image"
    );
}

#[test]
fn a_container_looks_as_if_the_broker_had_not_made_it() {
    let document = |image: &str, own: &str| {
        format!(
            r#"{{"Id":"a","Image":"{IMAGE}","State":{{"Pid":1}},"Config":{{"Env":["A=\u003c"],"Image":"{image}","Labels":{{{own}"x":"\u003c"}}}},"HostConfig":{{"Image":"{IMAGE}"}}}}"#
        )
    };
    let own = r#""audit-broker.image":"fedora:1","audit-broker.owner":"login:1001","#;
    let seen = filter(Document::Container, &document(IMAGE, own), &mut |_| false);
    assert_eq!(seen, document("fedora:1", ""));
    let by_others = document("fedora", "");
    assert_eq!(filter(Document::Container, &by_others, &mut |_| false), by_others);
    for config in ["null", "{}", r#"{"Labels":null}"#] {
        let text = format!(r#"{{"Id":"a","Config":{config}}}"#);
        assert_eq!(filter(Document::Container, &text, &mut |_| false), text);
    }
}

#[test]
fn documents_of_another_form_are_refused() {
    for (document, text) in [
        (ALL, r#"{"message":"no"}"#),
        (ALL, "[1]"),
        (ALL, r#"[{"Id":1}]"#),
        (ALL, r#"[{"Id":"a","Id":"foreign"}]"#),
        (ALL, r#"[{"Id":"a"}"#),
        (ALL, ""),
        (Document::Volumes, "[]"),
        (Document::Volumes, r#"{"Volumes":{"Name":"v"}}"#),
        (Document::Network, r#"{"Containers":["a"]}"#),
        (Document::DiskUsage { with_counts: false }, r#"{"ImageUsage":[]}"#),
        (Document::Container, r#"{"Config":[]}"#),
    ] {
        let error = filter_document(document, text.as_bytes(), &mut |_| true).unwrap_err();
        assert!(
            error.to_string().starts_with("dockerd's response does not have the form of "),
            "{text}"
        );
    }
    assert!(filter_document(ALL, b"[\"\xff\"]", &mut |_| true).is_err());
}
