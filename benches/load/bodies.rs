//! The most expensive requests known: those that made the broker work hardest for their length, and
//! variants of them.
//!
//! None is longer than the broker accepts.

/// An expensive request that any caller can send.
pub(crate) struct WorstRequest {
    pub(crate) name: &'static str,
    /// Method and target.
    pub(crate) target: String,
    pub(crate) body: String,
}

/// Nearly the longest body, in bytes.
const BODY_BYTES: usize = 4_000_000;

/// Nearly the most values in a body.
const VALUES: usize = 9_900;

/// So many mounts with options of this length fill a body.
const OPTIONS_BYTES: usize = 4_000;
const MOUNTS: usize = 250;

/// All the expensive requests.
pub(crate) fn worst_requests() -> Vec<WorstRequest> {
    let mut all = of_paths();
    all.extend(of_mount_options());
    all.extend(of_many_values());
    all.extend(of_long_texts());
    all.extend(of_keys());
    all.extend(of_queries());
    all
}

fn create(name: &'static str, rest: &str) -> WorstRequest {
    let body = format!(r#"{{"Image":"fedora","Cmd":["true"],{rest}}}"#);
    WorstRequest { name, target: "POST /containers/create".to_owned(), body }
}

fn host(name: &'static str, config: &str) -> WorstRequest {
    create(name, &format!(r#""HostConfig":{{{config}}}"#))
}

/// A comma-separated list of the items for each number below `count`.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

fn of_paths() -> Vec<WorstRequest> {
    let volume = |name, options: &str| WorstRequest {
        name,
        target: "POST /volumes/create".to_owned(),
        body: format!(r#"{{"Name":"v","DriverOpts":{{"type":"overlay","o":"{options}"}}}}"#),
    };
    let deep = "/a".repeat(60_000);
    let long = "/a".repeat(OPTIONS_BYTES / 2 - 20);
    vec![
        host("one path of 60,000 names", &format!(r#""Binds":["{deep}:/x"]"#)),
        host(
            "binds with a long common prefix",
            &format!(r#""Binds":[{}]"#, list(MOUNTS, |n| format!(r#""{long}/{n}:/{n}""#))),
        ),
        host(
            "1,000 such binds",
            &format!(r#""Binds":[{}]"#, list(1000, |n| format!(r#""{long}/{n}:/{n}""#))),
        ),
        volume("lowerdir= of 300,000 parts", &format!("lowerdir={}", "a:".repeat(300_000))),
        host(
            "a path of many `..`",
            &format!(r#""Binds":["/{}:/x"]"#, "a/../".repeat(OPTIONS_BYTES / 5 - 20)),
        ),
    ]
}

fn of_mount_options() -> Vec<WorstRequest> {
    let parts = "a:".repeat(OPTIONS_BYTES / 2 - 20);
    vec![
        host(
            "mounts with lowerdir= of 2,000 parts each",
            &format!(
                r#""Mounts":[{}]"#,
                list(MOUNTS, |n| format!(
                    r#"{{"Type":"volume","Source":"v{n}","Target":"/{n}","VolumeOptions":
                    {{"DriverConfig":{{"Options":{{"type":"overlay","o":"lowerdir={parts}"}}}}}}}}"#
                ))
            ),
        ),
        host(
            "mounts with 1,900 options each",
            &format!(
                r#""Mounts":[{}]"#,
                list(MOUNTS, |n| format!(
                    r#"{{"Type":"volume","Source":"v{n}","Target":"/{n}","VolumeOptions":
                    {{"DriverConfig":{{"Options":{{"type":"tmpfs","o":"{}"}}}}}}}}"#,
                    "x,".repeat(OPTIONS_BYTES / 2 - 100)
                ))
            ),
        ),
        host(
            "binds with 1,900 options each",
            &format!(
                r#""Binds":[{}]"#,
                list(MOUNTS, |n| format!(
                    r#""/srv:/{n}:{}""#,
                    "x,".repeat(OPTIONS_BYTES / 2 - 100)
                ))
            ),
        ),
        host(
            "tmpfs with 1,900 options each",
            &format!(
                r#""Tmpfs":{{{}}}"#,
                list(MOUNTS, |n| format!(r#""/{n}":"{}""#, "x,".repeat(OPTIONS_BYTES / 2 - 100)))
            ),
        ),
    ]
}

fn of_many_values() -> Vec<WorstRequest> {
    let long_name = "d".repeat(380);
    vec![
        create(
            "9,900 labels",
            &format!(r#""Labels":{{{}}}"#, list(VALUES, |n| format!(r#""{n}":"""#))),
        ),
        create(
            "5,000 volumes beside 4,900 binds",
            &format!(
                r#""Volumes":{{{}}},"HostConfig":{{"Binds":[{}]}}"#,
                list(5000, |n| format!(r#""/{long_name}/{n}":{{}}"#)),
                list(4900, |n| format!(r#""v{n}:/{long_name}/b{n}""#))
            ),
        ),
        host(
            "9,900 ports",
            &format!(
                r#""PortBindings":{{{}}}"#,
                list(VALUES / 3, |n| format!(r#""{}/tcp":[{{"HostPort":"{}"}}]"#, n + 1, n + 1))
            ),
        ),
        host(
            "9,900 devices",
            &format!(
                r#""Devices":[{}]"#,
                list(VALUES / 2, |n| format!(r#"{{"PathOnHost":"/dev/{long_name}{n}"}}"#))
            ),
        ),
        host(
            "9,900 capabilities",
            &format!(r#""CapAdd":[{}]"#, list(VALUES, |n| format!(r#""{long_name}{n}""#))),
        ),
        host(
            "9,900 containers whose volumes are used",
            &format!(r#""VolumesFrom":[{}]"#, list(VALUES, |n| format!(r#""c{n}:{long_name}""#))),
        ),
        create(
            "150 lists of 63 levels",
            &format!(
                r#""Labels":[{}]"#,
                list(150, |_| format!("{}{}", "[".repeat(60), "]".repeat(60)))
            ),
        ),
    ]
}

fn of_long_texts() -> Vec<WorstRequest> {
    let word = 130_000;
    let words = |text: &str| {
        list(BODY_BYTES / word, |_| format!(r#""{}""#, text.repeat(word / text.len())))
    };
    let half = list(16, |_| format!(r#""{}""#, " ".repeat(word)));
    let separators = "\u{2028}".repeat(1_300_000);
    vec![
        create(
            "labels of 4 MB",
            &format!(
                r#""Labels":{{{}}}"#,
                list(BODY_BYTES / word, |n| format!(r#""{n}":"{}""#, "a".repeat(word)))
            ),
        ),
        create("a command of 2 MB of spaces", &format!(r#""Entrypoint":[{half}]"#)),
        create("a command of 4 MB", &format!(r#""Entrypoint":[{}]"#, words("a"))),
        create("a command of 4 MB of escapes", &format!(r#""Entrypoint":[{}]"#, words("\\u0001"))),
        create("a command of 4 MB of spaces", &format!(r#""Entrypoint":[{}]"#, words(" "))),
        create("a word of 1,300,000 line separators", &format!(r#""Entrypoint":["{separators}"]"#)),
        create("an environment of 4 MB", &format!(r#""Env":[{}]"#, words("A=b "))),
        create(
            "200 volumes and a command of 2 MB",
            &format!(
                r#""Entrypoint":[{}],"HostConfig":{{"Binds":[{}]}}"#,
                list(16, |_| format!(r#""{}""#, "a".repeat(word))),
                list(199, |n| format!(r#""v{n}:/{n}""#))
            ),
        ),
        host(
            "a driver of 2 MB and 5,000 volumes",
            &format!(
                r#""VolumeDriver":"{}","Binds":[{}]"#,
                "d".repeat(2_000_000),
                list(5000, |n| format!(r#""v{n}:/{n}""#))
            ),
        ),
    ]
}

fn of_keys() -> Vec<WorstRequest> {
    let endpoint = |key: &str, keys: usize| {
        let inner = list(keys, |n| format!(r#""x{n}":null"#));
        format!(r#""NetworkingConfig":{{"EndpointsConfig":{{"{key}":{{{inner}}}}}}}"#)
    };
    vec![
        create("9,000 unknown keys under a key of 2 MB", &endpoint(&"k".repeat(2_000_000), 9000)),
        create("9,000 unknown keys under a key of 4 kB", &endpoint(&"k".repeat(4000), 9000)),
        host(
            "9,000 keys in another case",
            &list(9000, |n| {
                let key = "privileged".chars().enumerate();
                let key: String = key
                    .map(|(i, c)| if n >> i & 1 == 1 { c.to_ascii_uppercase() } else { c })
                    .collect();
                format!(r#""{key}{}":null"#, n >> 10)
            }),
        ),
    ]
}

fn of_queries() -> Vec<WorstRequest> {
    let without_body = |name, target: String| WorstRequest { name, target, body: String::new() };
    let names = (0..11_000).map(|n| format!("t={n:x}")).collect::<Vec<_>>().join("&");
    let filters = list(3500, |n| format!(r#""{n}":true"#)).replace('"', "%22");
    vec![
        without_body(
            "a build with 11,000 names",
            format!("POST /build?{}", names.get(..60_000).unwrap_or(&names)),
        ),
        without_body(
            "filters of 60 kB",
            format!("GET /events?until=1&filters={{%22image%22:{{{filters}}}}}"),
        ),
    ]
}
