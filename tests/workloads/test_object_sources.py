"""Reading objects of real stores on loopback: S3, Google's S3-compatible side, Azure."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from mlops.config.schema.sources.objects import AzureSource, GoogleSource, S3Source
from mlops.errors import MlopsError
from mlops.sources.remote_files import RemoteFile, chosen_files
from tests.object_stores import AZURE_KEY, KEY, ObjectStore, azure, publish, s3
from tests.workloads.reading import fingerprint, read

pytestmark = pytest.mark.slow
SECRETS = {"S3_ID": "key-of-the-tests", "S3_KEY": KEY, "AZ_KEY": AZURE_KEY}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def filled(store: ObjectStore) -> ObjectStore:
    for n in (1, 2):
        store.put(f"raw/day=2024-01-0{n}/x.csv", f"a,b\n{n},x\n".encode())
    for key in ("raw/_SUCCESS", "raw/.hidden.csv", "raw/notes.txt"):
        store.put(key, b"z\n9\n")
    store.put("one/zips.csv.gz", gzip.compress("zip;name\n01234;Åse\n".encode("cp1252")))
    store.put("one/app.log", b"INFO started\nERROR full\n")
    return store


@pytest.fixture(scope="module")
def s3_store() -> Iterator[ObjectStore]:
    with s3() as store:
        yield filled(store)


@pytest.fixture(scope="module")
def azure_store() -> Iterator[ObjectStore]:
    with azure() as store:
        yield filled(store)


@pytest.fixture(params=["s3", "gs", "az"])
def scheme_and_store(request: pytest.FixtureRequest) -> tuple[str, ObjectStore]:
    return request.param, request.getfixturevalue("azure_store" if request.param == "az" else "s3_store")


BOTH = [(1, "x", "2024-01-01"), (2, "x", "2024-01-02")]


@pytest.mark.parametrize("key", ["raw/", "raw", "raw/**/*.csv", "raw/day=*/x.csv", "raw/day=2024-01-0[12]/?.csv"])
def test_folder_and_pattern_are_all_their_objects(tmp_path: Path, scheme_and_store: Any, key: str) -> None:
    scheme, store = scheme_and_store
    columns, rows = read(tmp_path, {"uri": f"{scheme}://bucket/{key}", **store.fields})
    assert columns == ["a BIGINT", "b VARCHAR", "day DATE"]
    assert [(*row[:2], str(row[2])) for row in rows] == BOTH


def test_options_of_files_hold_for_objects(tmp_path: Path, scheme_and_store: Any) -> None:
    scheme, store = scheme_and_store
    source = {
        "uri": f"{scheme}://bucket/one/zips.csv.gz", "encoding": "cp1252", "types": {"zip": "string"}, "columns": ["name", "zip"],
    }  # fmt: skip
    assert read(tmp_path, {**source, **store.fields})[1] == [("Åse", "01234")]
    log = {"uri": f"{scheme}://bucket/one/app.log", "pattern": r"^(?P<level>[A-Z]+) (?P<words>.*)$"}
    assert read(tmp_path, {**log, **store.fields})[1] == [("INFO", "started"), ("ERROR", "full")]


def test_fingerprint_moves_with_content_and_with_objects(tmp_path: Path, scheme_and_store: Any) -> None:
    scheme, store = scheme_and_store
    source = {"uri": f"{scheme}://bucket/moving/{scheme}/", **store.fields}
    store.put(f"moving/{scheme}/1.csv", b"a\n1\n")
    first = fingerprint(tmp_path, source)
    assert fingerprint(tmp_path, source) == first
    store.put(f"moving/{scheme}/2.csv", b"a\n2\n")
    both = fingerprint(tmp_path, source)
    store.put(f"moving/{scheme}/2.csv", b"a\n3\n")
    assert len({first, both, fingerprint(tmp_path, source)}) == 3
    with pytest.raises(MlopsError, match="another content than params/ pins"):
        read(tmp_path, source, pinned=both)
    assert read(tmp_path, source)[1] == [(1,), (3,)]


def test_object_is_fetched_once_and_only_its_newest_content_is_kept(tmp_path: Path, s3_store: ObjectStore) -> None:
    source = {"uri": "s3://bucket/kept.csv", **s3_store.fields}
    for content in (b"a\n1\n", b"a\n2\n"):
        s3_store.put("kept.csv", content)
        read(tmp_path, source)
    (kept,) = [path for path in (tmp_path / ".mlops/cache/sources").rglob("*") if path.is_file()]
    assert kept.read_bytes() == b"a\n2\n"
    kept.write_bytes(b"a\n7\n")
    assert read(tmp_path, source)[1] == [(7,)], "what is in the cache is not fetched again"


def test_what_is_not_there_is_said_with_the_store(tmp_path: Path, scheme_and_store: Any) -> None:
    scheme, store = scheme_and_store
    for uri in ("bucket/none.csv", "bucket/none/", "bucket/raw/*.parquet", "nobody/raw/"):
        with pytest.raises(
            MlopsError, match=rf"source not found: `{scheme}://.*Put it there, or correct `uri`"
        ) as raised:
            fingerprint(tmp_path, {"uri": f"{scheme}://{uri}", **store.fields})
        assert store.endpoint in str(raised.value)


def test_wrong_key_of_azure_is_refused_and_shown_nowhere(
    tmp_path: Path, azure_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZ_KEY", "d3Jvbmc=")
    with pytest.raises(MlopsError, match=r"does not let us read it.*`account_key` and `sas_token`") as raised:
        fingerprint(tmp_path, {"uri": "az://bucket/raw/", **azure_store.fields})
    assert "d3Jvbmc" not in str(raised.value)


def test_secret_without_a_value_is_named(
    tmp_path: Path, s3_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("S3_KEY")
    with pytest.raises(MlopsError, match="`secret_key` needs the secret S3_KEY"):
        fingerprint(tmp_path, {"uri": "s3://bucket/raw/", **s3_store.fields})


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_anonymous_asks_without_credentials(tmp_path: Path, s3_store: ObjectStore, scheme: str) -> None:
    publish(s3_store.endpoint, "public/raw/x.csv", b"a\n1\n")
    source = {"uri": f"{scheme}://public/raw/", "endpoint": s3_store.endpoint, "anonymous": True}
    assert read(tmp_path, source)[1] == [(1,)]
    with pytest.raises(MlopsError, match="does not let us read it"):
        read(tmp_path, {**source, "uri": f"{scheme}://bucket/raw/"})


def test_store_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    source = {"uri": "s3://bucket/raw/", "endpoint": "http://127.0.0.1:1", "anonymous": True}
    with pytest.raises(MlopsError, match=r"source cannot be reached: `s3://bucket/raw/`: http://127.0.0.1:1 .*network"):
        fingerprint(tmp_path, source)


class Recorder(BaseHTTPRequestHandler):
    """Refuses every request, and keeps what it said."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(
            f"{self.path} {self.headers.get('Authorization', '')} {self.headers.get('x-amz-security-token', '')}"
        )
        body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def test_keys_region_and_token_are_sent_and_a_refusal_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3_TOKEN", "a-token-of-the-tests")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        source = {
            "uri": "s3://bucket/raw/", "endpoint": f"http://127.0.0.1:{server.server_port}", "region": "eu-central-1",
            "access_key": "${secret:S3_ID}", "secret_key": "${secret:S3_KEY}", "session_token": "${secret:S3_TOKEN}",
        }  # fmt: skip
        with pytest.raises(MlopsError, match=r"does not let us read it\. Say `access_key` and `secret_key`") as raised:
            fingerprint(tmp_path, source)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    (said,) = set(Recorder.seen)
    assert "Credential=key-of-the-tests/" in said
    assert "/eu-central-1/s3/" in said
    assert said.endswith("a-token-of-the-tests")
    assert not any(value in str(raised.value) for value in (KEY, "a-token-of-the-tests"))


