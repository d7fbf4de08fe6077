"""The shape of the code: what is imported when, and in which direction."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import llm_glam

ROOT = Path(llm_glam.__file__).parent
SITE = ROOT.parent / "datasette_glam"
HEAVY = (
    "torch",
    "transformers",
    "sklearn",
    "PIL",
    "onnxruntime",
    "sentence_transformers",
    "httpcore",
    "accelerate",
    "datasets",
)
# Each layer may import those below it, never those above.
LAYERS = [
    {"__init__"},
    {"plugin", "cli", "tools"},
    {
        "adopt",
        "agreement",
        "compare_page",
        "verdict",
        "reembed",
        "estimate",
        "status",
        "expanded",
        "serve",
        "box",
        "packing",
        "doctor",
        "report",
        "training",
    },
    {"train"},
    {"tuning_projections", "tuning_towers"},
    {"pixel_file", "features"},
    {"array_file"},
    {"evaluate"},
    {"compare"},
    {"terms"},
    {"ingest", "search", "pairs_table", "pairs_collection", "measure"},
    {"plan", "write", "answers"},
    {"vectors", "folders", "identity", "index", "filters"},
    {"vector_rows", "product"},
    {"ahead", "store", "clip"},
    {"models", "records"},
    {"engines", "copies"},
    {"examined"},
    {"split"},
    {"retained"},
    {"items", "pairs", "columns"},
    {"trainer"},
    {"demo", "towers"},
    {"retrieval"},
    {"engine", "files", "registry", "checkpoints", "hub", "promise"},
    {"choice"},
    {"tuning", "mixing"},
    {"pupil", "alarms"},
    {"tuning_state"},
    {"contrast"},
    {
        *("images", "fingerprint", "migrations", "output", "share", "stamp"),
        *("vector_file", "fetch", "reach", "archives", "layouts", "parcel", "fitting"),
        *("table_file", "caption_template", "figures", "card", "curves"),
        *("everyday", "projections", "rankings", "room", "shortened"),
    },
    {"reduction", "cells", "matching", "resampling"},
    {"pixels"},
    {"errors"},
]
# Within a layer, in this direction only.
BESIDE = {
    ("plugin", "cli"),
    ("__init__", "plugin"),
    ("store", "clip"),
    ("hub", "checkpoints"),
    ("engine", "checkpoints"),
    ("fetch", "reach"),
    ("compare_page", "verdict"),
}
WITHOUT_SQL_AND_CLICK = (
    "images",
    "pixels",
    "engine",
    "fingerprint",
    "checkpoints",
    "archives",
    "parcel",
    "layouts",
    "fitting",
    "hub",
    "fetch",
    "reach",
    "retrieval",
    "evaluate",
    "figures",
    "measure",
    "answers",
    "pairs",
    "pairs_table",
    "columns",
    "caption_template",
    "table_file",
    "matching",
    "projections",
    "pupil",
    "contrast",
    "choice",
    "pixel_file",
    "room",
    "trainer",
    "tuning_projections",
    "tuning_state",
    "tuning_towers",
    "tuning",
    "mixing",
    "alarms",
    "everyday",
)


def modules(root):
    for path in sorted(root.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def level(name):
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


def imports(root, path, tree):
    """The first parts of the names, within the package, of all that a module imports from it."""
    package = path.relative_to(root).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            full = (*base, *(node.module.split(".") if node.module else ()))
            names = [full[0]] if full else [alias.name for alias in node.names]
            yield from names


def imported_from_llm_glam(tree):
    for node in ast.walk(tree):
        module = getattr(node, "module", None) or ""
        if isinstance(node, ast.ImportFrom) and module.startswith("llm_glam"):
            parts = module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [a.name for a in node.names]


def test_imports_go_one_way():
    for path, tree in modules(ROOT):
        own = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for other in imports(ROOT, path, tree):
            if own == other or (own, other) in BESIDE:
                continue
            assert level(own) < level(other), f"{path.name} imports {other}"


def test_every_module_has_its_layer():
    names = {
        p.relative_to(ROOT).parts[0].removesuffix(".py") for p in ROOT.rglob("*.py")
    }
    assert names == set().union(*LAYERS)


def test_the_site_imports_little_of_the_plugin_and_the_plugin_nothing_of_it():
    for path, tree in modules(SITE):
        assert set(imported_from_llm_glam(tree)) <= {
            *("search", "store", "index", "models", "registry", "errors", "images"),
            *("terms", "box", "filters", "stamp"),
        }, path
    for path, tree in modules(ROOT):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] + [
                    getattr(node, "module", None) or ""
                ]
                assert not any(n.startswith("datasette") for n in names), path


@pytest.mark.parametrize("name", WITHOUT_SQL_AND_CLICK)
def test_some_know_neither_sqlite_nor_click(name):
    for path, _tree in modules(ROOT):
        if path.relative_to(ROOT).parts[0].removesuffix(".py") != name:
            continue
        text = path.read_text("utf-8")
        assert "sqlite" not in text, path
        assert "import click" not in text, path


def test_only_two_modules_know_pillow():
    knowing = {
        path.name
        for path, tree in modules(ROOT)
        if path.parent.name != "demo"  # which draws
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PIL")
    }
    # The engine's self-test draws one picture of its own, the export's and the probes a few.
    engine = {"torch.py", "export.py", "probes.py"}
    assert knowing == {"images.py", "pixels.py"} | engine


def test_public_functions_say_what_they_do_and_are_typed():
    for root in (ROOT, SITE):
        for path, tree in modules(root):
            assert ast.get_docstring(tree), path
            for node in ast.walk(tree):
                if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                    continue
                if node.name.startswith("_") or _is_nested(tree, node):
                    continue
                if isinstance(node, ast.FunctionDef) and path.name != "__init__.py":
                    assert node.returns is not None, f"{path.name}: {node.name}"
                is_told = ast.get_docstring(node) or path.name == "migrations.py"
                assert is_told or _is_hook(node), f"{path.name}: {node.name}"


def _is_nested(tree, node):
    functions = [
        f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and f is not node
    ]
    return any(node in ast.walk(f) for f in functions)


def _is_hook(node):
    return any(
        "hookimpl" in ast.unparse(d) for d in getattr(node, "decorator_list", [])
    )


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys, llm_glam, datasette_glam, llm.cli; from llm.plugins import pm\n"
        "assert 'glam' in llm.cli.cli.commands\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_registering_models_imports_nothing_heavy():
    code = (
        "import sys, llm\nassert llm.get_embedding_model('glam-clip')\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_functions_are_short_and_modules_too():
    lengths = []
    for root in (ROOT, SITE):
        for path, tree in modules(root):
            assert len(path.read_text("utf-8").splitlines()) <= 320, path
            lengths += [
                node.end_lineno - node.lineno + 1
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)
            ]
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 12
    assert sum(length > 45 for length in lengths) <= len(lengths) // 50
