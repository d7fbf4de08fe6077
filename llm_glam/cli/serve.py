"""``llm glam serve``: browse collections in a web browser."""

import webbrowser
from pathlib import Path

import click

from ..db import collections, connection
from ..publish import local_server
from . import options as shared


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
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on"
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
    metadata: Path | None,
    no_browser: bool,
) -> None:
    """Browse COLLECTION, or every collection, in a web browser.

    Starts Datasette on this computer; press Ctrl-C to stop it. Also prints the equivalent
    datasette command, for use on a server.

    \b
    Examples:
        llm glam serve photos
        llm glam serve photos --metadata metadata.yml -p 8080
    """
    shared.check_exists(database)
    if collection:
        collections.get(connection.connect(database, readonly=True), collection)
    site = local_server.Site(database, host, port, metadata)
    address = site.address(collection)
    click.echo(f"Equivalent command: {site.command_line()}", err=True)

    def ready() -> None:
        click.echo(address)
        if not no_browser:
            webbrowser.open(address)

    raise SystemExit(local_server.run(site, ready))
