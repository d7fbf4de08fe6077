"""Fetch a picture from a URL within limits, checking the address again at every redirect."""

import re
import ssl
import string
import time
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from ..errors import BadAddress
from .public_addresses import Connections

SECONDS = 10  # for a connection, and for each piece of the answer
TOTAL_SECONDS = 60
MAX_BYTES = 50_000_000
MAX_REDIRECTS = 5
LONGEST = 8_000  # characters of an address
LONGEST_SHOWN = 200
FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError)
REDIRECTS = {301, 302, 303, 307, 308}
CREDENTIALS = re.compile(r"//[^/?#]*@")
SAVE = "Save the picture with a browser and give its path, such as ./found.jpg."


def fetch(url: str, *, private: bool = False) -> bytes:
    """Return the bytes at an http or https URL, whether they are a picture or not.

    Proxies set in the environment are not used.

    :param private: whether it may be on this computer or a private network
    :raises BadAddress: it cannot be fetched, or not within the limits
    """
    until = time.monotonic() + TOTAL_SECONDS
    at, subject = url, shown(url)
    for _ in range(MAX_REDIRECTS + 1):
        found = _explained(at, subject, private, until)
        if isinstance(found, bytes):
            return found
        at, subject = found, f"{shown(url)} redirects to {shown(found)}, which"
    raise BadAddress(f"{shown(url)} redirects more than {MAX_REDIRECTS} times. {SAVE}")


def shown(url: str) -> str:
    """Return a URL for messages: shortened, and without a password."""
    text = CREDENTIALS.sub("//…@", url, count=1)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _explained(url: str, subject: str, private: bool, until: float) -> bytes | str:
    """Turn whatever goes wrong into one sentence that begins with ``subject``."""
    try:
        return _get(url, private, until)
    except BadAddress as error:
        raise BadAddress(f"{subject} {error.message}") from error
    except (httpcore.TimeoutException, TimeoutError) as error:
        slow = f"did not answer within {SECONDS:g} seconds"
        if time.monotonic() >= until:
            slow = f"took longer than {TOTAL_SECONDS:g} seconds"
        raise BadAddress(f"{subject} {slow}. {SAVE}") from error
    except FAILURES as error:
        why = _reason(error)
        raise BadAddress(f"{subject} cannot be fetched: {why}. {SAVE}") from error


def _get(url: str, private: bool, until: float) -> bytes | str:
    """Return the body of the response, or the URL it redirects to."""
    target, host = _parsed(url)
    headers: dict[str | bytes, str | bytes] = {
        "Host": host,
        "User-Agent": f"llm-glam/{version('llm-glam')}",
        "Accept": "image/*",
        "Accept-Encoding": "identity",  # what is sent is no larger than it looks
    }
    options = {"timeout": dict.fromkeys(("connect", "read", "write"), SECONDS)}
    with (
        httpcore.ConnectionPool(network_backend=Connections(private, until)) as pool,
        pool.stream("GET", target, headers=headers, extensions=options) as response,
    ):
        location = _header(response, b"location")
        if response.status in REDIRECTS and location:
            return urljoin(url, _ascii(location))
        return _body(response)


def _parsed(url: str) -> tuple[httpcore.URL, str]:
    """Return the target of the request, and the server's name for the Host header."""
    if len(url) > LONGEST:
        raise BadAddress(f"is longer than {LONGEST:,} characters. {SAVE}")
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname or ""
        host = name if ":" in name else name.encode("idna").decode("ascii")
    except ValueError as error:
        raise BadAddress("is not a valid address. Check the spelling.") from error
    if parts.scheme not in ("http", "https"):
        raise BadAddress(
            f"cannot be fetched: only http and https addresses can. {SAVE}"
        )
    if "@" in parts.netloc:
        raise BadAddress(
            f"contains a user name or a password, which are not sent. {SAVE}"
        )
    if not host:
        raise BadAddress("does not name a server. Check the spelling.")
    path = _ascii(parts.path or "/") + ("?" + _ascii(parts.query)) * bool(parts.query)
    shown = f"[{host}]" if ":" in host else host
    target = httpcore.URL(scheme=parts.scheme, host=host, port=port, target=path)
    return target, shown if port is None else f"{shown}:{port}"


def _body(response: httpcore.Response) -> bytes:
    if response.status != 200:
        known = {status.value: f" ({status.phrase})" for status in HTTPStatus}
        answer = f"{response.status}{known.get(response.status, '')}"
        raise BadAddress(f"returned {answer}. {SAVE}")
    if _header(response, b"content-encoding").lower() not in (b"", b"identity"):
        raise BadAddress(
            f"is sent compressed (Content-Encoding), which is not supported. {SAVE}"
        )
    too_large = BadAddress(f"is larger than {MAX_BYTES / 1e6:g} MB. {SAVE}")
    if int(_header(response, b"content-length") or 0) > MAX_BYTES:
        raise too_large
    body = bytearray()
    for piece in response.iter_stream():
        body += piece
        if len(body) > MAX_BYTES:
            raise too_large
    return bytes(body)


def _header(response: httpcore.Response, name: bytes) -> bytes:
    return next((v for k, v in response.headers if k.lower() == name), b"")


def _reason(error: Exception) -> str:
    # What httpcore raises carries what really happened.
    cause = next((arg for arg in error.args if isinstance(arg, Exception)), error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message.rstrip('.')})"
    if isinstance(cause, ssl.SSLError):
        return f"no secure connection can be made ({cause.reason or 'TLS'})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "the answer is not valid HTTP"


def _ascii(text: str | bytes) -> str:
    """Percent-encode what is not printable ASCII, and leave everything else as written."""
    return quote(text, safe=string.punctuation)
