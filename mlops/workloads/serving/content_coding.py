"""Compress and decompress bodies.

Lives here: plain_body and packed_answer, for gzip and deflate (RFC 9110, section 8.4).
Not here: receiving bodies (body), sending answers (app).
Law: a body never grows beyond the limit, however small it came.
"""

from __future__ import annotations

import re
import zlib

from mlops.workloads.serving.rows import whole

_CODINGS = (b"gzip", b"x-gzip", b"deflate")
_EITHER = 32 + zlib.MAX_WBITS
"""zlib.decompressobj looks itself whether it is gzip or zlib."""
_GZIP = 16 + zlib.MAX_WBITS
_LEAST = 1024
"""Bytes; a smaller answer fits one packet as it is."""
_LEVEL = 1
_REFUSED = re.compile(rb"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def is_packed(coding: bytes | None) -> bool:
    """Say whether a body with this content-encoding must be decompressed."""
    return coding is not None and coding.strip().lower() not in (b"", b"identity")


def plain_body(body: bytes, coding: bytes, limit: int) -> bytes:
    """Return a decompressed body. Raises BadRows: 415, 400, or 413 where it would have more than `limit` bytes."""
    if coding.strip().lower() not in _CODINGS:
        raise whole("the content-encoding is unknown here; send the body with gzip, deflate, or as it is", 415)
    stream = zlib.decompressobj(_EITHER)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise whole(f"the body is not what its content-encoding says: {error}", 400) from None
    if len(plain) > limit:
        raise whole(f"the body has more than {limit:,} bytes once it is decompressed", 413)
    if not stream.eof or stream.unused_data:
        raise whole("the body is not what its content-encoding says: it is cut off, or something follows it", 400)
    return plain


def wants_gzip(answer: bytes, accepted: bytes | None) -> bool:
    """Say whether an answer is large enough to be compressed, and the client takes it so."""
    return (
        accepted is not None
        and len(answer) >= _LEAST
        and b"gzip" in accepted.lower()
        and not _REFUSED.search(accepted.lower())
    )


def packed_answer(answer: bytes) -> bytes:
    """Return an answer with gzip; equal answers give equal bytes."""
    stream = zlib.compressobj(_LEVEL, wbits=_GZIP)
    return stream.compress(answer) + stream.flush()
