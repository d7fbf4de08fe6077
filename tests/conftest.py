import json
import os
import shutil
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import settings

from . import forked, migrated, prepared, tiny, unsynced
from .fakes import Colours
from .prepared import EMBED  # noqa: F401  for the tests

# The same examples in every run. To look for new ones: pytest --hypothesis-profile=search FILE
settings.register_profile("few", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("search", deadline=None, max_examples=5000)
settings.load_profile("few")

unsynced.install()

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: workers that each use all cores wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
UNLIMITED = {"slow", "heavy", "browser"}


def pytest_addoption(parser):
    parser.addoption(
        "--limit",
        type=float,
        metavar="SECONDS",
        help="Fail tests that take longer without being marked as slow, their fixtures aside.",
    )


def pytest_sessionstart(session):
    if session.config.getoption("limit"):
        import sentence_transformers  # noqa: F401  or the first test to need it would take longer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fail a test that takes too long.

    What counts is the processor's time, with that of processes that have ended, where it is less
    than the clock's: on a busy machine a test also waits for others.
    """
    limit = item.config.getoption("limit")
    started = time.monotonic(), sum(os.times()[:4])
    result = yield
    spent = min(time.monotonic() - started[0], sum(os.times()[:4]) - started[1])
    is_unlimited = UNLIMITED & {mark.name for mark in item.iter_markers()}
    if limit and spent > limit and not is_unlimited:
        pytest.fail(
            f"It took {spent:.1f} seconds. Make it faster than {limit:g}, or mark it: "
            "@pytest.mark.slow",
            pytrace=False,
        )
    return result


@pytest.fixture(autouse=True)
def user_path(tmp_path, monkeypatch):
    """Each test has LLM's folder to itself, and no settings from outside."""
    for name in ("LLM_GLAM_MODEL", "LLM_GLAM_WRAP", "LLM_EMBEDDING_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("LLM_EMBEDDINGS_DB", raising=False)
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "user"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("LLM_GLAM_ENGINE", "torch")  # tests of the other one unset it
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "user"


@pytest.fixture(autouse=True)
def no_process_waits(monkeypatch):
    """A process for uploads is started when one comes: most tests of the site have none."""
    monkeypatch.setattr("datasette_glam.media.decoder.SPARE", 0)


@pytest.fixture(scope="session", autouse=True)
def real_exporter():
    """Exports are made in forked processes; a test that is about the real one sets this again."""
    from llm_glam.models import engine_choice

    real = engine_choice.run_exporter
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_choice, "run_exporter", forked.exporter)
        yield real


@pytest.fixture(scope="session", autouse=True)
def migrated_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrated.collections, "prepare", migrated.prepare)
        yield


@dataclass
class Llm:
    """LLM's command line, in this process, with everything it printed."""

    database: Path
    encoders: dict = field(default_factory=dict)

    def __call__(self, *args, ok=True, **options):
        from llm.cli import cli

        result = CliRunner().invoke(cli, [str(arg) for arg in args], **options)
        if ok:
            assert result.exit_code == 0, result.output
            assert result.exception is None
        return result

    def fails(self, *args, exit_code=1, **options):
        """The one sentence a failing command prints."""
        result = self(*args, ok=False, **options)
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.exit_code == exit_code, result.output
        assert "Traceback" not in result.output
        assert result.stderr.count("Error: ") == 1, result.stderr
        return result.stderr.split("Error: ")[1].strip()

    @classmethod
    @contextmanager
    def shared(cls, user):
        """For fixtures that outlive a test; ``user`` is LLM's folder."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LLM_USER_PATH", str(user))
            patch.setenv("HF_HUB_OFFLINE", "1")
            patch.setenv("LLM_GLAM_ENGINE", "torch")
            yield cls(user / "embeddings.db")

    def rows(self, sql, *values):
        connection = sqlite3.connect(self.database)
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(sql, values)]
        connection.close()
        return rows

    def ids(self, collection="photos"):
        sql = """
            select e.id from embeddings e join collections c on c.id = e.collection_id
            where c.name = ? order by e.id
        """
        return [row["id"] for row in self.rows(sql, collection)]

    def vectors(self, collection="photos"):
        import llm

        sql = """
            select e.id, e.embedding from embeddings e
            join collections c on c.id = e.collection_id where c.name = ?
        """
        return {
            r["id"]: tuple(llm.decode(r["embedding"]))
            for r in self.rows(sql, collection)
        }

    def json(self, *args):
        return [json.loads(line) for line in self(*args).stdout.splitlines()]


@pytest.fixture
def llm(user_path):
    return Llm(user_path / "embeddings.db")


@pytest.fixture
def colours(llm, monkeypatch, tmp_path):
    """The registered default checkpoint ``colours``, whose vectors one can compute by hand."""
    return register_fake(llm, monkeypatch, "colours", Colours())


def register_fake(llm, monkeypatch, name, encoder):
    from llm_glam.models import loading, registry

    folder = Path("checkpoints", name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    entry = registry.Checkpoint(
        name=name, source=str(folder), fingerprint=encoder.fingerprint, dimensions=3
    )
    registry.put(entry)
    registry.set_default(name)
    llm.encoders[name] = encoder
    real = loading.encoder

    def encoder_of(wanted, *args, **options):
        registry.get(wanted)
        return llm.encoders.get(wanted) or real(wanted, *args, **options)

    monkeypatch.setattr(loading, "encoder", encoder_of)
    return encoder


@pytest.fixture
def photos(tmp_path):
    """Three pictures: red.png, green.png and blé.png in a subfolder."""
    return prepared.three_pictures(tmp_path / "photos")


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    return tiny.make(tmp_path_factory.mktemp("tiny") / "plain")


def made(make, folder):
    """Let a function of ``prepared`` embed something in a folder, with the default ``colours``."""
    folder = folder.resolve()
    with Llm.shared(folder / "user") as llm, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        register_fake(llm, patch, "colours", Colours())
        make(llm, folder)
    shutil.rmtree(folder / "user" / "glam")  # each test registers its own
    return folder


@pytest.fixture(scope="session")
def embedded_once(tmp_path_factory):
    return made(prepared.embed_three, tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="session")
def many_once(tmp_path_factory):
    return made(prepared.embed_many, tmp_path_factory.mktemp("many"))


@pytest.fixture(scope="session")
def letters_once(tmp_path_factory):
    return made(prepared.embed_letters, tmp_path_factory.mktemp("letters"))


@pytest.fixture
def embedded(embedded_once, llm, colours, photos, tmp_path):
    """The three pictures in a collection, two of them with a record."""
    prepared.copy(embedded_once, tmp_path)
    return llm


@pytest.fixture
def many(many_once, llm, colours, tmp_path):
    """Sixty pictures of any colour, with records."""
    prepared.copy(many_once, tmp_path)
    return llm


@pytest.fixture
def letters(letters_once, llm, colours, tmp_path):
    """Five pictures, of which two records contain the word *red* and two pictures are reddish."""
    prepared.copy(letters_once, tmp_path)
    return llm
