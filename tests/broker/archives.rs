//! Archives and images are copied in both directions: the same bytes, names and ids.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::broker::{Broker, DOCKERD};
use crate::docker::{Lines, alone, command_lines};
use crate::host::{shell, text};
use crate::http::Connection;
use crate::tested_engine::{Store, TestedEngine};

/// The size of the image that is saved and loaded.
const IMAGE_BYTES: u32 = 64_000_000;

/// Creates a directory with files that archives often get wrong: links, modes, empty files and odd names.
const TREE: &str = "mkdir -p t/sub && ln -s sub t/link && ln -s /nonexistent t/broken
    echo one >'t/a name' && echo two >$'t/sub/n\\nw' && echo three >$'t/\\xff' && : >t/empty
    echo four >t/-flag && chmod 2711 t/empty && cp /bin/busybox t/sub/";

/// Lists the contents of a directory, without the times.
const LIST: &str = "list() { (cd $1 && find . -printf '%p %y %m %l\\n' -type f \
    -exec sha256sum {} \\; | sort); }";

#[test]
fn docker_copies_files_both_ways() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let line = format!(
        "{LIST}
        {TREE}
        docker create --name $N fedora true >/dev/null
        docker cp t $N:/tmp/there && docker cp $N:/tmp/there back
        list t >sent; list back | cmp - sent && echo same
        docker cp -a t/sub $N:/ && docker cp $N:/sub/busybox - | tar t
        docker cp -L $N:/bin/sh sh && cmp sh /bin/busybox && echo followed
        tar c t | docker cp - $N:/opt
        tar c t | docker cp - $N:/tmp && docker cp $N:/tmp/t again && list again | cmp - sent
        docker cp $N:/nonexistent . 2>/dev/null; echo $?; docker diff $N | sort | head -3"
    );
    for given in lines.alike(&line) {
        assert!(given.starts_with("same\nbusybox\nfollowed\n"), "{given}");
        assert!(given.ends_with("C /tmp\n") || given.contains("/sub"), "{given}");
    }
}

#[test]
fn docker_saves_and_loads_an_image() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    shell(&format!(
        "dir=$(mktemp -d) && head -c {IMAGE_BYTES} /dev/urandom >$dir/random &&
        tar -C $dir -c random | docker import - {name}image && rm -r $dir"
    ));
    let compare = match TestedEngine::asked() {
        TestedEngine::Docker20 | TestedEngine::Docker28(Store::Containerd) => "cmp $1 $2",
        // The times of the files are those of the call.
        TestedEngine::Docker28(Store::Overlay2) => "cmp <(files $1) <(files $2)",
    };
    let line = format!(
        "image={name}image; id=$(docker inspect -f '{{{{.Id}}}}' $image)
        files() {{ tar x -f $1 --to-command='echo $TAR_FILENAME; sha256sum'; }}
        compare() {{ {compare} && echo same; }}
        docker save $image >saved && docker save -o also $image && compare saved also
        docker rmi $image >/dev/null; docker load -q <saved
        [ $(docker inspect -f '{{{{.Id}}}}' $image) = $id ] && echo same
        docker save $image >again; compare again saved; docker load -i saved | tail -1"
    );
    let loaded = format!("Loaded image: {name}image:latest\n");
    lines.give(&[(&line, &format!("same\n{loaded}same\nsame\n{loaded}"))]);
}

#[test]
fn docker_exports_and_imports_a_file_system() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    lines.give(&[(
        "docker create --name $N fedora sh -c 'echo inside' >/dev/null
        docker export $N >exported; docker export -o also $N
        cmp <(tar t <exported) <(tar t <also) && tar x -O bin/busybox <exported | cmp - /bin/busybox
        docker import -c 'CMD [\"echo\", \"imported\"]' -c 'LABEL a=b' -m words - $N <exported >/dev/null
        docker run --rm $N; docker image inspect -f '{{.Config.Labels.a}} {{.Comment}}' $N
        docker commit -a me -m why -c 'ENV X=y' $N $N:2 >/dev/null
        docker run --rm $N:2 sh -c 'echo $X'; docker inspect -f '{{.Author}} {{.Comment}}' $N:2
        docker images -q $N | wc -l; docker rmi $N $N:2 | grep -c Untagged
        docker load <also 2>&1 | wc -l; printf junk | docker import - $N >/dev/null 2>&1; echo $?",
        "imported\nb words\ny\nme why\n2\n2\n1\n1\n",
    )]);
}

