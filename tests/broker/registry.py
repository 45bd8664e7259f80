"""A registry of one image, PORT/word:1, that docker can pull. Prints its port."""

import gzip
import hashlib
import io
import json
import tarfile
from http.server import BaseHTTPRequestHandler, HTTPServer


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer():
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("word"))
    return archive.getvalue()


LAYER = gzip.compress(layer(), mtime=0)
CONFIG = json.dumps({
    "architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z",
    "config": {"Cmd": ["/word"]}, "rootfs": {"type": "layers", "diff_ids": [digest(layer())]},
}).encode()
VENDOR = "application/vnd.docker."
MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": VENDOR + "distribution.manifest.v2+json",
    "config": {"mediaType": VENDOR + "container.image.v1+json", "size": len(CONFIG),
               "digest": digest(CONFIG)},
    "layers": [{"mediaType": VENDOR + "image.rootfs.diff.tar.gzip", "size": len(LAYER),
                "digest": digest(LAYER)}],
}).encode()
MANIFESTS = {"/v2/word/manifests/" + name: MANIFEST for name in ("1", digest(MANIFEST))}
BLOBS = {"/v2/word/blobs/" + digest(blob): blob for blob in (CONFIG, LAYER)}


class Registry(BaseHTTPRequestHandler):
    def do_GET(self):
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


server = HTTPServer(("127.0.0.1", 0), Registry)
print(server.server_port, flush=True)
server.serve_forever()
