"""How well a checkpoint finds drawings: precision@10 over queries people wrote.

The queries in ``queries.csv`` were written from contact sheets alone, before the checkpoint was
trained and without sight of the captions it learns from.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm_glam.demo.finds import Find
from llm_glam.demo.terms import Term
from llm_glam.engine import Encoder, Vectors
from llm_glam.vectors import normalize

QUERIES = Path(__file__).with_name("queries.csv")
ATTRIBUTES = ("kind", "material", "colour", "pattern", "condition")
FIRST = 10


@dataclass(frozen=True)
class Query:
    """What somebody asks, which group it belongs to, and what a right answer is."""

    group: str
    term: Term


@dataclass(frozen=True)
class Score:
    """Mean precision@10 of a group of queries, and what drawing lots would give."""

    group: str
    queries: int
    precision: float
    chance: float


def queries() -> list[Query]:
    """The queries of ``queries.csv``."""
    with QUERIES.open(encoding="utf-8", newline="") as file:
        return [_query(row) for row in csv.DictReader(file)]


def _query(row: dict[str, str]) -> Query:
    wants = {
        name: frozenset(value.replace("none", "").split("|"))
        for name in ATTRIBUTES
        if (value := row[name])
    }
    return Query(row["group"], Term(row["query"], wants))


def judge(
    encoder: Encoder, finds: Sequence[Find], pictures: Vectors, asked: Sequence[Query]
) -> list[Score]:
    """Scores by group of queries.

    :param pictures: the vectors of the finds' drawings, shape (n, dimensions)
    """
    words = normalize(encoder.encode_texts([query.term.words for query in asked]))
    order = np.argsort(-words @ normalize(pictures).T, axis=1)[:, :FIRST]
    groups = defaultdict(list)
    for query, best in zip(asked, order, strict=True):
        right = np.array([query.term.fits(find) for find in finds])
        groups[query.group].append((right[best].mean(), right.mean()))
    return [
        Score(group, len(rows), *(float(x) for x in np.mean(rows, axis=0)))
        for group, rows in groups.items()
    ]
