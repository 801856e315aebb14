"""An image file's bytes -> pixels."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compbench.data import pixels
from compbench.data.pixels import Unfit
from tests.data.images import png


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **more)
    return stream.getvalue()


def ramp(rows: int, columns: int) -> np.ndarray:
    """Grey levels that rise from the left to the right."""
    return np.tile(np.linspace(0, 255, columns).astype(np.uint8), (rows, 1))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_pixels_are_as_they_were(kind: str) -> None:
    more = {"lossless": True} if kind == "WEBP" else {}
    content = png(3, (5, 7), "RGB", kind, **more)
    wanted = np.random.default_rng(3).integers(0, 256, (5, 7, 3), np.uint8)
    assert pixels.look(content) == (False, 5, 7)
    assert np.array_equal(pixels.decoded(content, 3, 5, 7), np.moveaxis(wanted, 2, 0))


def test_grey_and_colour() -> None:
    grey, colour = png(1, mode="L"), png(1)
    assert pixels.look(grey).is_grey and not pixels.look(colour).is_grey
    assert np.ptp(pixels.decoded(grey, 3, 8, 8).astype(int), 0).max() == 0
    red, green, blue = pixels.decoded(colour, 3, 8, 8).astype(float)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(pixels.decoded(colour, 1, 8, 8)[0] - luminance).max() <= 1


def test_the_shorter_side_is_resized_and_the_middle_cut_out() -> None:
    wide = saved(Image.fromarray(ramp(8, 64)), "PNG")
    found = pixels.decoded(wide, 1, 8, 8)
    assert np.array_equal(found[0], ramp(8, 64)[:, 28:36])
    small = pixels.decoded(wide, 1, 4, 4)
    assert np.abs(small[0].astype(int) - ramp(8, 64)[::2, 28:36:2]).max() <= 4
    assert pixels.decoded(wide, 3, 16, 2).shape == (3, 16, 2)


def test_a_large_photograph_comes_out_as_from_all_its_pixels() -> None:
    smooth = np.add.outer(np.arange(512), np.arange(768)).astype(float)
    image = Image.fromarray((smooth / smooth.max() * 255).astype(np.uint8))
    found = pixels.decoded(saved(image, "JPEG", quality=95), 1, 32, 32)
    wanted = pixels.decoded(saved(image, "PNG"), 1, 32, 32)
    assert np.abs(found.astype(int) - wanted).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
def test_photographs_are_turned_as_their_camera_says(kind: str) -> None:
    image = Image.fromarray(ramp(8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    content = saved(image, kind, exif=exif.tobytes())
    assert pixels.look(content)[1:] == (16, 8)
    upright = pixels.decoded(content, 1, 16, 8)[0].astype(int)
    assert np.all(np.diff(upright[:, 4]) >= -2) and np.ptp(upright[4]) <= 4


def test_transparency_lies_on_white_and_16_bits_become_8() -> None:
    clear = saved(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), "PNG")
    assert pixels.decoded(clear, 3, 4, 4).min() == 255
    deep = saved(Image.fromarray(ramp(4, 4).astype(np.uint16) * 257), "PNG")
    assert pixels.look(deep).is_grey
    assert np.array_equal(pixels.decoded(deep, 1, 4, 4)[0], ramp(4, 4))
    palette = saved(Image.fromarray(ramp(4, 4)).convert("P"), "GIF")
    assert np.abs(pixels.decoded(palette, 1, 4, 4)[0].astype(int) - ramp(4, 4)).max() <= 3


def _huge() -> bytes:
    """A PNG whose head promises 400 million pixels."""
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


WHOLE = png(2, (64, 64))
JPEG = png(2, (64, 64), kind="JPEG")
UNFIT = {
    "nothing": (b"", "is no image, or"),
    "text": (b"<html>not found</html>", "is no image, or"),
    "PNG cut": (WHOLE[: len(WHOLE) // 2], "truncated"),
    "JPEG cut": (JPEG[: len(JPEG) // 2], "truncated"),
    "PNG flipped": (
        WHOLE[:500] + bytes([WHOLE[500] ^ 255]) + WHOLE[501:],
        "broken PNG|data stream",
    ),
    "bomb": (_huge(), "has 400,000,000 pixels, more than 89,478,485, which may be made to fill"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no image"),
    "floats": (saved(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), "Pillow's mode F"),
}


@pytest.mark.parametrize(("content", "reason"), UNFIT.values(), ids=UNFIT)
def test_what_cant_be_used_has_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Unfit, match=reason) as caught:
        pixels.decoded(content, 3, 8, 8)
    assert str(caught.value) and str(caught.value).isprintable()


def test_no_damage_to_a_file_raises_anything_else(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        whole = png(1, (16, 16), kind=kind)
        for _ in range(40):
            damaged = bytearray(whole)
            for place in random.integers(0, len(whole), 8):
                damaged[place] = random.integers(256)
            try:
                pixels.look(bytes(damaged))
                assert pixels.decoded(bytes(damaged), 3, 8, 8).shape == (3, 8, 8)
            except Unfit:
                pass
