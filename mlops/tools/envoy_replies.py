"""Say what the gateway answers by itself.

Lives here: LOCAL_REPLIES, which gives Envoy's own answers the shape of the service's errors, and open_entries, the routes of an
endpoint that need no key.
Not here: routes to versions (envoy), what the service answers (workloads.serving).
Law: whoever asks gets `{"error": sentence}` as JSON, whether the service answered or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FLAGS = {
    "NR": (404, "nothing is served at this address; an endpoint answers at /NAME/predict", None),
    "UT": (504, "the answer took too long; send fewer rows at once, or raise the timeout", None),
    "UH": (503, "no replica of this endpoint is healthy; send this one again shortly", "1"),
    "UF": (503, "no replica of this endpoint could be reached; send this one again shortly", "1"),
    "UC": (503, "the replica that answered went away; send this one again shortly", "1"),
}
"""Envoy's flag of what went wrong -> status, sentence, seconds after which to try again."""
_METHOD = {"name": ":method", "string_match": {"exact": "OPTIONS"}}
_PREFLIGHT = [_METHOD, {"name": "access-control-request-method", "present_match": True}]
_SHAPE = {"json_format": {"error": "%LOCAL_REPLY_BODY%"}}


_LIMITED = "too many requests: the limit of this endpoint or key is reached, or the quota of this key is used up; send this one again later"
_EQUALS_429 = {"op": "EQ", "value": {"default_value": 429, "runtime_key": "mlops.limited"}}
"""The rate limit of one gateway sets no flag."""


def _mapper(what: Mapping[str, Any], status: int, sentence: str, later: str | None) -> dict[str, Any]:
    return {
        "filter": what, "status_code": status, "body": {"inline_string": sentence},
        "body_format_override": _SHAPE,
        **({"headers_to_add": [{"header": {"key": "retry-after", "value": later}}]} if later else {}),
    }  # fmt: skip


_MAPPERS = [
    _mapper({"status_code_filter": {"comparison": _EQUALS_429}}, 429, _LIMITED, "1"),
    *(_mapper({"response_flag_filter": {"flags": [flag]}}, *rest) for flag, rest in _FLAGS.items()),
]
_IS_CALL = {"header_filter": {"header": {"name": "content-type", "string_match": {"prefix": "application/grpc"}}}}
_SENTENCE = {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"}}
_OF_CALLS = [
    {**one, "filter": {"and_filter": {"filters": [one["filter"], _IS_CALL]}}, "body_format_override": _SENTENCE}
    for one in _MAPPERS
]
"""A call over gRPC gets the sentence alone, as the details of its status."""
LOCAL_REPLIES: Mapping[str, Any] = {
    "mappers": [*_OF_CALLS, {"filter": _IS_CALL, "body_format_override": _SENTENCE}, *_MAPPERS],
    "body_format": _SHAPE,
}
"""What stands as local_reply_config."""


def address_entry(name: str) -> dict[str, Any]:
    """Return the route that sends a browser from an endpoint's bare address to its page, whose links are relative."""
    return {
        "match": {"path": f"/{name}"},
        "redirect": {"path_redirect": f"/{name}/", "response_code": "TEMPORARY_REDIRECT"},
    }


def open_entries(name: str, forwarded: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the routes that need no key: the page of documentation, which holds nothing of the model, and what browsers ask
    before they send a key. `forwarded`: what the route to the versions is, without its match."""
    matches: list[dict[str, Any]] = [
        {"path": f"/{name}/"},
        {"path": f"/{name}/docs"},
        {"prefix": f"/{name}/", "headers": _PREFLIGHT},
    ]
    return [{"match": match, **forwarded} for match in matches]
