"""Read files behind web addresses.

Lives here: HttpReader.
Not here: the cache and the formats (remote_files).
Law: a credential is sent to the host of the uri alone, and stands in no message.
"""

from __future__ import annotations

import hashlib
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from mlops.config.schema.sources.http import HttpSource
from mlops.sources.remote_files import RemoteFile
from mlops.workloads.data.sources.remote_files import (
    RemoteFilesReader,
    Server,
    missing,
    moved,
    refused,
    source_unreachable,
)
from mlops.workloads.data.sources.source import Place

_PATIENCE = 30.0
_TRIES = 3
_NO_HEAD = (400, 403, 404, 405, 501)
_CHUNK = 1 << 20


class HttpReader(RemoteFilesReader):
    """Reads one file."""

    def server(self, spec: HttpSource, place: Place) -> Server:
        headers = {name: place.secrets.fill(value, field=f"headers.{name}") for name, value in spec.headers.items()}
        return _WebServer(spec.uri, place.secrets.fill(spec.uri, field="uri"), headers)


class _WebServer:
    def __init__(self, uri: str, address: str, headers: dict[str, str]) -> None:
        self._uri, self._address, self._headers = uri, address, headers
        self._host = urlsplit(address).netloc
        self.identity = uri

    def files(self) -> list[RemoteFile]:
        name = unquote(urlsplit(self._uri).path).rpartition("/")[2]
        key = "file" if name in ("", ".", "..") else name
        with self._asked() as answer:
            size, tag = answer.headers.get("Content-Length"), _tag(answer.headers)
            if size is not None and tag:
                return [RemoteFile(key, int(size), tag)]
        with self._answer("GET") as answer:
            digest, count = hashlib.md5(usedforsecurity=False), 0
            while chunk := answer.read(_CHUNK):
                digest.update(chunk)
                count += len(chunk)
        return [RemoteFile(key, count, f"md5 {digest.hexdigest()}")]

    def fetch(self, file: RemoteFile, path: Path) -> None:
        with self._answer("GET") as answer, path.open("wb") as copy:
            tag = _tag(answer.headers)
            if not file.tag.startswith("md5 ") and tag != file.tag:
                raise moved(self._uri)
            shutil.copyfileobj(answer, copy, _CHUNK)
        if file.tag.startswith("md5 ") and file.tag != f"md5 {_digest(path)}":
            raise moved(self._uri)

    @contextmanager
    def _asked(self) -> Iterator[HTTPResponse]:
        """Give the headers of the file; a server that knows no HEAD is asked for the file, whose body is not read."""
        try:
            with self._answer("HEAD", pass_on=_NO_HEAD) as answer:
                yield answer
                return
        except urllib.error.HTTPError as error:
            error.close()
        with self._answer("GET") as answer:
            yield answer

    @contextmanager
    def _answer(self, method: str, pass_on: tuple[int, ...] = ()) -> Iterator[HTTPResponse]:
        """Raises MlopsError where the server has no such file, or does not answer; HTTPError for what `pass_on` holds."""
        request = urllib.request.Request(self._address, method=method, headers=self._headers)  # noqa: S310
        try:
            with self._opened(request) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            if error.code in pass_on:
                raise
            error.close()
            raise self._explained(error.code, str(error.reason)) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise source_unreachable(self._uri, self._host, reason) from None

    def _opened(self, request: urllib.request.Request) -> HTTPResponse:
        opener = urllib.request.build_opener(
            _SameHost, urllib.request.HTTPSHandler(context=ssl.create_default_context())
        )
        for tries in range(1, _TRIES + 1):
            try:
                answer: HTTPResponse = opener.open(request, timeout=_PATIENCE)
                return answer
            except urllib.error.HTTPError as error:
                if error.code < 500 or error.code == 501 or tries == _TRIES:
                    raise
                error.close()
            except (ConnectionResetError, TimeoutError):
                if tries == _TRIES:
                    raise
        raise AssertionError("the last try returns or raises")

    def _explained(self, code: int, reason: str) -> Exception:
        if code in (404, 410):
            return missing(self._uri, f"does not exist: {self._host} answers {code} {reason}")
        if code in (401, 403, 407):
            advice = (
                "Say a credential under `headers`, such as `Authorization: 'Bearer ${secret:TOKEN}'`, or correct it."
            )
            return refused(self._uri, f"{self._host} answers {code} {reason}, so it", advice)
        return source_unreachable(self._uri, self._host, f"{code} {reason}")


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirections, to other hosts without the headers of the source."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is None:
            return None
        request.method = req.get_method()
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            request.headers = {}
        return request


def _tag(headers: HTTPMessage) -> str:
    """Return what changes with the content; empty where the server says nothing."""
    return headers.get("ETag") or headers.get("Last-Modified") or ""


def _digest(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
