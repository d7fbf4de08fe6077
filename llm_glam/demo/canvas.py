"""The canvas a find is drawn on: coordinates, heights, and what is built of them.

A find is a landscape of heights seen from above. One unit is half the canvas's short side; x goes
to the right, y down, heights towards the viewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

Map = NDArray[np.floating]
Point = tuple[float, float]

OVERSAMPLED = 3  # polygons are drawn so many times larger, for smooth edges


@dataclass(frozen=True)
class Canvas:
    """Width and height in pixels, and the coordinates of each pixel."""

    width: int
    height: int
    zoom: float = 1.0
    x: Map = field(init=False)
    y: Map = field(init=False)

    def __post_init__(self) -> None:
        """Lay the coordinates out."""
        columns = (np.arange(self.width) + 0.5 - self.width / 2) * self.pixel
        rows = (np.arange(self.height) + 0.5 - self.height / 2) * self.pixel
        self._with(*np.meshgrid(columns, rows))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    @property
    def pixel(self) -> float:
        """The width of a pixel in units."""
        return self.zoom * 2 / min(self.size)

    def seen(
        self, *, turn: float = 0.0, zoom: float = 1.0, shift: Point = (0.0, 0.0)
    ) -> Self:
        """The canvas seen by what is drawn smaller by ``zoom``, then turned, then moved."""
        other = replace(self, zoom=self.zoom * zoom)
        cos, sin = float(np.cos(turn)), float(np.sin(turn))
        x, y = self.x + np.float32(shift[0]), self.y + np.float32(shift[1])
        return other._with((x * cos + y * sin) * zoom, (y * cos - x * sin) * zoom)

    def _with(self, x: Map, y: Map) -> Self:
        object.__setattr__(self, "x", x.astype(np.float32))
        object.__setattr__(self, "y", y.astype(np.float32))
        return self

    def covered(self, distance: Map) -> Map:
        """Coverage, 0 to 1, by what lies where ``distance`` (in units) is negative."""
        return np.clip(0.5 - distance / self.pixel, 0, 1)

    def blurred(self, values: Map, radius: float) -> Map:
        """Values smoothed over so many units."""
        return ndimage.gaussian_filter(values, radius / self.pixel)

    def noise(self, random: np.random.Generator, size: float, octaves: int = 3) -> Map:
        """Cloudy values around 0, about -1 to 1, with clouds of so many units."""
        total = np.zeros_like(self.x)
        for octave in range(octaves):
            step = max(1.0, size / 2**octave / self.pixel)
            shape = int(self.height / step) + 4, int(self.width / step) + 4
            rough = random.standard_normal(shape).astype(np.float32)
            cloud = Image.fromarray(rough).resize(
                (self.width, self.height),
                Image.Resampling.BICUBIC,
                box=(1, 1, 1 + self.width / step, 1 + self.height / step),
            )
            total += np.asarray(cloud) * 0.6**octave
        return np.clip(total / 1.6, -1.5, 1.5)

    def polygon(self, points: Sequence[Point]) -> Map:
        """Coverage, 0 to 1, by a polygon."""
        corners = [
            (column * OVERSAMPLED, row * OVERSAMPLED)
            for column, row in (self._place(point) for point in points)
        ]
        size = self.width * OVERSAMPLED, self.height * OVERSAMPLED
        drawn = Image.new("L", size)
        ImageDraw.Draw(drawn).polygon(corners, fill=255)
        return np.asarray(drawn.reduce(OVERSAMPLED), np.float32) / 255

    def near(
        self, start: Point, end: Point, reach: float
    ) -> tuple[tuple[slice, slice], Map, Map]:
        """The surroundings of a line, up to so many units away.

        :return: the part of the canvas; how far along the line each of its pixels is (0 to 1);
            its distance to the line
        """
        window = self._window([start, end], reach)
        x, y = self.x[window] - np.float32(start[0]), self.y[window] - np.float32(
            start[1]
        )
        dx, dy = np.float32(end[0] - start[0]), np.float32(end[1] - start[1])
        part = np.clip(
            (x * dx + y * dy) / max(dx * dx + dy * dy, np.float32(1e-9)), 0, 1
        )
        return window, part, np.hypot(x - part * dx, y - part * dy)

    def _window(self, points: Sequence[Point], reach: float) -> tuple[slice, slice]:
        places = np.array([self._place(point) for point in points])
        margin = reach / self.pixel + 2
        low = np.maximum(np.floor(places.min(0) - margin), 0).astype(int)
        high = np.maximum(np.ceil(places.max(0) + margin), 0).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])

    def _place(self, point: Point) -> Point:
        """Where a point is, in pixels from the left and from the top."""
        corner = np.array([self.x[0, 0], self.y[0, 0]], float)
        across = np.array([self.x[0, -1], self.y[0, -1]], float) - corner
        down = np.array([self.x[-1, 0], self.y[-1, 0]], float) - corner
        steps = np.stack([across / (self.width - 1), down / (self.height - 1)], -1)
        column, row = np.linalg.solve(steps, np.array(point) - corner)
        return float(column) + 0.5, float(row) + 0.5


@dataclass
class Relief:
    """What stands out from the ground.

    ``mask`` is coverage (0 to 1), ``height`` in units. ``around`` and ``along`` are the
    coordinates a decoration follows, both about -1 to 1. ``tone`` darkens (below 1) or lightens.
    """

    mask: Map
    height: Map
    around: Map
    along: Map
    tone: Map

    @classmethod
    def empty(cls, canvas: Canvas) -> Self:
        """Bare ground."""
        nothing = np.zeros_like(canvas.x)
        return cls(nothing, nothing - 1, canvas.x, canvas.y, np.ones_like(canvas.x))

    def add(
        self,
        mask: Map,
        height: Map,
        tone: float = 1.0,
        window: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> Self:
        """Put something on it, or on a part of it: what is higher is seen."""
        seen = (height > self.height[window]) & (mask > 0)
        self.mask[window] = np.maximum(self.mask[window], mask)
        self.height[window] = np.where(seen, height, self.height[window])
        self.tone[window] = np.where(seen, np.float32(tone), self.tone[window])
        return self

    def limb(
        self,
        canvas: Canvas,
        start: Point,
        end: Point,
        radii: tuple[float, float],
        *,
        lift: float = 0.0,
        tone: float = 1.0,
    ) -> Self:
        """A rounded bar from one point to another, with a radius at each end."""
        window, part, away = canvas.near(start, end, max(radii))
        radius = radii[0] + part * (radii[1] - radii[0])
        height = np.sqrt(np.maximum(radius**2 - away**2, 0)) + lift
        return self.add(canvas.covered(away - radius), height, tone, window)

    def chain(
        self,
        canvas: Canvas,
        points: Sequence[Point],
        radii: tuple[float, float],
        *,
        lift: float = 0.0,
        tone: float = 1.0,
    ) -> Self:
        """Limbs from point to point, the radius changing evenly."""
        radius = np.linspace(*radii, len(points)).tolist()
        for i in range(len(points) - 1):
            ends = radius[i], radius[i + 1]
            self.limb(canvas, points[i], points[i + 1], ends, lift=lift, tone=tone)
        return self

    def slab(
        self,
        canvas: Canvas,
        mask: Map,
        thickness: float,
        *,
        bevel: float,
        lift: float = 0.0,
        tone: float = 1.0,
    ) -> Self:
        """A flat thing with rounded edges, ``bevel`` units wide."""
        depth = ndimage.distance_transform_edt(mask > 0.5) * canvas.pixel
        slope = np.clip(depth / bevel, 0, 1)
        rounded = canvas.blurred(np.sqrt(1 - (1 - slope) ** 2), bevel / 4)
        return self.add(mask, (rounded * thickness + lift).astype(np.float32), tone)

    def ring(
        self,
        canvas: Canvas,
        centre: Point,
        radius: float,
        thickness: float,
        *,
        squash: float = 1.0,
        lift: float = 0.0,
    ) -> Self:
        """A round hoop, seen at an angle where ``squash`` is below 1."""
        away = np.hypot(canvas.x - centre[0], (canvas.y - centre[1]) / squash)
        off = np.abs(away - radius)
        height = np.sqrt(np.maximum(thickness**2 - off**2, 0)) + lift
        return self.add(canvas.covered(off - thickness), height)


def curve(
    points: Sequence[Point], steps: int = 8, *, closed: bool = False
) -> list[Point]:
    """A smooth line through points (Catmull-Rom)."""
    given = np.asarray(points, float)
    if closed:
        given = np.concatenate([given[-1:], given, given[:2]])
    else:
        given = np.concatenate([given[:1], given, given[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    smooth = []
    for a, b, c, d in zip(given, given[1:], given[2:], given[3:], strict=False):
        smooth.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )
        )
    line = np.concatenate(smooth if closed else [*smooth, given[-1:]])
    return [(float(x), float(y)) for x, y in line]
