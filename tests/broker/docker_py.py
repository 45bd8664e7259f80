"""What programs do with docker's own Python library, checked as it goes.

Run as `docker_py.py NAME`; all that it makes carries the name and is removed at the end.
"""

import hashlib
import io
import os
import struct
import sys
import tarfile
import threading
import time

import docker

NAME = sys.argv[1]
IMAGE = "fedora"
QUIET = {"network_mode": "none", "init": True}


def archive(**files):
    """A tar with these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def received(sock):
    """All that a raw stream brings until its end."""
    sock = getattr(sock, "_sock", sock)
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def frames(stream):
    """The frames of a multiplexed stream, as their stream's number and content."""
    while stream:
        number, length = struct.unpack(">BxxxL", stream[:8])
        yield number, stream[8 : 8 + length]
        stream = stream[8 + length :]


def system(client):
    assert client.ping()
    assert client.version()["ApiVersion"]
    assert client.info()["ID"] == client.api.info()["ID"]
    assert client.df()["LayersSize"] > 0
    assert client.api.get("http+docker://localhost/_ping").text == "OK"


def containers(client):
    out = client.containers.run(IMAGE, ["sh", "-c", "echo out; echo err >&2"], remove=True, stderr=True)
    assert sorted(out.split()) == [b"err", b"out"], out
    try:
        client.containers.run(IMAGE, ["sh", "-c", "exit 3"], remove=True, **QUIET)
        raise AssertionError("exit 3 is an error")
    except docker.errors.ContainerError as error:
        assert error.exit_status == 3

    container = client.containers.create(
        IMAGE,
        ["sleep", "100"],
        name=NAME + "-py",
        labels={NAME: "x"},
        environment={"A": "b"},
        mem_limit="100m",
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=100)],
        **QUIET,
    )
    container.start()
    container.reload()
    assert container.status == "running"
    assert [c.id for c in client.containers.list(filters={"label": NAME})] == [container.id]
    assert "sleep 100" in str(container.top())
    assert container.stats(stream=False)["id"] == container.id
    assert next(container.stats(decode=True))["id"] == container.id
    execs(client, container)
    archives(container)
    container.pause()
    container.unpause()
    container.rename(NAME + "-renamed")
    container.update(mem_limit="120m", memswap_limit="120m")
    assert container.diff()
    container.restart(timeout=0)
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] in (137, 143)
    container.start()
    container.kill("TERM")
    assert container.wait(condition="not-running")["StatusCode"] == 143
    image = container.commit(repository=NAME, tag="py", changes="ENV X=y")
    assert "X=y" in image.attrs["Config"]["Env"]
    client.images.remove(image.id)
    assert tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))).getmember("bin/busybox")
    container.remove(v=True, force=True)
    try:
        client.containers.get(NAME + "-renamed")
        raise AssertionError("it is removed")
    except docker.errors.NotFound as error:
        assert "No such container" in error.explanation


