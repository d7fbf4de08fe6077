"""Send a picture to the site as its upload form does; fail unless the picture is its own best answer.

python .ci/post_picture.py DATABASE COLLECTION PICTURE
"""

import asyncio
import sys
from pathlib import Path

from datasette.app import Datasette
from datasette.utils import tilde_encode


async def post(database: Path, collection: str, picture: Path) -> list[str]:
    """Return the ids of the answer, best first; exit with the site's message on an error."""
    path = f"/{tilde_encode(database.stem)}/-/glam/{tilde_encode(collection)}.json"
    # The headers of a browser on the site's own page, which has Datasette's cookie.
    response = await Datasette([str(database)]).client.post(
        path,
        files={"picture": (picture.name, picture.read_bytes())},
        headers={"sec-fetch-site": "same-origin", "cookie": "ds_csrftoken=theirs"},
    )
    if response.status_code != 200:
        sys.exit(f"{path} does not take {picture}: {response.json()['error']}")
    return [item["id"] for item in response.json()["items"]]


def main(database: str, collection: str, picture: str) -> None:
    """Print the ids; exit with status 1 where the first is not the picture's file name."""
    ids = asyncio.run(post(Path(database), collection, Path(picture)))
    print(*ids, sep="\n")
    best = Path(ids[0]).name if ids else "no picture"
    if best != Path(picture).name:
        sys.exit(f"The best answer to {picture} is {best}, not the picture itself.")


if __name__ == "__main__":
    main(*sys.argv[1:])
