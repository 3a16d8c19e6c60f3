"""Decode images.

Lives here: ImageForm, the size and the colours in which a model takes images, ImageError, and decode_image, the one way in which
training and serving make numbers of a file.
Not here: what the numbers become in the graph (transforms.image), reading Parquet (columns), requests (serving).
Law: equal bytes give equal pixels, in training and in serving; a file is decoded only once its header says that it is no
larger than it may be.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 50_000_000
"""A larger image is refused before it is decoded: a file of a few kilobytes can hold gigabytes of pixels."""
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_THREADS = 4


class ImageError(ValueError):
    """What is wrong with the file of an image, as the end of a sentence that begins with its column."""


@dataclass(frozen=True)
class ImageForm:
    """How a model takes an image. `channels`: 1 for grey, 3 for red, green and blue.

    `fit`: what is done to an image of other proportions: `stretch` distorts it, `crop` keeps its middle, `pad` sets it on black.
    """

    height: int
    width: int
    channels: int
    fit: str

    @classmethod
    def of(cls, column: Mapping[str, Any]) -> ImageForm:
        """Return what a column of contract.json says under `image`."""
        return cls(**column["image"])

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width

    def written(self) -> dict[str, Any]:
        """Return what contract.json says under `image`."""
        return asdict(self)


def decode_image(content: bytes, form: ImageForm) -> npt.NDArray[np.uint8]:
    """Return the pixels `[C, H, W]` of the file of an image. Raises ImageError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _opened(content) as image:
                pixels = np.asarray(_resized(_coloured(image, form.channels), form), dtype=np.uint8)
        except ImageError:
            raise
        except Exception as error:  # Pillow's decoders raise whatever they like for bytes that are damaged
            raise ImageError(f"cannot be decoded: {_reason(error)}") from error
    return np.ascontiguousarray(pixels.reshape(form.height, form.width, form.channels).transpose(2, 0, 1))


def decode_images(contents: Sequence[bytes | None], form: ImageForm) -> npt.NDArray[np.uint8]:
    """Return the pixels `[N, C, H, W]`, black where there is no image. Raises ImageError that names the first row at fault."""
    pixels = np.zeros((len(contents), *form.shape), dtype=np.uint8)

    def fill(row: int) -> None:
        content = contents[row]
        if content is None:
            return
        try:
            pixels[row] = decode_image(content, form)
        except ImageError as error:
            raise ImageError(f"row {row}: {error}") from error

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(fill, range(len(contents))):
            pass
    return pixels


def image_size(content: bytes) -> tuple[int, int]:
    """Return width and height that the header of an image says. Raises ImageError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(content) as image:
            return image.size


def _opened(content: bytes) -> Image.Image:
    """Return an image of which only the header was read. Raises ImageError where it is none, or too large."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ImageError("cannot be decoded, because the package pillow is not installed here") from error
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(f"is not an image that is read here ({', '.join(_FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"has more than {MOST_PIXELS:,} pixels") from error
    except Exception as error:
        raise ImageError(f"cannot be decoded: {_reason(error)}") from error
    if image.width * image.height > MOST_PIXELS:
        raise ImageError(f"has {image.width:,} × {image.height:,} pixels, and may have {MOST_PIXELS:,}")
    return image


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    """Return the image upright, in grey or in colours; what is transparent becomes black."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I;16", "I;16B", "I;16L", "I"):  # 16 bits of grey, of which Pillow would cut the upper half
        levels = np.asarray(upright, dtype=np.float64) / 257.0
        upright = Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
    if "A" in upright.getbands() or "transparency" in upright.info:
        coloured = upright.convert("RGBA")
        ground = Image.new("RGBA", coloured.size, (0, 0, 0, 255))
        upright = Image.alpha_composite(ground, coloured)
    return upright.convert("L" if channels == 1 else "RGB")


def _resized(image: Image.Image, form: ImageForm) -> Image.Image:
    from PIL import Image, ImageOps

    size = (form.width, form.height)
    if image.size == size:
        return image
    method = Image.Resampling.BILINEAR
    match form.fit:
        case "crop":
            return ImageOps.fit(image, size, method)
        case "pad":
            return ImageOps.pad(image, size, method)
    return image.resize(size, method)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().rstrip(".")
