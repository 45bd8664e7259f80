use std::io::Write;

use serde_json::{Value, json};

use super::*;

fn entry(path: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let size = u64::try_from(content.len()).unwrap();
    header::write(&TarEntry { path: path.to_owned(), kind: Kind::File, size }, &mut bytes);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    bytes
}

fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        entries.iter().flat_map(|(path, content)| entry(path, content)).collect();
    bytes.resize(bytes.len() + 2 * BLOCK_BYTES, 0);
    bytes
}

/// Rewrites an archive that comes in pieces of this size.
fn rewritten(bytes: &[u8], piece: usize) -> Result<(NamedImages, Vec<u8>), Refusal> {
    let (mut archive, mut output) = (ImageArchive::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        archive.push(piece, &mut output)?;
    }
    let (images, end) = archive.finish()?;
    output.extend(end);
    Ok((images, output))
}

fn manifest() -> Vec<u8> {
    let manifest = json!([
        {"Config": "a.json", "RepoTags": ["web:1", "web:2"], "Layers": ["a/layer.tar"], "Parent": "x"},
        {"Config": "b.json", "RepoTags": null, "Layers": []},
    ]);
    manifest.to_string().into_bytes()
}

fn index() -> Vec<u8> {
    let image = |digest: &str, annotations: Value| json!({"mediaType": "m", "digest": digest, "size": 1, "annotations": annotations});
    let index = json!({"schemaVersion": 2, "manifests": [
        image("sha256:a", json!({"io.containerd.image.name": "docker.io/library/web:1"})),
        image("sha256:a", json!({"io.containerd.image.name": "docker.io/library/web:2"})),
        image("sha256:b", json!({"org.opencontainers.image.ref.name": "latest"})),
    ]});
    index.to_string().into_bytes()
}

#[test]
fn k08_the_names_of_an_archive_are_read_and_left_out() {
    let layout = json!({"imageLayoutVersion": "1.0.0"}).to_string().into_bytes();
    let bytes = archive(&[
        ("manifest.json", manifest()),
        ("index.json", index()),
        ("repositories", b"{\"web\":{\"1\":\"a\"}}".to_vec()),
        ("oci-layout", layout),
        ("a/layer.tar", vec![7; 2000]),
    ]);
    for piece in [1, 511, 512, 513, 100_000] {
        let (images, output) = rewritten(&bytes, piece).unwrap();
        let names: Vec<&String> = images.names().collect();
        let long = ["docker.io/library/web:1", "docker.io/library/web:2"];
        assert_eq!(names, ["web:1", "web:2", long[0], long[1]]);
        assert_eq!(images.in_manifest.len(), 2);
        assert_eq!(images.in_index.len(), 2);
        let text = String::from_utf8_lossy(&output);
        for absent in ["web", "Parent", "repositories", "latest"] {
            assert!(!text.contains(absent), "{absent}");
        }
        // dockerd gets an archive without names, and with the documents at its end.
        let (again, same) = rewritten(&output, 4096).unwrap();
        assert_eq!(again.names().count(), 0);
        assert_eq!(same, output);
        let layer = text.find("a/layer.tar").unwrap();
        assert!(layer < text.find("manifest.json").unwrap());
    }
}

#[test]
fn k08_unusual_archives_are_refused() {
    let whole = archive(&[("manifest.json", manifest())]);
    for (name, bytes) in [
        ("two documents", archive(&[("manifest.json", manifest()), ("manifest.json", manifest())])),
        ("below a document", {
            let mut bytes = entry("manifest.json/x", b"");
            bytes.extend(archive(&[]));
            bytes
        }),
        ("no document", archive(&[("a.json", b"{}".to_vec())])),
        ("nothing", Vec::new()),
        ("not JSON", archive(&[("manifest.json", b"{".to_vec())])),
        (
            "two keys",
            archive(&[("manifest.json", b"[{\"Config\":\"a\",\"Config\":\"b\"}]".to_vec())]),
        ),
        ("too long", archive(&[("manifest.json", vec![b' '; 2 << 20])])),
        ("breaks off", whole[..600].to_vec()),
        ("not tar", vec![b'x'; 2000]),
    ] {
        assert!(rewritten(&bytes, 512).is_err(), "{name}");
    }
    // An archive may end with its last entry.
    assert!(rewritten(&whole[..1024], 512).is_ok());
}

#[test]
fn k08_gzip_is_decompressed_and_other_compression_is_refused() {
    let bytes = archive(&[("manifest.json", manifest())]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let unpack = |packed: &[u8], piece: usize| {
        let mut decompressor = Decompressor::default();
        let mut plain = Vec::new();
        for piece in packed.chunks(piece) {
            plain.extend(decompressor.push(piece)?);
        }
        plain.extend(decompressor.finish()?);
        Ok::<_, Refusal>(plain)
    };
    for piece in [1, 9, 10, 4096] {
        assert_eq!(unpack(&packed, piece).unwrap(), bytes);
        assert_eq!(unpack(&bytes, piece).unwrap(), bytes);
    }
    assert!(unpack(&packed[..packed.len() - 9], 4096).is_err());
    for other in [&b"BZh91AY&SY\0"[..], b"\xfd7zXZ\x00\0\0\0\0", b"\x28\xb5\x2f\xfd\0\0\0\0\0\0"] {
        let refusal = unpack(other, 4096).unwrap_err();
        assert!(refusal.message.contains("-dc FILE | docker load"), "{}", refusal.message);
    }
}