#[test]
fn docker_builds_an_image() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let scratch = format!(
        "{TREE}; export DOCKER_BUILDKIT=0
        printf 'FROM scratch\\nADD t /t\\nLABEL a=\"b c\"\\n' >Dockerfile
        docker build -q -t $N --label $N=1 . >/dev/null 2>&1
        docker inspect -f '{{{{.Config.Labels.a}}}} {{{{len .RootFS.Layers}}}}' $N
        tar c Dockerfile t | docker build -q -t $N:2 - >/dev/null 2>&1; echo $?
        printf 'FROM scratch\\nCOPY nothing /\\n' | docker build -f - . 2>&1 |
            grep -o 'COPY failed: file not found'"
    );
    lines.give(&[(&scratch, "b c 1\n0\nCOPY failed: file not found\n")]);
    let run = "export DOCKER_BUILDKIT=0
        printf 'FROM fedora\\nARG WORD\\nRUN echo $WORD; echo $WORD >/word; exit $WORD\\n' >Dockerfile
        build() { docker build --network none --memory 100m --force-rm --label $N=1 -t $N \"$@\"; }
        build --build-arg WORD=0 . 2>/dev/null | grep -c '^Successfully'
        docker run --rm $N cat /word; build --build-arg WORD=7 . 2>&1 | grep -o 'code: 7'
        build --no-cache --pull=false --build-arg WORD=0 --target nothing . 2>&1 | tail -1";
    for given in lines.alike(run) {
        assert!(given.starts_with("2\n0\ncode: 7\n"), "{given}");
    }
}

/// Removes the entries that a test adds to the host's build cache.
struct BuildCache(BTreeSet<String>);

impl BuildCache {
    fn kept() -> Self {
        Self(Self::entries())
    }

    fn entries() -> BTreeSet<String> {
        let _alone = alone();
        let ask = || {
            let mut dockerd = Connection::over(UnixStream::connect(DOCKERD).unwrap());
            dockerd.send(b"GET /v1.41/system/df HTTP/1.1\r\nHost: docker\r\n\r\n");
            dockerd.answer("GET")
        };
        // With containerd's store, dockerd fails if an image disappears while it measures.
        let answer = (0..20).map(|_| ask()).find(|answer| answer.status == 200);
        // Without the list, every older entry would look like an added one.
        let answer = answer.expect("dockerd measures its disk");
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let entries = answer["BuildCache"].as_array().into_iter().flatten();
        entries.map(|entry| entry["ID"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for BuildCache {
    fn drop(&mut self) {
        // An entry can only be removed after the entries that build on it.
        for _ in 0..3 {
            for added in Self::entries().difference(&self.0) {
                let mut prune = Command::new(&command_lines()[0]);
                prune.args(["builder", "prune", "-af", "--filter", &format!("id={added}")]);
                let _alone = alone();
                let _ = prune.stdin(Stdio::null()).output();
            }
        }
    }
}

/// BuildKit speaks HTTP/2 over upgraded connections. From docker 23 on it is a program of its own,
/// which not every host has.
#[test]
fn buildkit_builds_an_image() {
    let broker = Broker::start("");
    let _cache = BuildCache::kept();
    let lines = Lines::at(&broker);
    let line = format!(
        "{TREE}; export DOCKER_BUILDKIT=1
        printf 'FROM scratch\\nCOPY t /t\\nLABEL a=b\\nLABEL name='$N >Dockerfile
        docker build -q -t $N . 2>&1 | grep -o 'sha256:\\|buildx component is missing' | uniq
        printf 'FROM fedora\\nRUN cat /bin/busybox; exit 7' |
            docker build --network none -f - . 2>&1 | grep -ao 'code: 7' | uniq"
    );
    let mut built = false;
    for docker in command_lines() {
        let through = lines.through(&docker, &line);
        let shown = format!("{} {}", text(&through.stdout), text(&through.stderr));
        if !shown.contains("buildx component is missing") {
            assert_eq!(text(&through.stdout), "sha256:\ncode: 7\n", "{shown}");
            built = true;
        }
    }
    assert!(built, "no docker here has BuildKit");
}

/// Before 29.5.1, dockerd unpacks a compressed archive with a program from the container, on the
/// host.
#[test]
fn the_broker_refuses_compressed_archives_where_they_are_dangerous() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let version = shell("docker version -f '{{.Server.Version}}'");
    let numbers: Vec<u32> = version.split(['.', '+', '-']).map_while(|n| n.parse().ok()).collect();
    let refused = if numbers < vec![29, 5, 1] { "the archive is compressed\n" } else { "" };
    lines.give(&[(
        "docker create --name $N fedora true >/dev/null; echo x >f
        tar cz f | docker cp - $N:/tmp 2>&1 | grep -o 'the archive is compressed'
        tar c f | docker cp - $N:/tmp; docker cp $N:/tmp/f - | tar x -O; docker rm $N",
        &format!("{refused}x\nNAME\n"),
    )]);
}
