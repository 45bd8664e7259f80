"""Runs the operations of a client one after the other, and prints how each ended."""

import sys
import tarfile
import io

NAME, REGISTRY = sys.argv[1:3]


def attempt(operation, function, *arguments):
    try:
        function(*arguments)
        print(f"ok {operation}", flush=True)
    except BaseException as error:
        said = str(error) or repr(error)
        print(f"failed {operation}: {' '.join(said.split())}", flush=True)


def archive(**files):
    """A tar with these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()
