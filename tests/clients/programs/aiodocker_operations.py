"""What programs do with aiodocker. usage: aiodocker_operations.py NAME REGISTRY"""

import asyncio
import io
import os
import tarfile
from importlib.metadata import version

import aiodocker

from attempt import NAME, REGISTRY, archive, attempt

QUIET = {"NetworkMode": "none", "Init": True}


async def make(client, name, command, **config):
    body = {"Image": "fedora", "Cmd": command, "HostConfig": QUIET, **config}
    return await client.containers.create(body, name=f"{NAME}-{name}")


async def info(client):
    assert (await client.version())["ApiVersion"] and (await client.system.info())["ID"]


async def run(client):
    container = await client.containers.run(
        {"Image": "fedora", "Cmd": ["echo", "out"], "HostConfig": QUIET}, name=NAME + "-run"
    )
    await container.wait()
    assert await container.log(stdout=True) == ["out\n"]
    await container.delete()


async def life(client):
    container = await make(client, "life", ["sleep", "100"])
    await container.start()
    await container.pause()
    await container.unpause()
    await container.rename(NAME + "-renamed")
    await container.restart(timeout=1)
    await container.stop(timeout=1)
    await container.start()
    await container.kill()
    assert (await container.wait())["StatusCode"] == 137
    await container.delete(force=True, v=True)


async def inspect(client):
    container = await make(client, "list", ["true"], Labels={NAME: "x"})
    found = await client.containers.list(all=True, filters={"label": [NAME]})
    assert [one.id for one in found] == [container.id]
    assert (await container.show())["Id"] == container.id
    assert await client.images.history("fedora")
    await container.delete()


async def attach(client):
    container = await make(client, "attach", ["cat"], OpenStdin=True, AttachStdin=True, StdinOnce=True)
    async with container.attach(stdin=True, stdout=True, stderr=True) as stream:
        await container.start()
        await stream.write_in(b"typed")
        assert (await stream.read_out()).data == b"typed"
    await container.delete(force=True)


async def execute(client):
    container = await make(client, "exec", ["sleep", "100"])
    await container.start()
    execution = await container.exec(["echo", "out"], stdout=True, stderr=True)
    async with execution.start(detach=False) as stream:
        assert (await stream.read_out()).data == b"out\n"
    while (state := await execution.inspect())["Running"]:
        await asyncio.sleep(0.1)
    assert state["ExitCode"] == 0
    await container.delete(force=True)


async def copy(client):
    container = await make(client, "copy", ["true"])
    await container.put_archive("/tmp", archive(file=b"x"))
    tar = await container.get_archive("/tmp/file")
    assert tar.extractfile("file").read() == b"x"
    await container.delete()


async def top(client):
    container = await make(client, "top", ["sleep", "100"])
    await container.start()
    assert (await client._query_json(f"containers/{container.id}/top"))["Processes"]
    assert await container.stats(stream=False)
    await container.delete(force=True)


async def events(client):
    seen = client.events.subscribe()
    container = await make(client, "events", ["true"])
    while (await asyncio.wait_for(seen.get(), 10))["Actor"]["ID"] != container.id:
        pass
    await container.delete()


async def commit(client):
    container = await make(client, "commit", ["true"])
    try:
        await container.commit(repository=NAME, tag="commit")
        await client.images.delete(NAME + ":commit")
    finally:
        await container.delete()


async def build(client, encoding):
    content = archive(Dockerfile=f"FROM fedora\nLABEL name={NAME}\nRUN echo x >/made\n".encode())
    if encoding == "gzip":
        import gzip

        content = gzip.compress(content)
    tag = NAME + ":built"
    await client.images.build(
        fileobj=io.BytesIO(content), encoding=encoding, tag=tag, rm=True, buildargs={"A": "b"}
    )
    await client.images.delete(tag)


async def tag(client):
    await client.images.tag("fedora", NAME, tag="a")
    await client.images.delete(NAME + ":a")


async def save(client):
    await client.images.tag("fedora", NAME, tag="saved")
    async with client.images.export_image(NAME + ":saved") as stream:
        saved = b"".join([chunk async for chunk in stream.iter_chunked(65536)])
    await client.images.delete(NAME + ":saved")
    async for _ in client.images.import_image(io.BytesIO(saved), stream=True):
        pass
    await client.images.delete(NAME + ":saved")


async def pull(client):
    await client.images.pull(REGISTRY + "/word:1")
    await client.images.delete(REGISTRY + "/word:1")


async def push(client):
    name = f"{REGISTRY}/{NAME}"
    await client.images.tag("fedora", name, tag="1")
    try:
        said = await client.images.push(name, tag="1")
        errors = [line["error"] for line in said if "error" in line]
        assert not errors, errors
    finally:
        await client.images.delete(name + ":1")


async def volumes(client):
    volume = await client.volumes.create({"Name": NAME, "Labels": {"a": "b"}})
    assert (await volume.show())["Name"] == NAME
    await client.volumes.list(filters={"name": [NAME]})
    await volume.delete()


async def networks(client):
    network = await client.networks.create({"Name": NAME})
    container = await make(client, "net", ["true"], HostConfig={})
    await network.connect({"Container": container.id})
    await network.disconnect({"Container": container.id})
    await container.delete()
    await network.delete()


async def bind(client):
    await (await make(client, "bind", ["true"], HostConfig={"Binds": [os.getcwd() + ":/here"]})).delete()


def with_client(function, *arguments):
    async def inside():
        async with aiodocker.Docker() as client:
            await asyncio.wait_for(function(client, *arguments), 120)

    asyncio.run(inside())


print("version", version("aiodocker"))
for operation, function, *arguments in [
    ("version and info", info),
    ("containers.run, log", run),
    ("life of a container", life),
    ("list and inspect", inspect),
    ("attach", attach),
    ("exec", execute),
    ("put_archive, get_archive", copy),
    ("top and stats", top),
    ("events", events),
    ("commit", commit),
    ("build", build, "identity"),
    ("build, gzip", build, "gzip"),
    ("tag and remove an image", tag),
    ("export and import", save),
    ("pull", pull),
    ("push", push),
    ("volumes", volumes),
    ("networks", networks),
    ("bind mount", bind),
]:
    attempt(operation, with_client, function, *arguments)
