"""Real object stores of the tests' own, on loopback: S3 (moto's server) and Azure Storage (Azurite)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import AzureStore, S3Store

from tests.ports import any_port

KEY = "a-secret-key-of-the-tests"
AZURE_KEY = base64.b64encode(b"a key of the tests, of any length").decode()
ACCOUNT = "testaccount"
BUCKET = "bucket"
_HTTP: Any = {"allow_http": True}


@dataclass(frozen=True)
class ObjectStore:
    """A store with one bucket. `fields`: what a source says to read it, beside its uri."""

    endpoint: str
    store: Any
    fields: Mapping[str, str]

    def put(self, key: str, content: bytes) -> None:
        obstore.put(self.store, key, content)

    def delete(self, key: str) -> None:
        obstore.delete(self.store, key)


@contextmanager
def s3() -> Iterator[ObjectStore]:
    """A server of the language of S3 with one bucket. It lets every key in."""
    port = any_port()
    program = Path(sys.executable).parent / "moto_server"
    with _running([str(program), "-H", "127.0.0.1", "-p", str(port)], port, {"PYTHONWARNINGS": "ignore"}):
        endpoint = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(
            urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT", headers=_unsigned())
        ).close()
        store = S3Store(
            BUCKET, endpoint=endpoint, access_key_id="key", secret_access_key=KEY, region="us-east-1",
            client_options=_HTTP,
        )  # fmt: skip
        yield ObjectStore(
            endpoint, store, {"endpoint": endpoint, "access_key": "${secret:S3_ID}", "secret_key": "${secret:S3_KEY}"}
        )


def publish(endpoint: str, path: str, content: bytes) -> None:
    """Put an object that everybody may read into a bucket that everybody may list."""
    headers = {**_unsigned(), "x-amz-acl": "public-read", "Content-Type": "application/octet-stream"}
    bucket = path.partition("/")[0]
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{bucket}", method="PUT", headers=headers)).close()
    headers["Content-Length"] = str(len(content))
    put = urllib.request.Request(f"{endpoint}/{path}", method="PUT", headers=headers, data=content)
    urllib.request.urlopen(put).close()


@contextmanager
def azure() -> Iterator[ObjectStore]:
    """Azurite with one container; it checks signatures."""
    port = any_port()
    words = [azurite(), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent", "--inMemoryPersistence"]
    with _running(
        [*words, "--skipApiVersionCheck", "--disableTelemetry"], port, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{AZURE_KEY}"}
    ):
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        _create_container(endpoint)
        store = AzureStore(BUCKET, account_name=ACCOUNT, account_key=AZURE_KEY, endpoint=endpoint, client_options=_HTTP)
        yield ObjectStore(
            endpoint, store, {"endpoint": endpoint, "account": ACCOUNT, "account_key": "${secret:AZ_KEY}"}
        )


def azurite() -> str:
    """The program; skips the test where there is none, since it comes from neither Debian nor the package index."""
    own = Path("~/.cache/mlops-azurite/node_modules/.bin").expanduser()
    found = shutil.which("azurite-blob", path=f"{os.environ['PATH']}:{own}")
    if found is None:
        pytest.skip("Azurite is not installed; .ci/packages installs it where npm is, and reaches its registry")
    return found


@contextmanager
def _running(words: list[str], port: int, env: Mapping[str, str]) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="mlops-store-") as folder:
        process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 60
            while not _answers(port):
                assert process.poll() is None, f"{words[0]} ended with {process.returncode}"
                assert time.monotonic() < deadline, f"{words[0]} does not answer"
                time.sleep(0.05)
            yield
        finally:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def _unsigned() -> dict[str, str]:
    credential = (
        "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"
    )
    return {"Authorization": credential, "Content-Length": "0"}


def _create_container(endpoint: str) -> None:
    now = f"{dt.datetime.now(dt.UTC):%a, %d %b %Y %H:%M:%S GMT}"
    signed = (
        "PUT"
        + "\n" * 12
        + f"x-ms-date:{now}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    )
    digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": now, "x-ms-version": "2021-08-06", "Content-Length": "0",
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
    }  # fmt: skip
    address = f"{endpoint}/{BUCKET}?restype=container"
    urllib.request.urlopen(urllib.request.Request(address, method="PUT", headers=headers)).close()
