"""``make demo``: the two commands on pictures and a checkpoint made on the spot.

The checkpoint has random weights: it shows that everything works, not what CLIP understands.
"""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from . import tiny

SHAPES = ("ellipse", "rectangle", "polygon")
COLOURS = ("firebrick", "goldenrod", "seagreen", "steelblue", "sienna", "darkslategray")


def main(directory: Path) -> None:
    """Draw, register, embed and search in a directory of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    os.chdir(directory)
    draw(Path("photos"))
    llm = Path(sys.executable).with_name("llm")
    env = {**os.environ, "LLM_USER_PATH": str(Path("user").resolve())}
    env.pop("LLM_EMBEDDINGS_DB", None)

    def run(*args: str) -> None:
        print(
            "$ llm", *(f"'{a}'" if set(a) & set("* ") else a for a in args), flush=True
        )
        subprocess.run([llm, *args], env=env, check=True)

    if not Path("checkpoint").exists():
        tiny.make(Path("checkpoint"), size=64)
    run(
        "glam",
        "models",
        "add",
        "demo-random",
        "checkpoint",
        "--notes",
        "random weights",
    )
    run("glam", "models", "default", "demo-random")
    run("embed-multi", "photos", "--files", "photos/", "*.jpg", "-m", "glam-clip")
    run("similar", "photos", "-c", "raccoon")
    run("similar", "photos", "ellipse-goldenrod.jpg", "-n", "3")
    run("glam", "status", "photos", "-t")


def draw(folder: Path) -> None:
    """Shapes in colours, a file each."""
    folder.mkdir(exist_ok=True)
    for colour in COLOURS:
        for shape in SHAPES:
            im = Image.new("RGB", (320, 240), "whitesmoke")
            pen = ImageDraw.Draw(im)
            if shape == "polygon":
                pen.polygon([(160, 30), (270, 200), (50, 200)], fill=colour)
            else:
                getattr(pen, shape)((60, 40, 260, 200), fill=colour)
            im.save(folder / f"{shape}-{colour}.jpg", quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
