"""A picture made anew, small, of its pixels alone. Run apart, by `apart.run`: gives "width height", LF, WebP."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageOps

from app.cards.confined import confined

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
MOST_PIXELS = 25_000_000
LEAST_SIDE = 32  # what is smaller shows nothing
BOX = (640, 640)
MOST_BYTES = 100 * 1024
QUALITIES = (78, 60, 40, 20)


def look(data: bytes) -> bytes:
    with Image.open(BytesIO(data), formats=FORMATS) as source:
        if source.width * source.height > MOST_PIXELS or min(source.size) < LEAST_SIDE:
            raise ValueError("this size shows nothing, or takes too much")
        source.draft("RGB", BOX)
        picture: Image.Image = ImageOps.exif_transpose(source)
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        picture.thumbnail(BOX)
    return f"{picture.width} {picture.height}\n".encode() + _packed(picture)


def _packed(picture: Image.Image) -> bytes:
    for quality in QUALITIES:
        made = BytesIO()
        picture.save(made, "WEBP", quality=quality)
        if made.tell() <= MOST_BYTES:
            return made.getvalue()
    raise ValueError("it stays too large")


if __name__ == "__main__":
    confined(look)
