"""Tell at which addresses others reach a server on this computer."""

import ipaddress
import socket

LOOPBACK = "127.0.0.1"
SOMEWHERE = ("192.0.2.1", 9)  # an address for examples; no packet is sent to it


def is_loopback(host: str) -> bool:
    """Return whether only this computer reaches a server that listens on a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_any(host: str) -> bool:
    """Return whether a host stands for all addresses of this computer."""
    return host in ("0.0.0.0", "::", "")


def hosts_for_others(host: str) -> list[str]:
    """Return the names and addresses by which others reach a server that listens on a host."""
    if not is_any(host):
        return [host]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
            address = [probe.getsockname()[0]]
        except OSError:  # there is no network
            address = []
    return [*address, socket.gethostname()]


def in_url(host: str) -> str:
    """Return a host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host
