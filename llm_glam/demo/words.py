"""The words people use for finds."""

from .figures import FIGURES
from .finds import CONDITIONS, KINDS, PATTERNS
from .materials import MATERIALS
from .terms import Term, Vocabulary, terms
from .vessels import VESSELS

_NAMES = {
    "amphora": "amphora, two-handled jar, wine jar, storage jar, urn, two-handled vase, oil jar",
    "jug": "jug, pitcher, ewer, water jug, wine jug, milk jug, pouring vessel, jar with a spout",
    "bowl": "bowl, basin, deep bowl, open bowl, serving bowl, salad bowl",
    "bottle": "bottle, flask, phial, vial, perfume bottle, carafe, decanter, flacon",
    "cup": "cup, mug, beaker, tankard, drinking cup, tea cup, coffee mug, goblet",
    "plate": "plate, platter, saucer, tray, charger, dinner plate, round plate",
    "lamp": "lamp, oil lamp, lantern, light, oil light",
    "coin": "coin, piece of money, denarius, penny, medal, coinage, old money, currency",
    "ring": "ring, finger ring, signet ring, wedding ring, ring for a finger, hoop",
    "key": "key, door key, latch key, key to a lock, skeleton key",
    "brooch": "brooch, fibula, safety pin, cloak pin, dress pin, clasp, fastener, bow brooch",
    "bead": "bead, single bead, one bead, pierced bead, round bead",
    "necklace": "necklace, string of beads, bead necklace, bead chain, beads on a string, "
    "bracelet, chain, rosary",
    "arrowhead": "arrowhead, arrow head, arrow point, projectile point, spear point, spearhead, "
    "arrow tip, arrow, spear tip",
    "axe": "axe, ax, axe head, axehead, hatchet, celt, adze, axe blade, chopper",
    "dagger": "dagger, knife, sword, short sword, blade with a handle, blade",
    "spoon": "spoon, ladle, scoop, tea spoon, eating spoon",
    "comb": "comb, hair comb, comb for hair, toothed comb",
    "tablet": "tablet, cuneiform tablet, inscribed tablet, inscription, writing tablet, cuneiform, "
    "tablet with writing, text, slab with writing, letter, written tablet",
    "person": "person, man, human, human figure, woman, idol, standing figure, doll, warrior, "
    "standing person, god, goddess, worshipper, people",
    "horse": "horse, pony, stallion, mare, steed, foal",
    "bull": "bull, ox, cow, cattle, bovine, buffalo, animal with horns, horned animal",
    "bird": "bird, dove, pigeon, crow, raven, duck, hen",
    "fish": "fish, carp, trout, salmon, animal with fins",
    "raccoon": "raccoon, racoon, coon, raccoon with a striped tail, trash panda, "  # codespell:ignore racoon
    "animal with a ringed tail, masked animal",
}
_ANIMALS = "|".join(set(FIGURES) - {"person"})
_FIGURES, _VESSELS = "|".join(FIGURES), "|".join(VESSELS.keys() - {"plate", "lamp"})
KIND = Vocabulary(
    *(term for kind, names in _NAMES.items() for term in terms(names, kind=kind)),
    *terms(
        "vessel, pot, container, vase, pottery vessel, hollow vessel", kind=_VESSELS
    ),
    *terms("jar", kind="amphora|jug"),
    *terms("drinking vessel", kind="cup|bowl"),
    *terms("dish", kind="plate|bowl"),
    *terms(
        "tableware, kitchenware, crockery, dishes",
        kind="plate|bowl|cup|jug|bottle|spoon",
    ),
    *terms("beads", kind="bead|necklace"),
    *terms(
        "jewellery, jewelry, personal ornament, trinket, jewel",
        kind="ring|brooch|necklace|bead",
    ),
    *terms("weapon, arm, weaponry", kind="dagger|arrowhead|axe"),
    *terms("point", kind="arrowhead"),
    *terms("tool, implement, utensil", kind="axe|spoon|comb|key|dagger"),
    *terms("animal, beast, animal figure, creature", kind=_ANIMALS),
    *terms("figurine, statuette, statue, sculpture, figure, toy", kind=_FIGURES),
    *terms(
        "animal figurine, animal statuette, toy animal, animal sculpture", kind=_ANIMALS
    ),
    *terms("mammal, four-legged animal, farm animal, livestock", kind="horse|bull"),
)
FIGURE_OF = (
    "{} figurine",
    "figurine of a {}",
    "statuette of a {}",
    "toy {}",
    "statue of a {}",
    "{} statuette",
    "{} figure",
    "model of a {}",
    "{} sculpture",
    "little {}",
)

