"""Reading a file behind a web address, from a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlops.config.schema.sources.http import HttpSource
from mlops.errors import MlopsError
from tests.workloads.reading import fingerprint, read


class Site(ThreadingHTTPServer):
    """What it serves, how, and what it was asked. `tags`: whether it says ETags."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = b"a,b\n1,x\n"
        self.tags, self.heads = True, True
        self.status = 200
        self.token: str | None = None
        self.elsewhere = ""
        self.asked: list[tuple[str, str]] = []
        self.fails = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        site = self.server
        site.asked.append((self.command, self.headers.get("Authorization", "")))
        if self.path.startswith("/moved"):
            self._end(302, b"", Location=f"{site.elsewhere}/t.csv")
        elif site.fails:
            site.fails -= 1
            self._end(503, b"")
        elif self.command == "HEAD" and not site.heads:
            self._end(405, b"")
        elif site.token and self.headers.get("Authorization") != site.token:
            self._end(401, b"")
        else:
            found = site.status if "gone" not in self.path else 404
            tag = {"ETag": f'"{hash(site.content)}"'} if site.tags else {}
            self._end(found, site.content, **tag)

    do_HEAD = do_GET  # noqa: N815

    def _end(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def start() -> Iterator[Callable[[], Site]]:
    sites: list[tuple[Site, threading.Thread]] = []

    def begin() -> Site:
        site = Site()
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        sites.append((site, thread))
        return site

    yield begin
    for site, thread in sites:
        site.shutdown()
        thread.join()
        site.server_close()


@pytest.fixture
def site(start: Callable[[], Site]) -> Site:
    return start()


def test_file_is_read_with_the_options_of_its_format(tmp_path: Path, site: Site) -> None:
    site.content = "zip;name\n01234;Åse\n".encode("cp1252")
    source = {"uri": f"{site.address}/data/t.csv?v=1", "encoding": "cp1252", "types": {"zip": "string"}}
    assert read(tmp_path, source)[1] == [("01234", "Åse")]


def test_plan_asks_for_the_tag_and_fetches_nothing(tmp_path: Path, site: Site) -> None:
    source = {"uri": f"{site.address}/t.csv"}
    first = fingerprint(tmp_path, source)
    assert fingerprint(tmp_path, source) == first
    assert {method for method, _ in site.asked} == {"HEAD"}
    site.content = b"a,b\n2,x\n"
    assert fingerprint(tmp_path, source) != first
    with pytest.raises(MlopsError, match="another content than params/ pins"):
        read(tmp_path, source, pinned=first)


@pytest.mark.parametrize(("tags", "heads"), [(True, False), (False, True), (False, False)])
def test_server_without_tags_or_heads_is_pinned_all_the_same(
    tmp_path: Path, site: Site, tags: bool, heads: bool
) -> None:
    site.tags, site.heads = tags, heads
    source = {"uri": f"{site.address}/t.csv"}
    first = fingerprint(tmp_path, source)
    assert fingerprint(tmp_path, source) == first
    assert read(tmp_path, source)[1] == [(1, "x")]
    site.content = b"a,b\n3,x\n"
    assert fingerprint(tmp_path, source) != first
    assert read(tmp_path, source)[1] == [(3, "x")]


def test_secret_stands_in_a_header_and_in_no_message(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_TOKEN", "a-token-of-the-tests")
    site.token = "Bearer a-token-of-the-tests"
    source: dict[str, Any] = {"uri": f"{site.address}/t.csv"}
    with pytest.raises(MlopsError, match=r"answers 401 .*Say a credential under `headers`"):
        fingerprint(tmp_path, source)
    source["headers"] = {"Authorization": "Bearer ${secret:SITE_TOKEN}"}
    assert read(tmp_path, source)[1] == [(1, "x")]
    site.token = "another"
    with pytest.raises(MlopsError, match="401") as raised:
        fingerprint(tmp_path, source)
    assert "a-token-of-the-tests" not in str(raised.value)


def test_redirection_to_another_host_gets_no_credential(
    tmp_path: Path, start: Callable[[], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_TOKEN", "a-token-of-the-tests")
    here, there = start(), start()
    here.elsewhere = there.address
    source = {"uri": f"{here.address}/moved/t.csv", "headers": {"Authorization": "${secret:SITE_TOKEN}"}}
    assert read(tmp_path, source)[1] == [(1, "x")]
    assert {credential for _, credential in here.asked} == {"a-token-of-the-tests"}
    assert {credential for _, credential in there.asked} == {""}
    assert ("HEAD", "") in there.asked


def test_server_that_stumbles_is_asked_again(tmp_path: Path, site: Site) -> None:
    site.fails = 2
    assert fingerprint(tmp_path, {"uri": f"{site.address}/t.csv"})


def test_missing_file_and_silent_server_are_told_apart(tmp_path: Path, site: Site) -> None:
    with pytest.raises(MlopsError, match=r"source not found: .*answers 404.*correct `uri`"):
        fingerprint(tmp_path, {"uri": f"{site.address}/gone.csv"})
    with pytest.raises(MlopsError, match=r"source cannot be reached: .*127.0.0.1:1 does not answer.*refused"):
        fingerprint(tmp_path, {"uri": "http://127.0.0.1:1/t.csv"})
    site.status = 500
    with pytest.raises(MlopsError, match=r"source cannot be reached: .*500"):
        fingerprint(tmp_path, {"uri": f"{site.address}/t.csv"})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"uri": "https://host/raw/"}, "lists no files"),
        ({"uri": "https://host/*.csv"}, "lists no files"),
        ({"uri": "https:///t.csv"}, "names no host"),
        ({"uri": "https://u:p@host/t.csv"}, "a password does not stand in a uri"),
        ({"uri": "https://host/t.csv", "headers": {"Authorization": "Bearer abc"}}, "a credential"),
        ({"uri": "https://host/t.parquet?x=1", "delimiter": ";"}, "an option of CSV files"),
    ],
)
def test_address_that_cannot_be_read_is_an_error_of_the_spec(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        HttpSource.model_validate(fields)
