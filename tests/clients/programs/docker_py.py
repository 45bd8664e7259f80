"""What programs do with docker's library for Python. usage: docker_py.py NAME REGISTRY"""

import io
import os
import tarfile
import time

import docker

from attempt import NAME, REGISTRY, archive, attempt

QUIET = {"network_mode": "none", "init": True}
client = docker.from_env()


def sleeper(name):
    return client.containers.run("fedora", ["sleep", "100"], name=f"{NAME}-{name}", detach=True, **QUIET)


def info():
    assert client.ping() and client.version()["ApiVersion"] and client.info()["ID"]
    assert client.df()["LayersSize"] > 0


def run():
    assert client.containers.run("fedora", ["echo", "out"], remove=True, **QUIET) == b"out\n"


def life():
    container = sleeper("life")
    container.pause()
    container.unpause()
    container.rename(NAME + "-renamed")
    container.update(mem_limit="120m", memswap_limit="120m")
    container.restart(timeout=0)
    container.stop(timeout=0)
    container.start()
    container.kill("TERM")
    assert container.wait()["StatusCode"] == 143
    container.remove(v=True, force=True)


def inspect():
    container = client.containers.create("fedora", ["true"], labels={NAME: "x"}, **QUIET)
    found = client.containers.list(all=True, filters={"label": NAME})
    assert [one.id for one in found] == [container.id]
    assert client.images.get("fedora").history()
    container.remove()


def again():
    """Creates a container again from what inspect reports, as Watchtower does."""
    container = client.containers.create("fedora", ["true"], name=NAME + "-again", init=True)
    seen = client.api.inspect_container(container.id)
    container.remove()
    networks = {name: {} for name in seen["NetworkSettings"]["Networks"]}
    body = {**seen["Config"], "HostConfig": seen["HostConfig"]}
    body["NetworkingConfig"] = {"EndpointsConfig": networks}
    made = client.api.create_container_from_config(body, NAME + "-again")
    client.api.remove_container(made["Id"])


def logs():
    container = client.containers.run("fedora", ["echo", "one"], name=NAME + "-logs", detach=True, **QUIET)
    assert b"".join(container.logs(stream=True, follow=True)) == b"one\n"
    container.remove()


def attach():
    container = client.containers.create("fedora", ["cat"], name=NAME + "-attach", stdin_open=True, **QUIET)
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    container.start()
    sock._sock.sendall(b"typed")
    sock._sock.shutdown(1)
    assert sock.read(13)[8:] == b"typed"
    container.remove(force=True)


def execute():
    container = sleeper("exec")
    result = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 5"], demux=True)
    assert result.exit_code == 5 and result.output == (b"out\n", b"err\n"), result
    container.remove(force=True)


def copy():
    container = client.containers.create("fedora", ["true"], name=NAME + "-copy", **QUIET)
    content = os.urandom(1_000_000)
    assert container.put_archive("/tmp", archive(file=content))
    stream, _ = container.get_archive("/tmp/file")
    tar = tarfile.open(fileobj=io.BytesIO(b"".join(stream)))
    assert tar.extractfile("file").read() == content
    container.remove()


def top():
    container = sleeper("top")
    assert "sleep 100" in str(container.top())
    assert container.stats(stream=False)["id"] == container.id
    container.remove(force=True)


def diff():
    line = ["sh", "-c", "echo x >/new"]
    container = client.containers.run("fedora", line, name=NAME + "-diff", detach=True, **QUIET)
    container.wait()
    try:
        assert {"Path": "/new", "Kind": 1} in container.diff()
    finally:
        container.remove()


def events():
    since = int(time.time())
    client.containers.run("fedora", "true", name=NAME + "-events", remove=True, **QUIET)
    filters = {"container": NAME + "-events"}
    seen = client.events(since=since, until=int(time.time()) + 1, decode=True, filters=filters)
    assert "die" in [event["Action"] for event in seen]


def export():
    container = client.containers.create("fedora", ["true"], name=NAME + "-export", **QUIET)
    assert tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))).getmember("bin/busybox")
    container.remove()


def commit():
    container = client.containers.create("fedora", ["true"], name=NAME + "-commit", **QUIET)
    try:
        image = container.commit(repository=NAME, tag="py", changes="ENV X=y")
        client.images.remove(image.id)
    finally:
        container.remove()


