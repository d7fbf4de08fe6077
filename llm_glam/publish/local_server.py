"""Run Datasette on a database, in a separate process."""

import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from .. import child_process
from ..errors import GlamError

STARTS_WITHIN_SECONDS = 60
SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True)
class Site:
    """A database to serve, the address to serve it on, and a metadata file for Datasette."""

    database: Path
    host: str = "127.0.0.1"
    port: int = 8001
    metadata: Path | None = None

    def arguments(self) -> list[str]:
        """Return the arguments for ``datasette``.

        Downloads are off: Datasette lets everybody download a whole database that is served with
        ``-i``, whatever tables are closed. Datasette 1.0 ignores canned queries and permissions in
        the metadata, so it is given the same file as its configuration too.
        """
        arguments = [str(self.database), "--host", self.host, "--port", str(self.port)]
        arguments += ["--setting", "allow_download", "off"]
        if self.metadata:
            arguments += ["--metadata", str(self.metadata)]
            if not version("datasette").startswith("0."):
                arguments += ["--config", str(self.metadata)]
        return arguments

    def command_line(self) -> str:
        """Return the equivalent ``datasette`` command."""
        return shlex.join(["datasette", *self.arguments()])

    def address(self, collection: str | None) -> str:
        """Return the URL of a collection's gallery, or of the list of collections."""
        path = f"/{tilde_encoded(self.database.stem)}/-/glam"
        if collection:
            path += f"/{tilde_encoded(collection)}"
        return f"http://{self.host}:{self.port}{path}"


def tilde_encoded(text: str) -> str:
    """Encode a name for a URL as Datasette does: most bytes as ``~`` and two hex digits."""
    encoded = {
        byte: chr(byte) if chr(byte) in SAFE else f"~{byte:02X}" for byte in range(256)
    }
    encoded[ord(" ")] = "+"
    return "".join(encoded[byte] for byte in text.encode())


def run(site: Site, ready: Callable[[], None]) -> int:
    """Run Datasette until it exits or is interrupted.

    :param ready: called once, from another thread, when the site responds
    :return: Datasette's exit status, 0 if it was interrupted or terminated
    :raises GlamError: the port is not free
    """
    _check_port(site)
    # The server's log is for people to read, so it goes to stderr as all progress does.
    process = subprocess.Popen(
        [*child_process.python_module("datasette"), *site.arguments()],
        stdout=sys.__stderr__,
        env=child_process.environment(),
    )
    waiting = threading.Thread(
        target=_when_ready, args=(site, process, ready), daemon=True
    )
    waiting.start()
    ended: list[int] = []

    def end(number: int, frame: object) -> None:
        ended.append(number)
        process.terminate()

    before = signal.signal(signal.SIGTERM, end)
    try:
        status = process.wait()
        return 0 if ended else status
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_port(site: Site) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((site.host, site.port))
        except OSError as error:
            raise GlamError(
                f"The site cannot be served on {site.host}:{site.port} ({error.strerror}). Choose "
                "another port with -p."
            ) from error


def _when_ready(
    site: Site, process: subprocess.Popen[bytes], ready: Callable[[], None]
) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            address = f"http://{site.host}:{site.port}/-/versions.json"
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.1)
            continue
        ready()
        return
