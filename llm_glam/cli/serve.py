"""``llm glam serve``: browse collections in a web browser."""

import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..db import collections, connection
from ..publish import local_server, network, visible
from ..publish.local_server import Site
from . import options as shared
from .output import say_on_stderr


@click.command("serve")
@click.argument("collection", required=False)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65535),
    default=8001,
    show_default=True,
    help="Port to listen on",
)
@click.option(
    "--host",
    default=network.LOOPBACK,
    show_default=True,
    help="Address to listen on; 0.0.0.0 lets others in",
)
@click.option(
    "--public", is_flag=True, help="Show only what others would see with --host"
)
@click.option(
    "--open-data", is_flag=True, help="With --host: open tables and SQL to others, too"
)
@click.option(
    "--show-sensitive",
    is_flag=True,
    help="With --host: show sensitive pictures to those who ask",
)
@click.option(
    "-m",
    "--metadata",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Datasette metadata file: title, permissions, canned queries",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser")
@shared.database_option
def command(
    collection: str | None,
    database: Path,
    port: int,
    host: str,
    public: bool,
    open_data: bool,
    show_sensitive: bool,
    metadata: Path | None,
    no_browser: bool,
) -> None:
    """Browse COLLECTION, or every collection, in a web browser.

    Starts Datasette on this computer; press Ctrl-C to stop it. Also prints the equivalent
    datasette command, for use on a server. Pages of pictures show the originals where they still
    are in the folders that they were embedded from.

    Only this computer can reach the site, and sees everything but private columns. With --host,
    others can: they see the pages of COLLECTION, or of every collection, without sensitive
    pictures, and neither tables nor SQL. The command says what they see, and at which address.

    \b
    Examples:
        llm glam serve photos
        llm glam serve photos --public
        llm glam serve photos --host 0.0.0.0
        llm glam serve photos --metadata metadata.yml -p 8080
    """
    shared.check_exists(database)
    db = connection.connect(database, readonly=True)
    if collection:
        collections.get(db, collection)
    is_public = public or not network.is_loopback(host)
    if (open_data or show_sensitive) and not is_public:
        raise click.UsageError(
            "--open-data and --show-sensitive are for others: give --host or --public, too."
        )
    settings: dict[str, Any] = {}
    if is_public:
        chosen = {"open_data": open_data, "show_sensitive": show_sensitive}
        settings = _public(collection, chosen)
        for line in visible.sentences(visible.of(db, collection), **chosen):
            say_on_stderr(line)
    site = Site(database, host, port, metadata, settings)
    say_on_stderr(f"Equivalent command: {site.command_line()}")

    def ready() -> None:
        for address in _addresses(site, collection):
            click.echo(address)
        if not no_browser:
            webbrowser.open(site.address(collection))

    raise SystemExit(local_server.run(site, ready))


def _public(collection: str | None, chosen: Mapping[str, bool]) -> dict[str, Any]:
    """Return the settings of the plugin for a site that others can reach."""
    only = {"collections": [collection]} if collection else {}
    return {"public": True, **only, **{name: True for name, on in chosen.items() if on}}


def _addresses(site: Site, collection: str | None) -> list[str]:
    """Return the URLs to give to others, or that on this computer."""
    if network.is_loopback(site.host):
        return [site.address(collection)]
    hosts = network.hosts_for_others(site.host)
    return [site.address(collection, host) for host in hosts]
