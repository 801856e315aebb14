"""An image file's bytes -> pixels of one size: what decides the samples of a folder of images.

Pillow decodes. Photographs are turned as their camera says (EXIF), transparent parts are laid on
white, 16 bits a channel become 8, and of several frames the first is taken. Another size is reached
by a bilinear resize, with filtering, of the shorter side, and a crop of the middle.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from compbench.errors import one_line

# only formats whose decoders run nothing else (EPS, for one, starts Ghostscript)
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
MOST_BYTES = 1 << 29  # of a file: more is no image to learn from
_GREY = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_CAMERAS = ("JPEG", "MPO", "WEBP")  # formats that say how to turn them; of TIFF Pillow does it
_ORIENTATION = 0x0112  # EXIF 2.3, 4.6.4; from 5 on width and height change places
_DRAFT = 2  # a JPEG is decoded at no less than so many times the size that is wanted
_BOMB = "more than {:,}, which may be made to fill the memory"


class Unfit(Exception):
    """An image that can't be used, with the reason."""


class Look(NamedTuple):
    """What the first bytes of an image say."""

    is_grey: bool
    height: int
    width: int


@contextmanager
def _careful() -> Iterator[None]:
    """Whatever goes wrong within raises `Unfit`; Pillow's remarks on odd metadata are no matter."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        most = _BOMB.format(Image.MAX_IMAGE_PIXELS or 0)
        raise Unfit(f"it has {_number(str(error))} pixels, {most}") from error
    except UnidentifiedImageError as error:
        raise Unfit("it is no image, or its beginning is damaged") from error
    except OSError as error:
        raise Unfit(one_line(str(error)) or type(error).__name__) from error
    except Unfit:
        raise
    except Exception as error:  # whatever a decoder trips over in damaged bytes
        raise Unfit(f"{type(error).__name__}: {one_line(str(error))}") from error


def look(content: bytes) -> Look:
    """Channels and size, without decoding. Raises Unfit."""
    with _careful(), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _refuse_mode(image)
        width, height = image.size
        if image.format in _CAMERAS and image.getexif().get(_ORIENTATION, 1) in range(5, 9):
            width, height = height, width
        return Look(image.mode in _GREY, height, width)


def decoded(content: bytes, channels: int, height: int, width: int) -> NDArray[np.uint8]:
    """Pixels (C, H, W) of 1 channel (luminance, ITU-R 601) or 3 (sRGB). Raises Unfit."""
    with _careful(), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _refuse_mode(image)
        if image.format == "JPEG":
            most = _DRAFT * max(height, width)
            image.draft(None, (most, most))
        if image.format in _CAMERAS:
            image = ImageOps.exif_transpose(image)
        plain = _plain(image, "L" if channels == 1 else "RGB")
        if plain.size != (width, height):
            plain = ImageOps.fit(plain, (width, height), Image.Resampling.BILINEAR)
        array = np.asarray(plain)
    return array[None] if channels == 1 else np.moveaxis(array, 2, 0)


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """In 8 bits a channel, on white."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above)
    return image if image.mode == mode else image.convert("RGB").convert(mode)


def _refuse_mode(image: Image.Image) -> None:
    if image.mode not in (*_GREY, *_COLOUR):
        raise Unfit(f"its pixels are of Pillow's mode {image.mode}, not of 8 or 16 bits a channel")


def _number(text: str) -> str:
    """The first number of a text, grouped."""
    digits = next((word for word in text.replace("(", " ").split() if word.isdigit()), "too many")
    return f"{int(digits):,}" if digits.isdigit() else digits
