"""What all tests of the site share without asking for it."""

import jinja2
import pytest
from datasette.app import Datasette


class Compiled(jinja2.BytecodeCache):
    """Templates as they were compiled for an earlier Datasette, unless their source has changed."""

    known: dict[str, bytes] = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.known:
            bucket.bytecode_from_string(self.known[bucket.key])

    def dump_bytecode(self, bucket):
        self.known[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="package", autouse=True)
def templates_compiled_once():
    real = Datasette.__init__

    def begin(self, *args, **options):
        real(self, *args, **options)
        environment = getattr(self, "jinja_env", None) or self._jinja_env
        environment.bytecode_cache = Compiled()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Datasette, "__init__", begin)
        yield
