"""Headers that say what browsers and other sites may do with a response."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from datasette.utils import StartupError, add_cors_headers
from datasette.utils.asgi import Request, Response

from ..access import instance, settings

# Browsers take files for what they are said to be.
NOSNIFF = {"x-content-type-options": "nosniff"}
DATA = {**NOSNIFF, "content-security-policy": "default-src 'none'"}
# A name such as images.museum.example, also with a port or for all names below it: *.museum.example
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
EXECUTED = ("", "module", "text/javascript", "application/javascript")


def picture_hosts(datasette: Any) -> list[str]:
    """Return the hosts of other sites whose pictures pages may show: the setting ``picture_hosts``.

    :raises StartupError: it is not a list of hosts
    """
    config = settings.config_of(datasette)
    hosts = config.get("picture_hosts") or []
    hosts = [hosts] if isinstance(hosts, str) else hosts
    if not isinstance(hosts, list):
        raise StartupError(_not_a_host(hosts))
    for host in hosts:
        if not isinstance(host, str) or not HOST.fullmatch(host.lower()):
            raise StartupError(_not_a_host(host))
    return [host.lower() for host in hosts]


def _not_a_host(value: object) -> str:
    return (
        f"picture_hosts in the settings of datasette-glam has {value!r}, which is not the name of "
        "a host. List names only, such as images.museum.example, without https:// and path."
    )


def is_on_picture_host(datasette: Any, url: object) -> bool:
    """Return whether pages may show the picture at an address of another site."""
    try:
        parts = urlsplit(str(url or ""))
        port = parts.port
    except ValueError:  # such as a port of letters
        return False
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        return False
    own = parts.hostname + (f":{port}" if port else "")
    return any(
        own == host or (host.startswith("*.") and own.endswith(host[1:]))
        for host in picture_hosts(datasette)
    )


async def of_page(datasette: Any, database: str | None = None) -> dict[str, str]:
    """Return the headers of a page in HTML.

    Scripts must be files of this site. What else Datasette's base template contains, of Datasette
    or of the owner and their plugins, is allowed too, by the hash of its text or by its host.
    """
    known = instance.only(datasette, _no_policies)
    if database not in datasette.databases:
        database = None
    if database not in known:
        known[database] = await _policy(datasette, database)
    return {**NOSNIFF, "content-security-policy": known[database]}


def _no_policies() -> dict[str | None, str]:
    """Return the policies by database of a Datasette instance that has none yet."""
    return {}


async def _policy(datasette: Any, database: str | None) -> str:
    """Return the policy for pages about a database.

    The page that is examined contains nothing from a record or a request, so that no script that
    somebody else has written can be in it.
    """
    context = {"database": database} if database else {}
    bare = await datasette.render_template("_glam_bare.html", context)
    parts = _Loaded()
    parts.feed(bare)
    scripts, styles = sorted(parts.script_hosts), sorted(parts.style_hosts)
    pictures = picture_hosts(datasette)
    return "; ".join(
        " ".join(words)
        for words in (
            ("default-src", "'self'", *sorted({*scripts, *styles})),
            ("script-src", "'self'", *scripts, *sorted(parts.hashes)),
            ("style-src", "'self'", "'unsafe-inline'", *styles),
            ("img-src", "'self'", "data:", *pictures),
            ("object-src", "'none'"),
            ("base-uri", "'self'"),
            ("form-action", "'self'"),
        )
    )


class _Loaded(HTMLParser):
    """The scripts in a page, as hashes, and the hosts of the scripts and styles it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.hashes: set[str] = set()
        self.script_hosts: set[str] = set()
        self.style_hosts: set[str] = set()
        self._script: list[str] | None = None

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        """Note a script or a stylesheet."""
        found = dict(attributes)
        if tag == "link" and "stylesheet" in (found.get("rel") or "").lower():
            self.style_hosts |= _origin(found.get("href"))
        elif tag == "script" and found.get("src"):
            self.script_hosts |= _origin(found["src"])
        elif tag == "script" and (found.get("type") or "").lower() in EXECUTED:
            self._script = []

    def handle_data(self, data: str) -> None:
        """Collect the text of a script."""
        if self._script is not None:
            self._script.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Note the hash of a script's text, whose line ends browsers normalise."""
        if tag == "script" and self._script is not None:
            text = "".join(self._script).replace("\r\n", "\n").replace("\r", "\n")
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.hashes.add(f"'sha256-{digest}'")
            self._script = None


def _origin(url: str | None) -> set[str]:
    """Return the host of an address on another site, with its scheme where it has one."""
    parts = urlsplit(url or "")
    if not parts.netloc or re.search(r"[\s;,'\"]", parts.netloc):
        return set()
    return {f"{parts.scheme}://{parts.netloc}" if parts.scheme else parts.netloc}


def complete(datasette: Any, request: Request, response: Response) -> Response:
    """Add to a response the headers that all of ours have, and those of Datasette's ``--cors``."""
    given = {name.lower() for name in response.headers}
    for name, value in DATA.items():
        if name not in given:
            response.headers[name] = value
    if datasette.cors and request.path.endswith((".json", ".csv")):
        add_cors_headers(response.headers)
    return response
