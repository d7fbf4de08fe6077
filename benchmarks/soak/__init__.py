"""Commands that write to one database at once and are killed at random, while the site serves it.

Two ``embed``, a ``reembed`` and a ``collections delete`` run again and again, and visitors ask the
site. At intervals a copy of the database is examined, and the answers of the index and of the site
are compared with a scan.
"""

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from llm_glam.db import collections, connection

from .. import prepare
from .checks import Checks
from .pictures import SETS, Pictures
from .processes import AGAIN, COLLECTION, Processes

PICTURES = 5_600  # so that each collection has an index file
CHECKS = 30  # in one soak
DELETIONS = 12


@dataclass(frozen=True)
class Outcome:
    """What happened in a soak, by kind, and everything that was wrong."""

    tally: Counter[str]
    faults: list[str]


def report(folder: Path, minutes: float, count: int, seed: int) -> None:
    """Soak a database, print what happened, and fail if something was wrong."""
    started = time.monotonic()
    outcome = soak(folder, minutes, count, seed)
    for what, number in sorted(outcome.tally.items()):
        print(f"{what}: {number:,}")
    print(f"{time.monotonic() - started:.0f} s, {len(outcome.faults)} faults")
    for fault in outcome.faults:
        print(f"--- {fault}")
    if outcome.faults:
        raise SystemExit(1)


def soak(folder: Path, minutes: float, count: int, seed: int) -> Outcome:
    """Soak a new database for so many minutes.

    :param count: pictures; with more than 5,000, the index has a file
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(prepare.environment(folder / "user", OMP_NUM_THREADS="1"))
    pictures = Pictures(folder / "pictures", count, random.Random(seed))
    outcome = Outcome(Counter(), [])
    processes = Processes(folder, pictures, seed, outcome.tally, outcome.faults)
    processes.database.unlink(missing_ok=True)
    checks = Checks(processes, pictures, outcome.tally, outcome.faults)
    embed_all(processes)
    checks.run()
    with processes.serving(restarts=False):
        checks.run()
    disturb(processes, checks, 60 * minutes)
    if not share_records(processes.database):
        processes.finish("delete", lambda: processes.delete(AGAIN))
    embed_all(processes)
    time.sleep(3)  # so that it is sure that nothing was written since
    with processes.serving(restarts=False):
        checks.run()
        checks.completeness((COLLECTION, AGAIN))
    return outcome


def share_records(database: Path) -> bool:
    """Return whether the second collection has the records of the first, if there is a second.

    The first may have been deleted last, or created again: while another collection uses its table,
    it gets one of its own, and the second cannot be continued.
    """
    db = connection.connect(database, readonly=True)
    first, again = (collections.find(db, name) for name in (COLLECTION, AGAIN))
    db.conn.close()
    return again is None or bool(first and first.items_table == again.items_table)


def embed_all(processes: Processes) -> None:
    """Embed both sets, and embed them again as a second collection, with nobody beside."""
    for name in SETS:
        processes.finish(f"embed {name}", lambda name=name: processes.embed(name))
    processes.finish("reembed", processes.reembed)


def disturb(processes: Processes, checks: Checks, seconds: float) -> None:
    """Run all commands again and again, and kill them, for so many seconds."""
    ended = threading.Event()
    pause = seconds / DELETIONS
    loops = [
        *(
            threading.Thread(target=processes.embed_often, args=[n, ended])
            for n in SETS
        ),
        threading.Thread(target=processes.reembed_often, args=[ended]),
        threading.Thread(target=processes.delete_often, args=[ended, pause]),
        threading.Thread(target=processes.search_often, args=[ended]),
        *(threading.Thread(target=processes.visit_often, args=[ended]) for _ in "ab"),
    ]
    with processes.serving(restarts=True):
        for loop in loops:
            loop.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(seconds / CHECKS)
            checks.run()
        ended.set()
        for loop in loops:
            loop.join()
