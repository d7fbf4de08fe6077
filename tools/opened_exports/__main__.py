"""``python -m tools.opened_exports``: open exports in LibreOffice and Mirador, and compare.

Makes a small collection whose records are hard to export, and exports it. LibreOffice reads the
workbook and the CSV file, whose cells must be those of the database; Mirador shows the IIIF manifest
in Chromium, whose pictures, labels, documents and records must be there without an error; and
iiif-prezi3 validates it.

Needs LibreOffice (on Debian: apt-get install --no-install-recommends libreoffice-calc), Chromium,
and npm with a network the first time, to install Mirador. Ends with 1 if something differs.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import iiif_prezi3

from llm_glam.exporters import ExportOptions, export

from . import calc, collection, mirador
from .collection import Made


def main() -> None:
    """Make, export, open, compare and print."""
    options = _options()
    check_programs()
    options.work.mkdir(parents=True, exist_ok=True)
    script = mirador.install(options.work)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), script, options)
    sys.exit(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.opened_exports")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/opened_exports"),
        help="folder for Mirador and the screenshot (default: %(default)s)",
    )
    return parser.parse_args()


def check_programs() -> None:
    """End with a sentence if a program that opens exports is missing."""
    if shutil.which("soffice") is None:
        sys.exit(
            "Install LibreOffice, which opens the tables: on Debian, apt-get install "
            "--no-install-recommends libreoffice-calc"
        )
    if not any(map(shutil.which, mirador.CHROMIUM)):
        sys.exit(
            "Install a browser for Mirador, one of these: "
            f"{', '.join(mirador.CHROMIUM)}; on Debian, apt-get install chromium"
        )
    if shutil.which("npm") is None:
        sys.exit("Install npm, which installs Mirador: on Debian, apt-get install npm")


def run(folder: Path, script: Path, options: argparse.Namespace) -> bool:
    """Open each export and print what differs; return whether anything does."""
    made = collection.make(folder)
    stored = collection.stored(made)
    workbook, table = folder / "photos.xlsx", folder / "photos.csv"
    for path in (workbook, table):
        export(made.database, collection.NAME, path)
    results = [
        _print("photos.xlsx in LibreOffice", calc.xlsx_problems(workbook, stored)),
        _print("photos.csv in LibreOffice", calc.csv_problems(table, stored)),
    ]
    screenshot = options.work / "mirador.png"
    with mirador.published(made.pictures) as base_url:
        manifest = export_manifest(made, base_url)
        results.append(_validated(manifest))
        address = f"{base_url}{manifest.name}"
        shown = mirador.problems(address, script, stored, folder, screenshot)
        results.append(_print(f"manifest.json in Mirador {mirador.VERSION}", shown))
    print(f"Look at what Mirador shows, too: {screenshot.resolve()}")
    return any(results)


def export_manifest(made: Made, base_url: str) -> Path:
    """Write the manifest beside the pictures, where it is published."""
    path = made.pictures / "manifest.json"
    options = ExportOptions(base_url=base_url, provider="A Museum <of> art")
    export(made.database, collection.NAME, path, format_="iiif", options=options)
    return path


def _validated(manifest: Path) -> bool:
    """Validate a manifest with iiif-prezi3; return whether it is wrong."""
    try:
        iiif_prezi3.Manifest.model_validate_json(manifest.read_text(encoding="utf-8"))
    except ValueError as error:
        return _print("manifest.json with iiif-prezi3", [str(error)])
    return _print("manifest.json with iiif-prezi3", [])


def _print(what: str, problems: Iterable[str]) -> bool:
    """Print what is different; return whether anything is."""
    found = list(problems)
    print(f"{'DIFFERENT' if found else 'equal':10} {what}")
    for problem in found:
        print(f"{'':11}{problem}")
    return bool(found)


if __name__ == "__main__":
    main()