def execs(client, container):
    result = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 5"], demux=True)
    assert result.exit_code == 5 and result.output == (b"out\n", b"err\n"), result
    result = container.exec_run("env", environment={"C": "d"}, user="5", workdir="/tmp")
    assert b"C=d" in result.output
    stream = container.exec_run(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"], stream=True)
    assert b"".join(stream.output) == b"1\n2\n3\n"
    sent = os.urandom(500_000)
    sock = container.exec_run(["busybox", "head", "-c", str(len(sent))], stdin=True, socket=True).output
    writer = threading.Thread(target=sock._sock.sendall, args=(sent,))
    writer.start()
    back = b"".join(content for number, content in frames(received(sock)) if number == 1)
    writer.join()
    assert back == sent
    assert container.exec_run("true", detach=True).output is not None
    low = client.api.exec_create(container.id, "busybox stty size", tty=True, stdin=True)
    sock = client.api.exec_start(low["Id"], tty=True, socket=True)
    assert received(sock)
    assert client.api.exec_inspect(low["Id"])["ExitCode"] == 0


def archives(container):
    content = os.urandom(3_000_000)
    assert container.put_archive("/tmp", archive(file=content))
    stream, stat = container.get_archive("/tmp/file", chunk_size=100_000)
    assert stat["size"] == len(content)
    tar = tarfile.open(fileobj=io.BytesIO(b"".join(stream)))
    assert tar.extractfile("file").read() == content


def streams(client):
    line = "echo one; sleep 0.2; echo two >&2; sleep 1; echo three"
    container = client.containers.run(IMAGE, ["sh", "-c", line], name=NAME + "-logs", detach=True, **QUIET)
    assert b"".join(container.logs(stream=True, follow=True)) == b"one\ntwo\nthree\n"
    assert container.logs(stderr=False, tail=1, since=int(time.time()) - 100) == b"three\n"
    assert container.logs(timestamps=True).count(b"Z ") == 3
    container.remove()

    container = client.containers.create(
        IMAGE, ["sh", "-c", "busybox md5sum; sleep 1; echo last"], name=NAME + "-attach", stdin_open=True, **QUIET
    )
    sock = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    sent = os.urandom(2_000_000)
    sock._sock.sendall(sent)
    sock._sock.shutdown(1)
    back = b"".join(content for _, content in frames(received(sock)))
    assert back == hashlib.md5(sent).hexdigest().encode() + b"  -\nlast\n", back
    container.remove(force=True)

    container = client.containers.create(IMAGE, ["sh", "-c", "echo a; echo b"], name=NAME + "-read", **QUIET)
    stream = container.attach(stream=True, logs=True)
    container.start()
    assert b"".join(stream) == b"a\nb\n"
    container.remove(force=True)


def images(client):
    image = client.images.get(IMAGE)
    assert image.tag(NAME, tag="tagged")
    assert NAME + ":tagged" in [tag for image in client.images.list(name=NAME) for tag in image.tags]
    assert image.history()
    saved = b"".join(client.images.get(NAME + ":tagged").save(named=NAME + ":tagged"))
    client.images.remove(NAME + ":tagged")
    assert [loaded.id for loaded in client.images.load(saved)] == [image.id]
    client.images.remove(NAME + ":tagged")

    dockerfile = b"FROM scratch\nARG WHAT\nCOPY file /file\nLABEL a=$WHAT\n"
    built, log = client.images.build(
        fileobj=io.BytesIO(archive(Dockerfile=dockerfile, file=os.urandom(100_000))),
        custom_context=True,
        tag=NAME + ":built",
        buildargs={"WHAT": "b"},
        labels={NAME: "x"},
        rm=True,
        network_mode="none",
    )
    assert built.labels["a"] == "b" and any("Successfully" in line.get("stream", "") for line in log)
    client.images.remove(built.id, force=True)
    try:
        client.images.pull("localhost:1/" + NAME)
        raise AssertionError("there is no such registry")
    except docker.errors.APIError:
        pass
    assert client.images.prune(filters={"label": NAME})["SpaceReclaimed"] == 0


def objects(client):
    volume = client.volumes.create(NAME, labels={"a": "b"})
    assert client.volumes.get(NAME).attrs["Labels"] == {"a": "b"}
    assert [found.name for found in client.volumes.list(filters={"name": NAME})] == [NAME]
    mount = docker.types.Mount("/v", NAME)
    client.containers.run(IMAGE, ["sh", "-c", "echo x >/v/f"], mounts=[mount], remove=True, **QUIET)
    read = client.containers.run(IMAGE, ["cat", "/v/f"], volumes={NAME: {"bind": "/v", "mode": "ro"}}, remove=True)
    assert read == b"x\n"
    volume.remove()

    pool = docker.types.IPAMPool(subnet="10.214.0.0/24")
    ipam = docker.types.IPAMConfig(pool_configs=[pool])
    network = client.networks.create(NAME, driver="bridge", ipam=ipam, internal=True, labels={"a": "b"})
    container = client.containers.run(IMAGE, ["sleep", "100"], name=NAME + "-net", detach=True, init=True)
    network.connect(container, aliases=["other"], ipv4_address="10.214.0.7")
    network.reload()
    assert [attached.id for attached in network.containers] == [container.id]
    network.disconnect(container)
    container.remove(force=True)
    network.remove()
    assert client.networks.list(names=["host"])


def events(client):
    stream = client.events(decode=True, filters={"container": NAME + "-event"})
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(event["Action"] for event in stream))
    reader.start()
    time.sleep(0.5)
    client.containers.run(IMAGE, "true", name=NAME + "-event", remove=True, **QUIET)
    time.sleep(0.5)
    stream.close()
    reader.join(10)
    assert not reader.is_alive() and "start" in seen and "die" in seen, seen


def many(client):
    """Parallel calls out of one pool of connections."""
    containers = []

    def run(number):
        out = client.containers.run(
            IMAGE, ["echo", str(number)], name=f"{NAME}-many{number}", remove=True, **QUIET
        )
        containers.append(int(out))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(containers) == list(range(8)), containers


client = docker.from_env()
for part in (system, containers, streams, images, objects, events, many):
    part(client)
    print(part.__name__, flush=True)
client.close()
