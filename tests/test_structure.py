"""The shape of the code: what is imported when, and in which direction."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import llm_glam
from llm_glam.errors import LEFT_OUT

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
# Packages, and modules beside them, from top to bottom: each may import those below it, never
# those above or beside it. What has no folder yet keeps its place for when it comes.
LAYERS = [
    {"__init__"},
    {"plugin"},
    {"cli"},
    {"importers", "exporters", "publish", "scale", "demo"},
    {"arrange"},
    {"describe", "texts"},
    {"train"},
    {"evaluate"},
    {"status"},
    {"ingest", "search"},
    {"records"},
    {"db"},
    {"models"},
    {"engine"},
    {"formats", "net", "images", "checkpoints"},
    {"child_process", "errors", "progress", "public", "vectors"},
    {"platforms"},
]
SITE_LAYERS = [
    {"__init__"},
    {"routes"},
    {"pages"},
    {"media", "sql_functions", "native_tables"},
    {"web"},
    {"access"},
    {"required_columns"},
    {"items", "compat"},
    {"random_sample"},
]
MOST_PACKAGES = 21
MOST_MODULES = 15  # of a folder; of cli, one for each command and those they share
MOST_LINES = 500
WITHOUT_SQL_AND_CLICK = (
    *("formats", "net", "images", "checkpoints", "engine", "train"),
    *("evaluate/retrieval.py", "evaluate/per_query.py", "evaluate/measure.py"),
    *("evaluate/batch_recall.py", "evaluate/metric_tables.py", "evaluate/encoding.py"),
    *("evaluate/breakdown.py", "evaluate/labels.py"),
    *("evaluate/pairs/pairs.py", "evaluate/pairs/from_table.py"),
    *("evaluate/pairs/columns.py",),
)


def modules(root):
    for path in sorted(root.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def folders(root):
    """A package and all within it."""
    yield from (path.parent for path in sorted(root.rglob("__init__.py")))


def name_of(path, root):
    """The name of a module within a folder: its own, or that of the package it is in."""
    return path.relative_to(root).parts[0].removesuffix(".py")


def imports(root, path, tree, within=None):
    """What a module imports from a package or a folder of it, by the names directly in there."""
    package = path.relative_to(root).parts[:-1]
    inner = within.relative_to(root).parts if within else ()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            full = (*base, *(node.module.split(".") if node.module else ()))
            for name in (alias.name for alias in node.names):
                whole = (*full, name)
                if whole[: len(inner)] == inner and len(whole) > len(inner):
                    yield whole[len(inner)]


def level(layers, name):
    return next(i for i, layer in enumerate(layers) if name in layer)


@pytest.mark.parametrize(("root", "layers"), [(ROOT, LAYERS), (SITE, SITE_LAYERS)])
def test_imports_go_one_way(root, layers):
    for path, tree in modules(root):
        own = name_of(path, root)
        known = {name_of(p, root) for p in root.rglob("*.py")}
        for other in known & set(imports(root, path, tree)) - {own}:
            assert level(layers, own) < level(layers, other), f"{path} imports {other}"


def test_every_package_has_its_layer_and_none_is_empty():
    for root, layers in ((ROOT, LAYERS), (SITE, SITE_LAYERS)):
        names = {name_of(p, root) for p in root.rglob("*.py")}
        assert names <= set().union(*layers)
        for folder in folders(root):
            assert len(list(folder.glob("*.py"))) > 1, folder
    first = [path for path in ROOT.iterdir() if (path / "__init__.py").exists()]
    assert len(first) <= MOST_PACKAGES


@pytest.mark.parametrize("root", [ROOT, SITE])
def test_nothing_in_a_folder_imports_in_a_circle(root):
    for folder in folders(root):
        graph = {}
        for path in folder.rglob("*.py"):
            own = name_of(path, folder)
            tree = ast.parse(path.read_text("utf-8"))
            graph.setdefault(own, set()).update(imports(root, path, tree, folder))
        graph = {k: others & graph.keys() - {k} for k, others in graph.items()}
        list(TopologicalSorter(graph).static_order())


def test_folders_and_modules_are_small():
    for root in (ROOT, SITE):
        for folder in folders(root):
            count = len(list(folder.glob("[!_]*.py")))
            assert count <= MOST_MODULES or folder == ROOT / "cli", folder
        for path in root.rglob("*.py"):
            assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES, path


def imported_from_llm_glam(tree):
    for node in ast.walk(tree):
        module = getattr(node, "module", None) or ""
        if isinstance(node, ast.ImportFrom) and module.startswith("llm_glam"):
            parts = module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [a.name for a in node.names]


def test_the_site_imports_little_of_the_plugin_and_the_plugin_nothing_of_it():
    for path, tree in modules(SITE):
        allowed = {"search", "db", "models", "formats", "errors", "images", "vectors"}
        # of records it is the rights only
        allowed |= {"child_process", "exporters", "records"}
        assert set(imported_from_llm_glam(tree)) <= allowed, path
    for path, tree in modules(ROOT):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] + [
                    getattr(node, "module", None) or ""
                ]
                assert not any(n.startswith("datasette") for n in names), path


@pytest.mark.parametrize("name", WITHOUT_SQL_AND_CLICK)
def test_some_know_neither_sqlite_nor_click(name):
    place = ROOT / name
    for path in [place] if place.is_file() else place.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "sqlite" not in text, path
        assert "import click" not in text, path


def test_one_module_has_the_sql_on_llms_table():
    statement = re.compile(
        r"(from|into|update|join|update or \w+) embeddings\b|table\(.embeddings"
    )
    having = [
        path.relative_to(ROOT.parent).as_posix()
        for root in (ROOT, SITE)
        for path in sorted(root.rglob("*.py"))
        if statement.search(path.read_text("utf-8"))
    ]
    assert having == ["llm_glam/db/embeddings.py"]


def test_python_is_started_in_one_place():
    """There, it is told not to import from the current folder."""
    starting = [
        path.relative_to(ROOT.parent).as_posix()
        for root in (ROOT, SITE)
        for path in sorted(root.rglob("*.py"))
        if "sys.executable" in path.read_text("utf-8")
    ]
    assert starting == ["llm_glam/child_process.py"]


def test_few_modules_know_pillow():
    knowing = {
        path.relative_to(ROOT).as_posix()
        for path, tree in modules(ROOT)
        if path.parent.name != "demo"  # which draws
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PIL")
    }
    # The engine's self-test draws one picture of its own, the export's and the probes a few.
    engine = {f"engine/{name}.py" for name in ("torch", "export", "probes")}
    images = {f"images/{name}.py" for name in ("decoding", "color", "profiles")}
    assert knowing == images | engine


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
        f
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) and f is not node
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


def imported_distributions():
    """Names, as pip compares them, of what the code imports from other distributions."""
    distributions = packages_distributions()
    ours = {"llm_glam", "datasette_glam", *sys.stdlib_module_names}
    for root in (ROOT, SITE):
        for _path, tree in modules(root):
            for node in ast.walk(tree):
                names = (
                    [a.name for a in node.names] if isinstance(node, ast.Import) else []
                )
                if isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                for name in {n.split(".")[0] for n in names} - ours:
                    yield as_pip_compares(distributions[name][0])


def project_table():
    text = (ROOT.parent / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["project"]


def as_pip_compares(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared_and_nothing_else():
    project = project_table()
    extras = project["optional-dependencies"].values()
    declared = {
        as_pip_compares(re.split("[<>=]", requirement)[0])
        for requirement in (*project["dependencies"], *sum(extras, []))
    }
    # llm-clip is what a collection comes from; transformers' trainer imports accelerate.
    assert declared - {"llm-clip", "accelerate"} == set(imported_distributions())


def test_what_a_served_site_needs_is_all_but_what_needs_torch():
    text = (ROOT.parent / "requirements-serve.txt").read_text("utf-8")
    listed = [line for line in text.splitlines() if not line.startswith("#")]
    left_out = {as_pip_compares(name) for name in LEFT_OUT}
    everything = project_table()["dependencies"]
    assert listed == [
        one for one in everything if re.split("[<>=]", one)[0] not in left_out
    ]


def test_functions_are_short():
    lengths = []
    for root in (ROOT, SITE):
        for _path, tree in modules(root):
            lengths += [
                node.end_lineno - node.lineno + 1
                for node in ast.walk(tree)
                if isinstance(node, ast.FunctionDef)
            ]
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 9
    assert lengths[len(lengths) * 9 // 10] <= 22
    assert sum(length > 45 for length in lengths) <= len(lengths) // 50
