"""The pictures of the paper, drawn as PNG files from nothing but numbers."""

import struct
import zlib
from collections.abc import Callable
from functools import cache
from math import sin
from random import Random

Colour = tuple[int, int, int]
Palette = tuple[Colour, Colour, Colour]

# Every scene is drawn on a sheet of 640 by 360 and scaled from there.
WIDTH, HEIGHT = 640, 360

# Top of the sky, horizon, foreground.
DAWN: Palette = ((60, 84, 140), (246, 190, 140), (44, 46, 66))
NOON: Palette = ((104, 158, 206), (226, 236, 236), (62, 86, 82))
DUSK: Palette = ((54, 42, 92), (228, 128, 108), (34, 28, 48))
NIGHT: Palette = ((10, 14, 36), (48, 54, 96), (8, 10, 22))
LAMP: Colour = (255, 206, 110)
SNOW: Colour = (240, 244, 248)


class Canvas:
    """A sheet of pixels that is filled in horizontal spans."""

    __slots__ = ("height", "rows", "scale", "width")

    def __init__(self, width: int) -> None:
        self.scale = width / WIDTH
        self.width = width
        self.height = width * HEIGHT // WIDTH
        self.rows = [bytearray(3 * width) for _ in range(self.height)]

    def rect(self, x: float, y: float, w: float, h: float, colour: Colour) -> None:
        """Fill a rectangle given in sheet units."""
        left, right = self._clip(x, self.width), self._clip(x + w, self.width)
        fill = bytes(colour) * (right - left)
        for row in self.rows[self._clip(y, self.height) : self._clip(y + h, self.height)]:
            row[3 * left : 3 * right] = fill

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a disc as a pile of thin rectangles."""
        step = 1 / self.scale
        lines = int(radius / step)
        for line in range(-lines, lines + 1):
            half = (radius * radius - (line * step) ** 2) ** 0.5
            self.rect(x - half, y + line * step, 2 * half, step, colour)

    def ridge(self, top: Callable[[float], float], colour: Colour) -> None:
        """Fill everything below a curve."""
        step = 1 / self.scale
        for column in range(self.width):
            y = top(column * step)
            self.rect(column * step, y, step, HEIGHT - y, colour)

    def sky(self, palette: Palette, until: float = HEIGHT) -> None:
        """Fill from the top with a gradient from the first colour to the second."""
        for line in range(int(until)):
            self.rect(0, line, WIDTH, 1, mix(palette[0], palette[1], line / until))

    def png(self) -> bytes:
        """Return the sheet as a PNG file."""
        size = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        data = zlib.compress(b"".join(b"\0" + bytes(row) for row in self.rows), 9)
        chunks = _chunk(b"IHDR", size) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + chunks

    def _clip(self, value: float, limit: int) -> int:
        return max(0, min(limit, round(value * self.scale)))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Blend two colours; share 0 is the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def bridge(canvas: Canvas, dice: Random) -> None:
    """A suspension bridge over still water."""
    palette = dice.choice((DAWN, DUSK))
    canvas.sky(palette, 240)
    canvas.disc(dice.randint(200, 440), 205, 34, mix(palette[1], SNOW, 0.6))
    canvas.ridge(lambda x: 222 - 14 * sin(x / 70), mix(palette[1], palette[2], 0.45))
    _water(canvas, palette, dice)
    canvas.rect(0, 216, WIDTH, 7, palette[2])
    for tower in (170, 470):
        canvas.rect(tower - 7, 96, 14, 176, palette[2])
    for x in range(WIDTH):
        # The cable hangs from the two towers, 300 units apart.
        offset = ((x - 170) % 300 - 150) / 150
        top = 200 - 100 * offset * offset
        canvas.rect(x, top - 2, 1, 4, palette[2])
        if x % 10 == 0:
            canvas.rect(x, top, 1.5, 218 - top, palette[2])


def skyline(canvas: Canvas, dice: Random) -> None:
    """Three rows of houses with lit windows."""
    palette = dice.choice((DUSK, NIGHT))
    canvas.sky(palette, 320)
    canvas.disc(dice.randint(80, 560), 70, 22, mix(SNOW, palette[1], 0.2))
    for layer in range(3):
        colour = mix(palette[1], palette[2], 0.35 + 0.32 * layer)
        _houses(canvas, dice, 150 + 55 * layer, colour)


def hills(canvas: Canvas, dice: Random) -> None:
    """Mountain ridges one behind the other, the farthest under snow."""
    palette = dice.choice((NOON, DAWN))
    canvas.sky(palette, 300)
    canvas.disc(dice.randint(100, 540), 78, 26, SNOW)
    shift = dice.random() * 9
    for layer in range(4):
        colour = SNOW if layer == 0 else mix(palette[1], palette[2], 0.15 + 0.28 * layer)
        canvas.ridge(_crest(130 + 52 * layer, 40 - 8 * layer, shift + layer), colour)


def lanterns(canvas: Canvas, dice: Random) -> None:
    """Paper lanterns in the dark, each with its glow."""
    canvas.sky(NIGHT)
    for number in range(26):
        x, y = dice.randint(10, 630), dice.randint(20, 330)
        radius = 5 + number * 0.55
        for ring in range(6):
            share = ring / 5
            glow = mix(mix(NIGHT[0], LAMP, 0.22), LAMP, share * share)
            canvas.disc(x, y, radius * (1.9 - 0.9 * share), glow)
        canvas.rect(x - radius / 3, y + radius, radius / 1.5, radius / 3, NIGHT[2])


def sea(canvas: Canvas, dice: Random) -> None:
    """Sailing boats under a high sky."""
    palette = dice.choice((NOON, DAWN))
    canvas.sky(palette, 240)
    canvas.disc(dice.randint(80, 560), 90, 28, mix(palette[1], SNOW, 0.8))
    canvas.ridge(_crest(212, 16, dice.random()), mix(palette[1], palette[2], 0.5))
    _water(canvas, palette, dice)
    for boat in range(4):
        _boat(canvas, 70 + boat * 150 + dice.randint(-30, 30), 245 + boat * 16)


def pitch(canvas: Canvas, dice: Random) -> None:
    """A football ground under floodlights, with fog coming in."""
    fog: Colour = (176, 188, 190)
    canvas.sky(((38, 52, 70), fog, fog), 230)
    for line in range(230, HEIGHT):
        canvas.rect(0, line, WIDTH, 1, mix(fog, (58, 110, 66), (line - 230) / 130))
    for x in (70, 230, 410, 570):
        canvas.rect(x - 2, 80, 4, 150, (84, 96, 104))
        for lamp in range(-2, 3):
            canvas.disc(x + lamp * 11, 76 + dice.randint(-2, 2), 7, (255, 250, 226))
    canvas.rect(0, 300, WIDTH, 3, SNOW)
    for post in (270, 366):
        canvas.rect(post, 216, 4, 50, SNOW)
    canvas.rect(270, 216, 100, 4, SNOW)


def keys(canvas: Canvas, dice: Random) -> None:
    """The keyboard of an old piano."""
    canvas.sky(((48, 26, 18), (98, 56, 36), NIGHT[2]), 130)
    for key in range(16):
        ivory = mix((248, 242, 226), (222, 206, 172), dice.random() * 0.7)
        canvas.rect(key * 40 + 1, 130, 38, 230, ivory)
    for key in range(16):
        # The pattern of black keys repeats after seven white ones.
        if key % 7 not in (2, 6):
            canvas.rect(key * 40 + 28, 130, 24, 140, (26, 22, 24))
            canvas.rect(key * 40 + 32, 134, 5, 118, (70, 64, 66))


def stage(canvas: Canvas, dice: Random) -> None:
    """One lamp above a stage with vessels for the rain."""
    canvas.sky(((18, 12, 22), (40, 26, 38), NIGHT[2]))
    for line in range(60, 290):
        half = (line - 60) * 0.75
        shade = mix((150, 120, 80), (58, 40, 46), (line - 60) / 230)
        canvas.rect(320 - half, line, 2 * half, 1, shade)
    canvas.rect(0, 290, WIDTH, 70, (70, 48, 40))
    canvas.disc(320, 60, 12, LAMP)
    for _ in range(14):
        x, size = dice.randint(60, 580), dice.randint(12, 26)
        canvas.rect(x, 300 - size + dice.randint(0, 30), size * 1.2, size, (158, 168, 174))
    for side in (0, 560):
        canvas.rect(side, 0, 80, HEIGHT, (122, 26, 34))
        for fold in range(0, 80, 16):
            canvas.rect(side + fold, 0, 5, HEIGHT, (88, 16, 26))


def grain(canvas: Canvas, dice: Random) -> None:
    """The faint fibres of newsprint, for the background of the page."""
    canvas.rect(0, 0, WIDTH, HEIGHT, (251, 249, 243))
    for _ in range(2600):
        x, y = dice.random() * WIDTH, dice.random() * HEIGHT
        canvas.rect(x, y, dice.randint(1, 5), 1, (246, 243, 234))


SCENES: dict[str, Callable[[Canvas, Random], None]] = {
    scene.__name__: scene for scene in (bridge, skyline, hills, lanterns, sea, pitch, keys, stage, grain)
}


@cache
def draw(name: str, scene: str, width: int = WIDTH) -> bytes:
    """Draw a scene as a PNG file; the same name always gives the same picture."""
    canvas = Canvas(width)
    # A seed from the name, so that an archive sees the same bytes on every run.
    SCENES[scene](canvas, Random(zlib.crc32(name.encode())))  # noqa: S311 - dice for pictures, not secrets
    return canvas.png()


def _water(canvas: Canvas, palette: Palette, dice: Random) -> None:
    for line in range(236, HEIGHT):
        colour = mix(palette[1], palette[0], 0.25 + 0.75 * (line - 236) / 124)
        canvas.rect(0, line, WIDTH, 1, colour)
    for _ in range(90):
        x, y = dice.random() * WIDTH, dice.randint(240, 356)
        canvas.rect(x, y, 6 + (y - 236) / 3, 1.6, mix(palette[1], SNOW, 0.35))


def _houses(canvas: Canvas, dice: Random, top: int, colour: Colour) -> None:
    x = -20.0
    while x < WIDTH:
        width, roof = dice.randint(34, 76), top + dice.randint(-34, 34)
        canvas.rect(x, roof, width, HEIGHT - roof, colour)
        for wx in range(8, width - 8, 14):
            for wy in range(roof + 10, HEIGHT, 20):
                if dice.random() < 0.32:
                    canvas.rect(x + wx, wy, 6, 9, mix(LAMP, colour, 0.25))
        x += width + dice.randint(0, 4)


def _boat(canvas: Canvas, x: float, y: float) -> None:
    size = (y - 200) / 2
    for line in range(int(size * 1.6)):
        canvas.rect(x, y - size * 1.7 + line, line * 0.5, 1, SNOW)
        canvas.rect(x - 4 - line * 0.3, y - size * 1.7 + line, line * 0.3, 1, (222, 208, 190))
    for line in range(int(size * 0.4)):
        canvas.rect(x - size + line, y + line, 2.1 * size - 2 * line, 1, (92, 40, 36))


def _crest(level: float, swing: float, shift: float) -> Callable[[float], float]:
    return lambda x: level + swing * (sin(x / 83 + shift) + 0.6 * sin(x / 31 + 2 * shift))


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
