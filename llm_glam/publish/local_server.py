"""Run Datasette on a database, in a separate process."""

import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from .. import child_process
from ..errors import GlamError
from . import network

STARTS_WITHIN_SECONDS = 60
# Settings of the plugin, unless the metadata file has others.
DEFAULTS = {"image_folders": True}
SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True)
class Site:
    """A database to serve, the address to serve it on, and a metadata file for Datasette.

    ``settings`` are those of the plugin, beside those in the metadata file.
    """

    database: Path
    host: str = "127.0.0.1"
    port: int = 8001
    metadata: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self, *, configuration: str) -> list[str]:
        """Return the arguments for ``datasette``.

        Downloads are off: Datasette lets everybody download a whole database that is served with
        ``-i``, whatever tables are closed. Datasette 1.0 ignores canned queries and permissions in
        the metadata, so it is given the same file as its configuration too. Settings of plugins in
        the metadata come before those in the configuration.

        :param configuration: the metadata file with the settings of the plugin; ``-`` is
            standard input
        """
        arguments = [str(self.database), "--host", self.host, "--port", str(self.port)]
        arguments += ["--setting", "allow_download", "off"]
        arguments += ["--metadata", configuration]
        if self.metadata and not version("datasette").startswith("0."):
            arguments += ["--config", str(self.metadata)]
        return arguments

    def command_line(self) -> str:
        """Return the equivalent ``datasette`` command, and what belongs into its configuration."""
        name = str(self.metadata or "metadata.yml")
        command = shlex.join(["datasette", *self.arguments(configuration=name)])
        needed = _plugin({**DEFAULTS, **self.settings})
        return f"{command}\nwith, in {name}:\n{_as_yaml(needed)}"

    def configuration(self) -> str:
        """Return the metadata file with the settings of the plugin.

        :raises GlamError: the file is not one of Datasette's
        """
        own = _merged(_plugin(DEFAULTS), _read(self.metadata))
        return _as_yaml(_merged(own, _plugin(self.settings)))

    def address(self, collection: str | None, host: str | None = None) -> str:
        """Return the URL of a collection's gallery, or of the list of collections.

        :param host: the computer's name for somebody else; left out, as on this computer
        """
        path = f"/{tilde_encoded(self.database.stem)}/-/glam"
        if collection:
            path += f"/{tilde_encoded(collection)}"
        return f"http://{network.in_url(host or self.own_host)}:{self.port}{path}"

    @property
    def own_host(self) -> str:
        """The host by which this computer reaches the site."""
        return network.LOOPBACK if network.is_any(self.host) else self.host


def _plugin(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"plugins": {"datasette-glam": dict(settings)}}


def _read(metadata: Path | None) -> dict[str, Any]:
    if metadata is None:
        return {}
    try:
        found: Any = yaml.safe_load(metadata.read_text("utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GlamError(
            f"{metadata} is neither YAML nor JSON ({str(error).splitlines()[0]}). Correct it, or "
            "leave --metadata out."
        ) from error
    if not isinstance(found, dict):
        raise GlamError(
            f"{metadata} has no settings by name, as Datasette's metadata has. Correct it, or leave "
            "--metadata out."
        )
    return dict(found)


def _merged(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, with what is in the other where both say something."""
    merged = dict(one)
    for key, value in other.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = _merged(before, value)
        merged[key] = value
    return merged


def _as_yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True).rstrip()


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
    :raises GlamError: the port is not free, or the metadata file cannot be read
    """
    configuration = site.configuration()
    _check_port(site)
    arguments = site.arguments(configuration="-")
    # The server's log is for people to read, so it goes to stderr as all progress does.
    process = subprocess.Popen(
        [*child_process.python_module("datasette"), *arguments],
        stdin=subprocess.PIPE,
        stdout=sys.__stderr__,
        env=child_process.environment(),
    )
    if process.stdin:
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(configuration.encode())
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
    family = socket.AF_INET6 if ":" in site.host else socket.AF_INET
    with socket.socket(family) as probe:
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
            host = network.in_url(site.own_host)
            address = f"http://{host}:{site.port}/-/versions.json"
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.1)
            continue
        ready()
        return
