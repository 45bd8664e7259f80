"""What tests do with testcontainers for Python. usage: testcontainers_operations.py NAME REGISTRY"""

import os
from importlib.metadata import version

os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"

from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage
from testcontainers.core.network import Network
from testcontainers.core.waiting_utils import wait_for_logs

from attempt import NAME, attempt


def container(name, command):
    return DockerContainer("fedora").with_command(command).with_name(f"{NAME}-{name}").with_kwargs(init=True)


def generic():
    with container("generic", ["sh", "-c", "echo started; sleep 100"]) as running:
        wait_for_logs(running, "started", timeout=10)
        assert b"started" in running.get_logs()[0]


def port():
    with container("port", ["busybox", "httpd", "-f", "-h", "/etc"]).with_exposed_ports(80) as running:
        assert int(running.get_exposed_port(80)) > 0


def execute():
    with container("exec", ["sleep", "100"]).with_env("A", "b") as running:
        result = running.exec(["sh", "-c", "echo $A"])
        assert (result.exit_code, result.output) == (0, b"b\n"), result


def network():
    with Network() as network:
        first = container("net1", ["sleep", "100"]).with_network(network).with_network_aliases("other")
        second = container("net2", ["sleep", "100"]).with_network(network)
        with first, second:
            result = second.exec(["busybox", "ping", "-c", "1", "-w", "5", "other"])
            assert result.exit_code == 0, result


def build():
    os.makedirs("context", exist_ok=True)
    with open("context/Dockerfile", "w") as file:
        file.write(f"FROM fedora\nLABEL name={NAME}\nRUN echo x >/made\n")
    with DockerImage(path="context", tag=NAME + ":built") as image:
        assert image.get_wrapped_image().id


def volume():
    mounted = container("bind", ["sleep", "100"]).with_volume_mapping(os.getcwd(), "/here", "ro")
    with mounted:
        pass


print("version", version("testcontainers"))
attempt("a container and its log", generic)
attempt("exposed port", port)
attempt("exec", execute)
attempt("network with aliases", network)
attempt("image from a Dockerfile", build)
attempt("bind mount", volume)
