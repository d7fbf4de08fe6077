"""LLM in a process of its own, with torch imported from the start.

Importing torch and transformers takes a process eight seconds. One server process imports them
once; the others are forked from it, where the system can fork. What is tested in such a process
is what it does and how it ends; how it begins is left to tests that start Python.
"""

import importlib
import multiprocessing
import os
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

if "forkserver" in multiprocessing.get_all_start_methods():
    _context = multiprocessing.get_context("forkserver")
    _context.set_forkserver_preload(["sentence_transformers", "llm.cli"])
else:
    _context = multiprocessing.get_context("spawn")


def run(function, *args):
    """Call a function of a module in such a process, which has the environment of this one.

    Returns what ``subprocess.run`` does for a program that captures its output as text.
    """
    with TemporaryDirectory() as folder:
        process = _context.Process(
            target=_begin, args=(Path(folder), dict(os.environ), function, args)
        )
        process.start()
        process.join()
        status = process.exitcode
        process.close()
        texts = [(Path(folder) / name).read_text("utf-8") for name in ("out", "err")]
    return CompletedProcess((function, *args), status, *texts)


def llm(*command):
    """Run a command of LLM in such a process."""
    return run(_command, *map(str, command))


def exporter(checkpoint, folder, precision):
    """Do what ``engine_choice.run_exporter`` does in such a process."""
    return run(_export, str(checkpoint), str(folder), "--precision", precision)


def _export(*words):
    from llm_glam.engine import export

    export.main(words)


def _command(*words):
    from llm.cli import cli

    cli(words, "llm")


def _begin(folder, environment, function, args):
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    _read_environment()
    function(*args)


def _read_environment():
    """Read again what libraries read from the environment when they are imported."""
    import torch
    from huggingface_hub import constants

    importlib.reload(constants)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count()))