def build(**options):
    dockerfile = f"FROM fedora\nLABEL name={NAME}\nCOPY file /file\nRUN echo x >/made\n"
    content = archive(Dockerfile=dockerfile.encode(), file=b"x")
    built, _ = client.images.build(
        fileobj=io.BytesIO(content), custom_context=True, tag=NAME + ":built", labels={NAME: "x"},
        rm=True, **options,
    )
    client.images.remove(built.id, force=True)


def build_directory():
    os.makedirs("context", exist_ok=True)
    with open("context/Dockerfile", "w") as file:
        file.write(f"FROM fedora\nLABEL directory={NAME}\n")
    built, _ = client.images.build(path="context", tag=NAME + ":dir", rm=True, gzip=True)
    client.images.remove(built.id, force=True)


def save():
    image = client.images.get("fedora")
    assert image.tag(NAME, tag="saved")
    saved = b"".join(client.images.get(NAME + ":saved").save(named=NAME + ":saved"))
    client.images.remove(NAME + ":saved")
    try:
        client.images.load(saved)
    finally:
        client.images.get("fedora")
    client.images.remove(NAME + ":saved")


def tag():
    assert client.images.get("fedora").tag(NAME, tag="a")
    client.images.remove(NAME + ":a")


def pull():
    client.images.pull(REGISTRY + "/word", tag="1")
    client.images.remove(REGISTRY + "/word:1")


def push():
    name = f"{REGISTRY}/{NAME}"
    assert client.images.get("fedora").tag(name, tag="1")
    try:
        said = client.images.push(name, tag="1", stream=True, decode=True)
        errors = [line["error"] for line in said if "error" in line]
        assert not errors, errors
    finally:
        client.images.remove(name + ":1")


def volumes():
    volume = client.volumes.create(NAME, labels={"a": "b"})
    assert [found.name for found in client.volumes.list(filters={"name": NAME})] == [NAME]
    mount = docker.types.Mount("/v", NAME)
    client.containers.run("fedora", ["sh", "-c", "echo x >/v/f"], mounts=[mount], remove=True, **QUIET)
    volume.remove()


def networks():
    network = client.networks.create(NAME, driver="bridge", labels={"a": "b"})
    container = client.containers.create("fedora", ["sleep", "100"], name=NAME + "-net", init=True)
    container.start()
    network.connect(container, aliases=["other"])
    network.reload()
    assert [attached.id for attached in network.containers] == [container.id]
    network.disconnect(container)
    container.remove(force=True)
    network.remove()


def subnet():
    pool = docker.types.IPAMPool(subnet="10.214.0.0/24")
    ipam = docker.types.IPAMConfig(pool_configs=[pool])
    client.networks.create(NAME + "-subnet", driver="bridge", ipam=ipam, internal=True).remove()


def prune():
    client.containers.create("fedora", ["true"], labels={NAME: "x"}, **QUIET)
    filters = {"label": NAME}
    assert len(client.containers.prune(filters=filters)["ContainersDeleted"]) == 1
    client.volumes.prune(filters=filters)
    client.networks.prune(filters=filters)
    client.images.prune(filters=filters)


def made(name, **options):
    client.containers.create("fedora", ["true"], name=f"{NAME}-{name}", **options).remove()


print("version", docker.__version__)
attempt("ping, version, info, df", info)
attempt("containers.run", run)
attempt("life of a container", life)
attempt("list and inspect", inspect)
attempt("create again from inspect", again)
attempt("logs", logs)
attempt("attach_socket", attach)
attempt("exec_run", execute)
attempt("put_archive, get_archive", copy)
attempt("top and stats", top)
attempt("diff", diff)
attempt("events", events)
attempt("export", export)
attempt("commit", commit)
attempt("images.build from an archive", build)
attempt("images.build from a directory, gzip", build_directory)
attempt("tag and remove an image", tag)
attempt("save and load", save)
attempt("pull", pull)
attempt("push", push)
attempt("volumes", volumes)
attempt("networks", networks)
attempt("network with a subnet", subnet)
attempt("prune", prune)
attempt("bind mount", lambda: made("bind", volumes={os.getcwd(): {"bind": "/here"}}))
attempt("privileged container", lambda: made("privileged", privileged=True))
attempt("network of the host", lambda: made("host", network_mode="host"))
