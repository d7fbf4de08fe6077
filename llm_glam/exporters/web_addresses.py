"""Where a picture and its record can be seen on the web."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from ..errors import CannotExport
from ..formats.tables import Row

WEB = re.compile(r"https?://[^\s/]+(/\S*)?")


@dataclass(frozen=True)
class Addresses:
    """Addresses from the records, or else below a ``base``, where the pictures are by their ids."""

    base: str | None

    def image(self, row: Row) -> str:
        """Return the address of a picture.

        :raises CannotExport: there is none
        """
        own = row.get("image_url")
        if is_web(own):
            return str(own)
        if self.base is None:
            raise CannotExport(
                f"The picture '{row['id']}' has no address on the web in the column image_url; "
                "add --base-url URL with the place where the pictures are published."
            )
        return f"{self.base}/{quote(row['id'], safe='/')}"

    def page(self, row: Row) -> str:
        """Return the address of the page about a picture, or else that of the picture."""
        own = row.get("page_url")
        return str(own) if is_web(own) else self.image(row)


def addresses(base_url: str | None) -> Addresses:
    """Return the addresses of pictures.

    :raises CannotExport: ``base_url`` is not an address on the web
    """
    return Addresses(checked(base_url, "--base-url") if base_url else None)


def checked(url: str, option: str) -> str:
    """Return an address on the web without a slash at its end.

    :raises CannotExport: it is none; the message names the option that gave it
    """
    if not is_web(url):
        raise CannotExport(
            f"'{url}' is not an address on the web; give {option} as in "
            "https://museum.example/pictures."
        )
    return url.rstrip("/")


def is_web(value: object) -> bool:
    """Return whether a value is an address on the web."""
    return isinstance(value, str) and bool(WEB.fullmatch(value))
