"""Addresses of pictures that contain the pictures themselves, for pages of one file."""

import base64

# Formats of thumbnails that browsers can show.
KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}


def address(content: object) -> str | None:
    """Return the address of a thumbnail; None if it is not in a format that browsers show."""
    if isinstance(content, bytes):
        for sign, kind in KINDS.items():
            if content.startswith(sign):
                return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return None
