"""Read images of requests.

Lives here: image_problem, which decodes one value.
Not here: decoding (features.images), rows (rows).
Law: an image is decoded once, before its row joins a batch; what cannot be decoded is the client's mistake, and is named.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from mlops.workloads.features.images import ImageError, ImageForm, decode_image

MOST_BYTES = 16 * 2**20
"""A body that may hold images may be as large as this."""


def image_problem(form: ImageForm, value: Any) -> tuple[str | None, Any]:
    """Return what is wrong with the value of an image, or None, and its pixels `[C, H, W]`."""
    if not isinstance(value, str):
        return "must be the base64 text of an image's file, and is no text", None
    text = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return None, decode_image(base64.b64decode(text, validate=True), form)
    except (binascii.Error, ValueError) as error:
        reason = str(error) if isinstance(error, ImageError) else "is no base64 text"
        return reason, None
