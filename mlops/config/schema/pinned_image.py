"""Name an image so that it is the same tomorrow.

Lives here: PinnedImage.
Not here: building or pulling one (tools).
Law: a registry, a name and a digest; a tag is no answer to which image.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_PINNED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._/:-]*)@sha256:[0-9a-f]{64}")
_FIND = (
    "Find it with `docker buildx imagetools inspect {name}`, or `podman pull {name}` and `podman images --digests`; of an "
    "image in local storage, `buildah images --digests` tells it"
)


def _pinned(text: str) -> str:
    if "@" not in text:
        raise ValueError(
            f"`{text}` is a tag, and tomorrow it may be another image; write NAME@sha256:DIGEST. {_FIND.format(name=text)}"
        )
    found = _PINNED.fullmatch(text)
    if not found:
        raise ValueError(f"`{text}` is not NAME@sha256: with 64 digits of 0-9a-f after it")
    host, _, rest = found["name"].partition("/")
    if not rest or not ("." in host or ":" in host or host == "localhost"):
        raise ValueError(
            f"`{text}` names no registry, and each builder would look elsewhere; begin with one, such as docker.io/library/ "
            "or, for local storage, localhost/"
        )
    if ":" in rest:
        raise ValueError(f"`{text}` has a tag and a digest, and only the digest counts; take the tag out")
    return text


PinnedImage = Annotated[str, AfterValidator(_pinned)]
