"""Read objects of S3, of Google Cloud Storage and of Azure Storage.

Lives here: S3Reader, GoogleReader, AzureReader.
Not here: the cache and the formats (remote_files).
Law: keys are given to the store alone, and stand in no message; a store that does not answer is given up soon.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mlops.config.schema.sources.objects import AzureSource, GoogleSource, KeyedSpec, ObjectSpec, S3Source
from mlops.errors import MlopsError
from mlops.sources.remote_files import RemoteFile, chosen_files, folder_of, is_glob, with_path
from mlops.workloads.data.sources.remote_files import (
    RemoteFilesReader,
    Server,
    missing,
    moved,
    refused,
    source_unreachable,
)
from mlops.workloads.data.sources.source import Place
from mlops.workloads.stage import failed

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

_T = TypeVar("_T")
_GOOGLE = "https://storage.googleapis.com"
_PAGE = 1000
_MODIFIED = "modified "
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
_RETRY: Mapping[str, Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_ADVICE = (
    "Say {fields} (`${{secret:NAME}}`), or `anonymous: true` where everybody may read it; or ask for the right to read."
)


class S3Reader(RemoteFilesReader):
    """Reads objects of S3."""

    def server(self, spec: S3Source, place: Place) -> Server:
        store = _s3(spec, place, endpoint=spec.endpoint, region=spec.region, token=spec.session_token)
        return _Bucket(store, spec, spec.endpoint or "Amazon S3")


class GoogleReader(RemoteFilesReader):
    """Reads objects of Google Cloud Storage: through its own language, or with an HMAC key through that of S3."""

    def server(self, spec: GoogleSource, place: Place) -> Server:
        if spec.access_key is not None or spec.anonymous:
            store = _s3(spec, place, endpoint=spec.endpoint or _GOOGLE, region="auto", token=None)
        else:
            key = _filled(place, spec.service_account, "service_account")
            store = _built("GCSStore", spec, service_account_key=key, base_url=spec.endpoint)
        return _Bucket(store, spec, spec.endpoint or "Google Cloud Storage")


class AzureReader(RemoteFilesReader):
    """Reads blobs of Azure Storage."""

    def server(self, spec: AzureSource, place: Place) -> Server:
        store = _built(
            "AzureStore", spec, account_name=spec.account, endpoint=spec.endpoint,
            account_key=_filled(place, spec.account_key, "account_key"),
            sas_key=_filled(place, spec.sas_token, "sas_token"), skip_signature=spec.anonymous or None,
        )  # fmt: skip
        return _Bucket(store, spec, spec.endpoint or f"the storage account {spec.account}")


def _s3(spec: KeyedSpec, place: Place, *, endpoint: str | None, region: str | None, token: str | None) -> ObjectStore:
    return _built(
        "S3Store", spec, endpoint=endpoint,
        region=region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        access_key_id=_filled(place, spec.access_key, "access_key"),
        secret_access_key=_filled(place, spec.secret_key, "secret_key"),
        session_token=_filled(place, token, "session_token"), skip_signature=spec.anonymous or None,
    )  # fmt: skip


def _filled(place: Place, text: str | None, field: str) -> str | None:
    return None if text is None else place.secrets.fill(text, field=field)


def _built(name: str, spec: ObjectSpec, **options: Any) -> ObjectStore:
    """Return a store of obstore. Raises MlopsError where it is not installed, or where the options do not fit."""
    try:
        from obstore import store as stores
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise failed(
            "extra is not installed",
            f"`{spec.uri}` is read through the package obstore, which is not installed. Install it: pip install "
            "'mlops[source-objects]'",
        ) from error
    given = {key: value for key, value in options.items() if value is not None}
    client = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(seconds=600), "allow_http": True}
    try:
        made: ObjectStore = getattr(stores, name)(spec.bucket, client_options=client, retry_config=_RETRY, **given)
    except (BaseError, ValueError) as error:
        raise failed(
            "source cannot be read", f"`{spec.uri}`: {_first_sentence(error)}. Correct the source's fields."
        ) from None
    return made


class _Bucket:
    """The objects that one uri names. `where`: the service, in words."""

    def __init__(self, store: ObjectStore, spec: ObjectSpec, where: str) -> None:
        self._store, self._spec, self._where = store, spec, where
        self.identity = json.dumps([where, spec.bucket])

    def files(self) -> list[RemoteFile]:
        return self._asked(self._files)

    def fetch(self, file: RemoteFile, path: Path) -> None:
        self._asked(lambda: self._fetch(file, path))

    def _files(self) -> list[RemoteFile]:
        key = self._spec.key
        if not is_glob(key) and not key.endswith("/") and (found := self._one(key)):
            return [found]
        folder = folder_of(key)
        import obstore

        pages = obstore.list(self._store, folder.rstrip("/") or None, chunk_size=_PAGE)
        listed = [_remote_file(each) for page in pages for each in page]
        chosen = chosen_files(listed, key, format=self._spec.folder_format())
        if not chosen:
            bucket = f"the bucket {self._spec.bucket} of {self._where}"
            if listed and not is_glob(key):
                raise missing(self._spec.uri, f"holds no files of a format that is known in {bucket}; say `format`")
            raise missing(self._spec.uri, f"matches nothing in {bucket}")
        return chosen

    def _one(self, key: str) -> RemoteFile | None:
        import obstore

        try:
            return with_path(_remote_file(obstore.head(self._store, key)))
        except FileNotFoundError:
            return None

    def _fetch(self, file: RemoteFile, path: Path) -> None:
        import obstore
        from obstore.exceptions import PreconditionError

        is_etag = not file.tag.startswith(_MODIFIED)
        try:
            got = obstore.get(self._store, file.key, options={"if_match": f'"{file.tag}"'} if is_etag else {})
            if _remote_file(got.meta) != file:
                raise moved(file.key)
            with path.open("wb") as copy:
                for chunk in got.stream():
                    copy.write(chunk)
        except (PreconditionError, FileNotFoundError):
            raise moved(file.key) from None

    def _asked(self, ask: Callable[[], _T]) -> _T:
        """Return what `ask` returns. Raises MlopsError, in words of the service, for what obstore raises."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        spec = self._spec
        where = f"{self._where} (bucket {spec.bucket})"
        try:
            return ask()
        except MlopsError:
            raise
        except FileNotFoundError:
            raise missing(spec.uri, f"is not in {where}") from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise self._refused(where) from None
        except (BaseError, OSError, ValueError) as error:
            if re.search(r"\b40[13] (Forbidden|Unauthorized)", str(error)):
                raise self._refused(where) from None
            if any(f"<Code>{code}</Code>" in str(error) for code in _NO_BUCKET):
                raise missing(spec.uri, f"names the bucket {spec.bucket}, which {self._where} does not have") from None
            raise source_unreachable(spec.uri, where, _first_sentence(error)) from None

    def _refused(self, where: str) -> Exception:
        fields = " and ".join(f"`{name}`" for name in type(self._spec).secrets()[:2])
        return refused(self._spec.uri, where, _ADVICE.format(fields=fields))


def _remote_file(meta: ObjectMeta) -> RemoteFile:
    """Services quote an ETag in a header, and some of them not in a list."""
    etag = (meta["e_tag"] or "").strip('"')
    return RemoteFile(meta["path"], meta["size"], etag or f"{_MODIFIED}{meta['last_modified']:%Y-%m-%dT%H:%M:%SZ}")


def _first_sentence(error: BaseException) -> str:
    """Return what obstore says of an error, without the XML and the Rust in it."""
    text = str(error).partition("\n\nDebug source")[0]
    message = re.search(r"<Message>([^<]*)", text)
    text = re.sub(r"<\?xml.*", message[1] if message else "", text, flags=re.DOTALL)
    return " ".join(text.split()).rstrip(".")
