"""A find to a picture: light, shadow, background, scale bar.

The shading is Blinn and Phong's (J. F. Blinn, SIGGRAPH 1977) over the heights of a relief.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .breakage import Part, break_off, one_piece, part_left
from .canvas import Canvas, Map, Relief
from .decoration import pattern
from .finds import KINDS, Find
from .materials import MATERIALS, PAINTS, Colour, Material
from .vessels import VESSELS

Picture = NDArray[np.floating]  # height x width x 3, 0 to 1
BACKGROUNDS: tuple[Colour, ...] = (
    (206, 206, 204),
    (172, 174, 178),
    (226, 222, 212),
    (240, 240, 240),
    (120, 128, 138),
    (58, 60, 66),
    (24, 24, 26),
    (188, 176, 156),
)
SHAPES = (
    (1.0, 1.0),
    (1.25, 1.0),
    (1.0, 1.25),
    (1.4, 1.0),
)  # width and height to the short side
SKETCH = Canvas(96, 96, 1.2)  # small, and larger than any find: shows where one is
LARGEST = 0.62  # a small sherd is not enlarged without end
UPRIGHT = {*VESSELS, "person", "horse", "bull", "bird", "raccoon"} - {"plate", "lamp"}


@dataclass(frozen=True)
class Scene:
    """How a find is photographed: canvas, what is left of it, light, background, random choices."""

    canvas: Canvas
    part: Part | None
    random: np.random.Generator
    light: tuple[float, float, float]
    ground: Colour


def draw(find: Find, size: int = 512) -> Image.Image:
    """A catalogue photograph of a find, its short side so many pixels; the same for a seed."""
    random = np.random.default_rng(find.seed)
    wide, high = SHAPES[int(random.integers(len(SHAPES)))]
    canvas = Canvas(round(size * wide), round(size * high))
    turn = (
        random.uniform(-0.5, 0.5)
        if find.kind not in UPRIGHT
        else random.uniform(-0.04, 0.04)
    )
    if find.kind not in UPRIGHT and random.random() < 0.3:
        turn += np.pi / 2
    azimuth, up = random.uniform(-2.6, -1.3), random.uniform(0.65, 1.0)
    light = (float(np.cos(azimuth)), float(np.sin(azimuth)), float(up))
    ground = BACKGROUNDS[int(random.integers(len(BACKGROUNDS)))]
    mask = KINDS[find.kind](SKETCH, np.random.default_rng([find.seed, 1])).mask
    part = part_left(
        SKETCH, mask, find.condition, np.random.default_rng([find.seed, 3])
    )
    if part:
        mask = one_piece(mask * part(SKETCH))
    placed = _placed(mask, canvas, float(turn), random)
    picture = _photograph(find, Scene(placed, part, random, light, ground))
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    if random.random() < 0.5:
        length = random.choice([5, 10] if find.kind in VESSELS else [1, 2])
        _scale_bar(image, ground, f"{length} cm")
    return image


def _placed(
    mask: Map, canvas: Canvas, turn: float, random: np.random.Generator
) -> Canvas:
    """The canvas as the find sees it: turned, moved and scaled so that the find fills it.

    :param mask: the coverage of the sketch by the find
    """
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    x, y = SKETCH.x[mask > 0.5], SKETCH.y[mask > 0.5]
    sides = x * cos - y * sin, x * sin + y * cos
    middle = [(side.min() + side.max()) / 2 for side in sides]
    half = [(side.max() - side.min() + SKETCH.pixel) / 2 for side in sides]
    room = canvas.width / min(canvas.size), canvas.height / min(canvas.size)
    fill = random.uniform(0.66, 0.8)
    zoom = max(max(half[0] / room[0], half[1] / room[1]) / fill, LARGEST)
    right = middle[0] / zoom + random.uniform(-0.05, 0.05)
    down = middle[1] / zoom + random.uniform(-0.05, 0.03)
    return canvas.seen(turn=turn, zoom=float(zoom), shift=(float(right), float(down)))


def _modelled(find: Find, canvas: Canvas, part: Part | None) -> tuple[Relief, Map, Map]:
    """The relief, where its pattern is, and where its broken edges are seen."""
    relief = KINDS[find.kind](canvas, np.random.default_rng([find.seed, 1]))
    random = np.random.default_rng([find.seed, 2])
    painted = (
        pattern(find.pattern, relief, random)
        if find.pattern
        else np.zeros_like(canvas.x)
    )
    return relief, painted, break_off(canvas, relief, part)


def _photograph(find: Find, scene: Scene) -> Picture:
    canvas = scene.canvas
    material = MATERIALS[find.material]
    relief, painted, raw = _modelled(find, canvas, scene.part)
    behind = _background(scene)
    colour = _surface(find, material, relief, painted, raw, scene)
    if find.pattern and not find.paint:
        relief.height = relief.height - 0.02 * canvas.blurred(painted, 0.008)
    lit = _lit(colour, material, relief, scene)
    behind = _shadowed(behind, relief, scene, standing=find.kind in UPRIGHT)
    mask = relief.mask[..., None]
    if material.clear:
        mask = mask * _opacity(material, relief, painted)[..., None]
        lit = lit * 0.8 + 0.2 * colour
    return behind * (1 - mask) + lit * mask


def _background(scene: Scene) -> Picture:
    canvas, random = scene.canvas, scene.random
    base = np.array(scene.ground, np.float32) / 255
    fall = 1 + 0.1 * scene.light[0] * canvas.x + 0.1 * scene.light[1] * canvas.y
    grain = (
        1 + 0.012 * canvas.noise(random, 0.06, 2) + 0.02 * canvas.noise(random, 0.9, 1)
    )
    return base * (fall * grain)[..., None]


def _surface(
    find: Find, material: Material, relief: Relief, painted: Map, raw: Map, scene: Scene
) -> Picture:
    """The colour of each point before light falls on it."""
    canvas, random = scene.canvas, scene.random
    base = np.array(material.colours[find.colour], np.float32) / 255
    base = base * np.float32(random.uniform(0.9, 1.08))
    second = np.array(material.second, np.float32) / 255
    clouds = canvas.noise(random, 0.28)
    if find.material in ("wood", "marble"):
        clouds = np.sin(8 * canvas.noise(random, 0.9, 2) + 14 * canvas.x) * 0.8
    amount = np.clip((clouds - 1 + 2 * material.spread) * 1.6 + 0.3, 0, 0.85)[..., None]
    colour = base * (1 - amount) + second * amount
    colour = colour * (1 + 0.05 * canvas.noise(random, 0.03, 1))[..., None]
    paint = (
        np.array(PAINTS[find.paint], np.float32) / 255 if find.paint else colour * 0.5
    )
    worn = painted * np.clip(
        1.1 - 0.25 * np.maximum(canvas.noise(random, 0.1, 2), 0), 0, 1
    )
    colour = colour * (1 - worn[..., None]) + paint * worn[..., None]
    core = np.clip(base * 1.2 + 0.08, 0, 1)
    return colour * (1 - raw[..., None]) + core * raw[..., None] * 0.9


def _lit(colour: Picture, material: Material, relief: Relief, scene: Scene) -> Picture:
    canvas = scene.canvas
    grain = canvas.noise(scene.random, 0.035, 2) * 0.006 * material.rough
    rough = canvas.blurred(relief.height + grain, canvas.pixel * 0.8)
    rows, columns = np.gradient(rough.astype(np.float32), canvas.pixel)
    steep = np.clip(np.hypot(rows, columns), 1e-6, None)
    limit = np.minimum(steep, 3.0) / steep
    normal = np.stack([-columns * limit, -rows * limit, np.ones_like(rows)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.array(scene.light) / np.linalg.norm(scene.light)
    half = light + (0, 0, 1)
    half /= np.linalg.norm(half)
    diffuse = np.clip(normal @ light, 0, 1)
    gloss = np.clip(normal @ half, 0, 1) ** (12 + 70 * material.shine)
    mirrored = 0.5 - 0.5 * np.tanh(2.2 * normal[..., 1] + 0.8 * normal[..., 0])
    body = 0.36 + 0.78 * diffuse
    body = body * (1 - material.metal) + material.metal * (
        0.3 + 0.6 * diffuse + 0.5 * mirrored
    )
    shine = (material.shine * gloss)[..., None]
    white = colour * material.metal + (1 - material.metal)
    return colour * (body * relief.tone)[..., None] + shine * (0.4 + 0.6 * white)


def _opacity(material: Material, relief: Relief, painted: Map) -> Map:
    """Glass is clear in the middle and dense towards its edges."""
    top = float(relief.height.max()) or 1.0
    thin = np.clip(relief.height / top, 0, 1)
    return np.clip(1 - material.clear * thin + 0.5 * painted, 0, 1)


def _shadowed(
    behind: Picture, relief: Relief, scene: Scene, *, standing: bool
) -> Picture:
    canvas, (dx, dy, _) = scene.canvas, scene.light
    reach = 0.05 / canvas.pixel
    near = np.roll(relief.mask, (round(-dy * reach), round(-dx * reach)), (0, 1))
    shadow = 0.55 * canvas.blurred(near, 0.035) + 0.2 * canvas.blurred(near, 0.12)
    if standing and relief.mask.any():
        shadow = 0.35 * shadow + 0.75 * _under(canvas, relief, dx)
    return behind * (1 - np.clip(shadow, 0, 0.85))[..., None]


def _under(canvas: Canvas, relief: Relief, dx: float) -> Map:
    """The shadow of what stands, as an ellipse around its foot."""
    seen = relief.mask > 0.5
    low = float(np.quantile(canvas.y[seen], 0.995)) if seen.any() else 0.8
    foot = canvas.x[seen & (canvas.y > low - 0.12)]
    left, right = (foot.min(), foot.max()) if foot.size else (-0.2, 0.2)
    half = max(float(right - left) / 2, 0.08)
    wide = min(1.35 * half, half + 0.1)
    middle = float(left + right) / 2 - dx * wide * 0.5
    away = np.hypot((canvas.x - middle) / wide, (canvas.y - low + 0.02) / 0.09)
    return np.clip(1.25 - away, 0, 1) ** 1.5


def _scale_bar(image: Image.Image, ground: Colour, text: str) -> None:
    """A bar of five parts, black and white, with its length."""
    unit = min(image.size)
    part, thick = unit * 0.05, unit * 0.016
    left, top = unit * 0.05, image.height - unit * 0.065
    pen = ImageDraw.Draw(image)
    dark = sum(ground) < 380
    ink = (235, 235, 235) if dark else (20, 20, 20)
    for i in range(5):
        box = (left + i * part, top, left + (i + 1) * part, top + thick)
        pen.rectangle(box, fill=ink if i % 2 == 0 else ground, outline=ink)
    if unit >= 200:
        font = ImageFont.load_default(unit * 0.032)
        pen.text((left + 5.4 * part, top - thick * 0.7), text, fill=ink, font=font)
