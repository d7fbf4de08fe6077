"""What finds are made of, and how it looks in the light."""

from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Material:
    """The look of a material.

    ``colours`` has a colour by name, or by the material's own; ``second`` appears in clouds that
    cover ``spread`` (0 to 1) of it. ``shine`` is the strength of highlights, ``metal`` how much
    it mirrors, ``rough`` the height of its unevenness, ``clear`` how much one sees through it.
    ``paints`` are the colours a decoration is painted in; without any it is cut in.
    """

    name: str
    colours: dict[str, Colour]
    second: Colour
    spread: float = 0.3
    shine: float = 0.15
    metal: float = 0.0
    rough: float = 0.5
    clear: float = 0.0
    paints: tuple[str, ...] = ()


PAINTS: dict[str, Colour] = {
    "black": (38, 32, 30),
    "white": (236, 228, 212),
    "red": (140, 38, 26),
    "blue": (38, 66, 150),
}

MATERIALS = {
    one.name: one
    for one in (
        Material(
            "terracotta",
            {"": (194, 104, 62)},
            (150, 78, 50),
            paints=("black", "white", "red"),
        ),
        Material(
            "porcelain",
            {"": (238, 238, 232)},
            (226, 230, 232),
            shine=0.7,
            rough=0.05,
            paints=("blue", "blue", "red"),
        ),
        Material("stone", {"": (146, 142, 132)}, (112, 108, 102), 0.4, 0.04, rough=1.3),
        Material(
            "marble", {"": (232, 228, 222)}, (190, 188, 190), 0.15, 0.3, rough=0.15
        ),
        Material(
            "bronze",
            {"": (142, 96, 46)},
            (88, 140, 112),
            0.55,
            0.5,
            metal=0.35,
            rough=0.5,
        ),
        Material("iron", {"": (92, 58, 44)}, (134, 74, 42), 0.45, 0.1, rough=1.8),
        Material(
            "gold",
            {"": (226, 172, 48)},
            (240, 196, 84),
            0.3,
            0.9,
            metal=0.75,
            rough=0.12,
        ),
        Material(
            "silver",
            {"": (188, 192, 198)},
            (120, 122, 128),
            0.25,
            0.9,
            metal=0.8,
            rough=0.15,
        ),
        Material(
            "glass",
            {"blue": (40, 92, 170), "green": (62, 140, 92), "amber": (190, 112, 30)},
            (210, 226, 226),
            0.12,
            1.0,
            rough=0.05,
            clear=0.55,
        ),
        Material("bone", {"": (226, 208, 168)}, (190, 164, 118), 0.3, 0.25, rough=0.3),
        Material("flint", {"": (66, 66, 72)}, (108, 104, 100), 0.3, 0.5, rough=0.4),
        Material("faience", {"": (58, 166, 168)}, (40, 130, 150), 0.35, 0.5, rough=0.3),
        Material("wood", {"": (120, 80, 48)}, (84, 54, 32), 0.4, 0.08, rough=0.5),
        Material("jade", {"": (98, 152, 104)}, (70, 120, 84), 0.35, 0.5, rough=0.1),
    )
}