@pytest.mark.parametrize(
    ("model", "fields", "says"),
    [
        (S3Source, {"uri": "s3://bucket"}, "names a bucket and nothing in it"),
        (S3Source, {"uri": "s3:///key.csv"}, "names no bucket"),
        (S3Source, {"uri": "s3://b/k.csv", "access_key": "${secret:A}"}, "the pair needs `secret_key` too"),
        (S3Source, {"uri": "s3://b/k.csv", "access_key": "AKIA", "secret_key": "x"}, "access_key"),
        (S3Source, {"uri": "s3://b/k.csv", "endpoint": "minio:9000"}, "write it as `https://HOST:PORT`"),
        (
            S3Source,
            {"uri": "s3://b/k.csv", "anonymous": True, "access_key": "${secret:A}", "secret_key": "${secret:B}"},
            "asks without credentials",
        ),
        (
            GoogleSource,
            {
                "uri": "gs://b/k.csv", "service_account": "${secret:C}", "access_key": "${secret:A}",
                "secret_key": "${secret:B}",
            },
            "there is an HMAC key",
        ),
        (AzureSource, {"uri": "az://b/k.csv"}, "account"),
        (
            AzureSource,
            {"uri": "az://b/k.csv", "account": "a", "account_key": "${secret:A}", "sas_token": "${secret:B}"},
            "there is an `account_key` too",
        ),
    ],
)  # fmt: skip
def test_fields_that_do_not_fit_are_errors_of_the_spec(model: Any, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TypeAdapter(model).validate_python(fields)


def test_key_that_is_no_path_is_refused() -> None:
    with pytest.raises(MlopsError, match="no path"):
        chosen_files([RemoteFile("raw//x.csv", 1, "t")], "raw/", format=None)
    assert not chosen_files([RemoteFile("raw/../../x.csv", 1, "t")], "raw/**/*.csv", format=None)
