"""Pictures for the toy app, drawn from a number: PNG of real bytes, SVG of a few shapes."""

import colorsys
import struct
import zlib
from random import Random


def draw_png(seed: int, *, width: int = 360, height: int = 240) -> bytes:
    """Soft bands with a little grain, so that it compresses about as well as a photograph does."""
    random = Random(seed)
    hue, grain = random.random(), random.randint(6, 18)
    stops = [_colour(hue + 0.12 * step, 0.35 + 0.1 * step, 0.95 - 0.18 * step) for step in range(4)]
    noise = random.randbytes(width * height)
    rows = bytearray()
    for y in range(height):
        place = (y / height) * 3
        low, part = int(place), place - int(place)
        base = [a + (b - a) * part for a, b in zip(stops[low], stops[low + 1], strict=True)]
        rows.append(0)
        for x in range(width):
            shift = noise[y * width + x] % grain + 24 * x // width
            rows += bytes(min(255, int(value) + shift) for value in base)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(bytes(rows), 6)),
            _chunk(b"IEND", b""),
        )
    )


def draw_svg(seed: int) -> bytes:
    """A label with arches, as a product sheet might carry."""
    random = Random(seed)
    hue = random.random()
    arches = "".join(
        f'<path d="M{180 - size} 210a{size} {size} 0 0 1 {2 * size} 0" fill="none" stroke="{_hex(hue + 0.04 * turn)}" '
        f'stroke-width="14"/>'
        for turn, size in enumerate(range(40, 160, random.choice((24, 30, 36))))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 240" width="360" height="240">'
        f'<rect width="360" height="240" fill="#f4f7f8"/>{arches}'
        f'<text x="16" y="30" font-family="sans-serif" font-size="16" fill="#37474c">No. {seed}</text></svg>'
    ).encode()


def _colour(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return red * 210, green * 210, blue * 210


def _hex(hue: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, 0.45, 0.5)
    return f"#{int(red * 255):02x}{int(green * 255):02x}{int(blue * 255):02x}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
