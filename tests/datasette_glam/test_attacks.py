"""What somebody tries on a public site who knows how we and Datasette work."""

import pytest
from datasette.utils import tilde_encode

from ..site import PHOTOS, change, get, site

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
HIDDEN, UNKNOWN = "green.png", "gretn.png"


def public(llm, **settings):
    return site(llm, {"plugins": {"datasette-glam": {"public": True, **settings}}})


@pytest.mark.parametrize(
    "path",
    [
        *("item/{}", "item/{}.json", "thumb/{}", "thumb/{}?v=1", "image/{}"),
        *(".json?id={}", ".json?q=id:{}", "?q=red+-id:{}", ".csv?id=red.png&id={}"),
    ],
)
async def test_an_absent_picture_is_answered_as_one_that_never_was(embedded, path):
    change(embedded, f"update photos set sensitive = 1 where id = '{HIDDEN}'")
    datasette = public(embedded)
    answers = set()
    for name in (HIDDEN, UNKNOWN):
        code = name if "?" in path and "v=" not in path else tilde_encode(name)
        asked = path.format(code)
        response = await get(
            datasette, f"{PHOTOS}{'' if asked[0] in '.?' else '/'}{asked}"
        )
        answers.add((response.status_code, response.text.replace(name, "…")))
    ((status, _),) = answers
    assert status == 404
