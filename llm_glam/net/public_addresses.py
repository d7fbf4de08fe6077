"""Connect to public servers only, not to those that only this computer can reach."""

import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from ssl import SSLContext
from threading import Thread
from typing import Any

from httpcore import (
    SOCKET_OPTION,
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    SyncBackend,
)

from ..errors import BadAddress

WORLD = IPv6Network("2000::/3")  # all that IPv6 has given out for public servers
NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 as networks without IPv4 write it


def is_public(address: str) -> bool:
    """Return whether a numeric address is public: the same server from anywhere in the world.

    IPv4 addresses written as IPv6 are judged by the IPv4 address.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    inner = _ipv4_within(ip) if isinstance(ip, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    in_world = isinstance(ip, IPv4Address) or ip in WORLD
    return in_world and ip.is_global and not ip.is_multicast


class Connections(NetworkBackend):
    """Open connections for httpcore to checked addresses, until a deadline.

    A name is resolved once, and the connection goes to the very addresses that were checked, so a
    name server cannot give another answer the second time (DNS rebinding).

    :param private: whether connections to addresses that are not public are allowed
    :param until: the deadline for everything, on the clock of ``time.monotonic()``
    """

    def __init__(self, private: bool, until: float) -> None:
        self._private = private
        self._until = until
        self._real = SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first of the host's addresses that answers.

        :raises BadAddress: the host is unknown, or one of its addresses is private
        """
        addresses = _resolved(host, port, _left(self._until))
        # One private address among public ones is no accident to be passed over.
        if not self._private and not all(is_public(one) for one in addresses):
            raise BadAddress(
                "is on a private network. Add --allow-private if you trust it, or save the "
                "picture and give its path, such as ./found.jpg."
            )
        failed: Exception = ConnectError("there is no address")
        for address in addresses:
            left = _left(self._until, timeout)
            try:
                stream = self._real.connect_tcp(address, port, left)
                return Stream(stream, self._until)
            except (ConnectError, ConnectTimeout) as error:
                failed = error
        raise failed


class Stream(NetworkStream):
    """A connection whose every step is limited to the time left until the deadline."""

    def __init__(self, stream: NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has arrived, at most ``max_bytes``."""
        return self._stream.read(max_bytes, _left(self._until, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send everything."""
        self._stream.write(buffer, _left(self._until, timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        """Return the same connection, encrypted."""
        left = _left(self._until, timeout)
        return Stream(
            self._stream.start_tls(ssl_context, server_hostname, left), self._until
        )

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks about the connection."""
        return self._stream.get_extra_info(info)


def _ipv4_within(ip: IPv6Address) -> IPv4Address | None:
    if ip in NAT64:
        return IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip.sixtofour


def _resolved(host: str, port: int, seconds: float) -> list[str]:
    """Return a host's numeric addresses, each once.

    The system's resolver has no timeout, so it runs in its own thread.
    """
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result(list(dict.fromkeys(str(one[4][0]) for one in found)))
        except Exception as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(seconds)
    except (socket.gaierror, ValueError) as error:
        raise BadAddress(
            "names a server that cannot be found. Check the spelling, and whether this computer "
            "is online."
        ) from error


def _left(until: float, timeout: float | None = None) -> float:
    """Return how many seconds a step may take.

    :raises TimeoutError: there is no time left
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left if timeout is None else min(left, timeout)
