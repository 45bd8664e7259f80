"""A registry of one image, PORT/word:1, that docker can pull. PORT/word:slow is the same with another
file, and comes only after the file that is given as an argument is gone. Prints its port."""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


VENDOR = "application/vnd.docker."


def layer(file):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(file))
    return archive.getvalue()


def image(file):
    """The manifest, the config and the layer."""
    packed = gzip.compress(layer(file), mtime=0)
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z",
        # Each registry has an image of its own, so that tests do not share one.
        "comment": sys.argv[1],
        "config": {"Cmd": ["/word"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer(file))]},
    }).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": VENDOR + "distribution.manifest.v2+json",
        "config": {"mediaType": VENDOR + "container.image.v1+json", "size": len(config),
                   "digest": digest(config)},
        "layers": [{"mediaType": VENDOR + "image.rootfs.diff.tar.gzip", "size": len(packed),
                    "digest": digest(packed)}],
    }).encode()
    return manifest, config, packed


MANIFESTS, BLOBS = {}, {}
for tag, file in (("1", "word"), ("slow", "slow")):
    manifest, *blobs = image(file)
    MANIFESTS.update({"/v2/word/manifests/" + name: manifest for name in (tag, digest(manifest))})
    BLOBS.update({"/v2/word/blobs/" + digest(blob): blob for blob in blobs})
SLOW = "/v2/word/blobs/" + digest(image("slow")[2])


class Registry(BaseHTTPRequestHandler):
    def handle_one_request(self):
        # Clients try TLS first, and continue without it after an HTTP response.
        if self.rfile.peek(1)[:1] == b"\x16":
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            self.close_connection = True
            return
        super().handle_one_request()

    def do_GET(self):
        while self.path == SLOW and os.path.exists(sys.argv[1]):
            time.sleep(0.05)
        content = {"/v2/": b"{}", **MANIFESTS, **BLOBS}.get(self.path)
        self.send_response(404 if content is None else 200)
        content = content or b"{}"
        if self.path in MANIFESTS:
            self.send_header("Content-Type", VENDOR + "distribution.manifest.v2+json")
            self.send_header("Docker-Content-Digest", digest(content))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
