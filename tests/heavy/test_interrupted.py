"""Killed at any moment and repeated: the same rows as a run that was left alone."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PICTURES = 3000
KILLS = 20
BAD = range(0, PICTURES, 150)

pytestmark = pytest.mark.heavy


@pytest.fixture
def folder(tmp_path):
    """Pictures of noise, some of them twice, some of them bad, with records."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = ["file_name,title"]
    for number in range(PICTURES):
        path = folder / f"{number:04}.png"
        rows.append(f"{path.name},picture {number}")
        if number in BAD:
            path.write_bytes(b"no picture")
        elif number % 100 == 2:
            path.write_bytes((folder / f"{number - 1:04}.png").read_bytes())
        else:
            noise = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path, compress_level=0)
    (folder / "metadata.csv").write_text("\n".join(rows), "utf-8")
    return folder


def start(database):
    args = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
    return subprocess.Popen(
        [sys.executable, "-m", "llm", *args, "-d", str(database)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def count(database):
    try:
        connection = sqlite3.connect(f"file:{database}?mode=rw", uri=True)
        found = connection.execute("select count(*) from embeddings").fetchone()[0]
        connection.close()
        return found
    except sqlite3.OperationalError:
        return 0


def kill_once(database, random_moment):
    process = start(database)
    before = count(database)
    while process.poll() is None and count(database) == before and random_moment > 0:
        time.sleep(0.005)
    time.sleep(abs(random_moment))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return count(database)


def everything(database):
    connection = sqlite3.connect(database)
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    connection.execute("insert into photos_fts (photos_fts) values ('integrity-check')")
    tables = {
        "collections": "select * from collections",
        "embeddings": "select id, embedding, content, content_blob, content_hash, metadata"
        " from embeddings order by id",
        "glam_collections": "select collection_id, name, model, fingerprint, precision,"
        " dimensions, items_table from glam_collections",
        "photos": "select * from photos order by id",
        "glam_thumbnails": "select * from glam_thumbnails order by id",
        "glam_problems": "select items_table, id, reason from glam_problems order by id",
        "glam_folders": "select * from glam_folders",
        "glam_kept_records": "select * from glam_kept_records",
    }
    found = {name: connection.execute(sql).fetchall() for name, sql in tables.items()}
    connection.close()
    return found


def test_killed_twenty_times(folder, tiny_clip, llm, tmp_path, monkeypatch):
    from llm_glam.models import embedding_model

    monkeypatch.delenv("LLM_GLAM_ENGINE")  # the fast engine starts without torch
    llm("glam", "models", "add", "tiny", tiny_clip)
    llm("glam", "models", "default", "tiny")
    whole, killed = tmp_path / "whole.db", tmp_path / "killed.db"
    process = start(whole)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    moments = random.Random(os.environ.get("SEED", "0"))
    counts = [
        kill_once(
            killed, moments.uniform(0, 0.1) if kill % 5 else -moments.uniform(0.5, 2)
        )
        for kill in range(KILLS)
    ]
    print("rows after each kill:", counts)
    assert counts == sorted(counts)
    assert len(set(counts)) > KILLS // 2, "the kills were too early to mean anything"
    assert max(counts) < PICTURES - len(BAD), "the kills were too late to mean anything"
    process = start(killed)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert f"{counts[-1]} unchanged" in errors.replace(",", "")
    compare(everything(killed), everything(whole))
    check_vectors(
        everything(killed)["embeddings"],
        embedding_model.GlamClip("tiny"),
        Path("photos"),
    )


def compare(ours, reference):
    vectors = [np.frombuffer(row[1], "<f4") for row in ours["embeddings"]]
    expected = [np.frombuffer(row[1], "<f4") for row in reference["embeddings"]]
    assert np.abs(np.array(vectors) - np.array(expected)).max() < 1e-5
    for found in (ours, reference):
        found["embeddings"] = [(row[0], *row[2:]) for row in found["embeddings"]]
    assert ours == reference
    ids = [row[0] for row in ours["embeddings"]]
    assert ids == [row[0] for row in ours["photos"]]
    assert ids == [row[1] for row in ours["glam_thumbnails"]]
    assert len(ids) == PICTURES - len(BAD)


def check_vectors(rows, model, folder):
    chosen = random.Random(1).sample(rows, 50)
    again = model.embed_multi([(folder / row[0]).read_bytes() for row in chosen])
    for row, vector in zip(chosen, again, strict=True):
        assert (
            np.abs(np.frombuffer(row[1], "<f4") - np.array(vector)).max() < 1e-5
        ), row[0]