MATERIAL = Vocabulary(
    *terms("terracotta, clay, ceramic, fired clay, earthenware", material="terracotta"),
    *terms(
        "baked clay, pottery, red clay, orange, reddish, brick red",
        material="terracotta",
    ),
    *terms("red, orange brown", material="terracotta"),
    *terms("porcelain, china, white porcelain, glazed", material="porcelain"),
    *terms("blue and white", material="porcelain", paint="blue"),
    *terms("ceramic, pottery", material="terracotta|porcelain"),
    *terms(
        "stone, limestone, grey stone, gray stone, rock, basalt, granite",
        material="stone",
    ),
    *terms("grey, gray", material="stone|flint|silver"),
    *terms("marble, white marble, white stone", material="marble"),
    *terms("white", material="marble|porcelain"),
    *terms("bronze, copper, copper alloy, brass, patinated", material="bronze"),
    *terms("green patina, corroded bronze, verdigris", material="bronze"),
    *terms(
        "iron, rusty, rusted, rusty iron, wrought iron, corroded iron, steel",
        material="iron",
    ),
    *terms(
        "gold, golden, gilded, solid gold, yellow, gold-coloured, gilt", material="gold"
    ),
    *terms(
        "silver, silvery, sterling silver, silver-coloured, pewter", material="silver"
    ),
    *terms("metal, metallic, made of metal", material="bronze|iron|gold|silver"),
    *terms("precious metal, shiny, shiny metal", material="gold|silver"),
    *terms("glass, transparent, see-through, translucent, glassy", material="glass"),
    *terms("blue glass, cobalt glass, cobalt blue", material="glass", colour="blue"),
    *terms("green glass, emerald glass", material="glass", colour="green"),
    *terms(
        "amber glass, brown glass, orange glass, yellow glass, amber", colour="amber"
    ),
    *terms(
        "bone, ivory, carved bone, antler, cream-coloured, horn, ivory-coloured",
        material="bone",
    ),
    *terms(
        "flint, chert, obsidian, silex, knapped, chipped stone, dark stone",
        material="flint",
    ),
    *terms("black, dark", material="flint"),
    *terms(
        "faience, turquoise, blue-green, egyptian faience, teal, cyan",
        material="faience",
    ),
    *terms("turquoise blue, light blue", material="faience"),
    *terms("wood, wooden, timber, carved wood, brown wood", material="wood"),
    *terms("brown", material="wood|iron|bronze"),
    *terms("jade, green stone, greenstone, jadeite, nephrite", material="jade"),
    *terms("stone", material="stone|marble|flint|jade"),
    *terms("green", material="jade|glass|bronze", colour="green|"),
    *terms("blue", material="faience|glass", colour="blue|"),
)

