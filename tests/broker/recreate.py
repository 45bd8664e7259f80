"""Creates containers, and creates each again from exactly what inspect reports, as Watchtower does.

Arguments: the socket, an API version, a prefix for names. Prints what differs or fails.
"""

import http.client
import json
import socket
import sys
import urllib.parse

PATH, VERSION, PREFIX = sys.argv[1:]


class Dockerd(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(PATH)


def ask(method, target, body=None):
    dockerd = Dockerd("docker")
    headers = {"Content-Type": "application/json"} if body is not None else {}
    dockerd.request(method, f"/v{VERSION}{target}", json.dumps(body) if body is not None else None, headers)
    answer = dockerd.getresponse()
    content = answer.read()
    document = json.loads(content) if content else None
    return answer.status, document


def must(method, target, body=None):
    status, document = ask(method, target, body)
    if status >= 400:
        print(f"{method} {target}: {status} {document}")
        raise SystemExit(1)
    return document


NET = f"{PREFIX}-net"
HOST = {"Init": True}
SLEEP = {"Image": "fedora", "Cmd": ["sleep", "60"]}
CONTAINERS = {
    "plain": {},
    "bridge": {"NetworkingConfig": {"EndpointsConfig": {"bridge": {}}}},
    "ports": {
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}},
    },
    "volumes": {
        "Volumes": {"/nameless": {}},
        "HostConfig": {"Binds": [f"{PREFIX}-volume:/data", f"{PREFIX}-volume:/ro:ro"]},
    },
    "mounts": {
        "HostConfig": {
            "Mounts": [
                {"Type": "volume", "Source": f"{PREFIX}-volume", "Target": "/data"},
                {"Type": "tmpfs", "Target": "/scratch"},
            ]
        }
    },
    "network": {
        "HostConfig": {"NetworkMode": NET},
        "NetworkingConfig": {"EndpointsConfig": {NET: {"Aliases": ["db"]}}},
    },
    "none": {"HostConfig": {"NetworkMode": "none"}},
    "labels": {"Labels": {"com.example.a": "b", "empty": ""}, "Env": ["A=b"], "WorkingDir": "/tmp"},
    "health": {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000000000, "Retries": 2}},
    "limits": {
        "HostConfig": {
            "Memory": 64 << 20,
            "NanoCpus": 500000000,
            "PidsLimit": 50,
            "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 100}],
            "ShmSize": 1 << 20,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        }
    },
    "tmpfs": {"HostConfig": {"Tmpfs": {"/scratch": "size=1m"}, "ReadonlyRootfs": True}},
    "user": {"User": "1000:1000", "HostConfig": {"GroupAdd": ["1001"], "CapDrop": ["NET_RAW"]}},
    "terminal": {"Tty": True, "OpenStdin": True, "StopSignal": "SIGKILL", "StopTimeout": 1},
    "hosts": {"HostConfig": {"ExtraHosts": ["other:10.0.0.1"], "Dns": ["127.0.0.1"]}},
}


def merged(name):
    body = {**SLEEP, **CONTAINERS[name]}
    body["HostConfig"] = {**HOST, **body.get("HostConfig", {})}
    return body


def networks(document):
    return document["NetworkSettings"]["Networks"]


def recreated(document):
    """The body that Watchtower and Portainer send."""
    return {
        **document["Config"],
        "HostConfig": document["HostConfig"],
        "NetworkingConfig": {"EndpointsConfig": networks(document)},
    }


def shown(document):
    """What must be the same in both containers."""
    config = dict(document["Config"])
    config.pop("Hostname")
    # Newer engines repeat a requested address here, and inspect reports every address.
    config.pop("MacAddress", None)
    host = {key: value for key, value in document["HostConfig"].items() if value}
    return config, host, sorted(networks(document))


def run(name):
    first, second = f"{PREFIX}-{name}-1", f"{PREFIX}-{name}-2"
    must("POST", f"/containers/create?name={first}", merged(name))
    must("POST", f"/containers/{first}/start")
    before = must("GET", f"/containers/{first}/json")
    must("DELETE", f"/containers/{first}?force=1&v=1")
    status, told = ask("POST", f"/containers/create?name={second}", recreated(before))
    if status != 201:
        return f"create: {status} {told}"
    status, told = ask("POST", f"/containers/{second}/start")
    if status != 204:
        return f"start: {status} {told}"
    after = must("GET", f"/containers/{second}/json")
    for was, now in zip(shown(before), shown(after)):
        if was != now:
            return f"{was} became {now}"
    for network in networks(after):
        for call in ("disconnect", "connect"):
            if network == "none":
                continue
            target = f"/networks/{urllib.parse.quote(network)}/{call}"
            status, told = ask("POST", target, {"Container": second})
            if status != 200:
                return f"{call} {network}: {status} {told}"
    must("DELETE", f"/containers/{second}?force=1&v=1")
    return None


must("POST", "/volumes/create", {"Name": f"{PREFIX}-volume"})
must("POST", "/networks/create", {"Name": NET, "CheckDuplicate": True})
for name in CONTAINERS:
    problem = run(name)
    if problem:
        print(f"{name}: {problem}")
must("DELETE", f"/networks/{NET}")
must("DELETE", f"/volumes/{PREFIX}-volume")