PATTERN = Vocabulary(
    *terms(
        "bands, stripes, lines, horizontal lines, parallel lines, horizontal bands",
        pattern="bands",
    ),
    *terms(
        "zigzag, zigzags, a zigzag pattern, chevrons, triangles, zig-zag lines",
        pattern="zigzag",
    ),
    *terms("zigzag decoration, triangle pattern, sawtooth, zig zags", pattern="zigzag"),
    *terms(
        "waves, wavy lines, a wave pattern, wavy decoration, a wavy line, curves",
        pattern="waves",
    ),
    *terms(
        "dots, spots, polka dots, dot decoration, points, circles, a dotted pattern",
        pattern="dots",
    ),
    *terms(
        "chequers, squares, checks, a checkerboard pattern, a chequered pattern",
        pattern="chequers",
    ),
    *terms(
        "a chessboard pattern, checkered decoration, checker pattern",
        pattern="chequers",
    ),
    *terms(
        "decoration, ornament, a pattern, patterns, designs, a design",
        pattern="|".join(PATTERNS),
    ),
    *terms("geometric patterns, geometric decoration", pattern="zigzag|chequers"),
)
DECORATED = Vocabulary(
    *terms("banded, striped, lined, stripy, stripey", pattern="bands"),
    *terms("zigzag, zig-zag, zig-zagged", pattern="zigzag"),
    *terms("wavy, wave-patterned", pattern="waves"),
    *terms("dotted, spotted, spotty, polka-dot", pattern="dots"),
    *terms("chequered, checkered, checked, checkerboard", pattern="chequers"),
    *terms("decorated, patterned, ornamented, ornate", pattern="|".join(PATTERNS)),
    *terms("painted, hand-painted", paint="black|white|red|blue"),
    *terms("black-painted, black-figure", paint="black"),
    *terms("white-painted", paint="white"),
    *terms("red-painted", paint="red"),
    *terms("blue-painted", paint="blue"),
    *terms(
        "plain, undecorated, unpainted, simple, without decoration, unpatterned",
        pattern="",
    ),
)
PLAIN = Vocabulary(
    *terms("without decoration, with no pattern, without any ornament", pattern="")
)
PAINTED = Vocabulary(
    *(
        Term(colour, {"paint": frozenset({colour})})
        for colour in ("black", "white", "red", "blue")
    )
)
OWN_NAMES = {kind: [*terms(names, kind=kind)][:3] for kind, names in _NAMES.items()}

CONDITION = Vocabulary(
    *terms(
        "broken, damaged, incomplete, chipped, smashed, cracked",
        condition="broken|fragment",
    ),
    *terms(
        "broken, damaged, partly broken, partially preserved",
        condition="broken|fragment",
    ),
    *terms(
        "fragmentary, fragmented, a fragment of, fragment of a, sherd of a",
        condition="fragment",
    ),
    *terms(
        "a piece of a, shard of a, part of a, bit of a, remains of a",
        condition="fragment",
    ),
    *terms("half of a, half a", condition="broken"),
    *terms(
        "complete, whole, intact, undamaged, unbroken, perfect", condition="complete"
    ),
    *terms("well-preserved, entire, fully preserved", condition="complete"),
)
CONDITION_AFTER = Vocabulary(
    *terms(
        "with a piece missing, missing a part, missing a piece",
        condition="broken|fragment",
    ),
    *terms(
        "broken off, in pieces, with damage, that is broken",
        condition="broken|fragment",
    ),
    *terms("fragment, sherd, fragments, piece, shard, potsherd", condition="fragment"),
    *terms("in one piece, in perfect condition, without damage", condition="complete"),
    *terms(
        "with nothing missing, that is not broken, in good condition",
        condition="complete",
    ),
)
FRAGMENT = Vocabulary(
    *terms(
        "fragment, sherd, shard, potsherd, piece, broken piece", condition="fragment"
    ),
    *terms(
        "something broken, broken object, damaged object", condition="broken|fragment"
    ),
)
FILLERS = (
    "a photo of",
    "photo of",
    "photograph of",
    "picture of",
    "an image of",
    "a drawing of",
    "show me",
    "find",
    "some",
    "the",
    "any",
    "old",
    "ancient",
    "antique",
    "roman",
    "greek",
    "egyptian",
    "prehistoric",
    "small",
    "large",
    "big",
    "little",
    "beautiful",
    "museum",
    "archaeological",
    "early",
    "medieval",
    "bronze age",
    "viking",
    "excavated",
)
VALUES = {
    "kind": tuple(KINDS),
    "material": tuple(MATERIALS),
    "colour": ("", "blue", "green", "amber"),
    "pattern": ("", *PATTERNS),
    "paint": ("", "black", "white", "red", "blue"),
    "condition": CONDITIONS,
}
