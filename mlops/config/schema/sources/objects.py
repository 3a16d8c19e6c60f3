"""Say what objects of a store may say.

Lives here: ObjectSpec, S3Source, GoogleSource, AzureSource.
Not here: what every file may say (source), web addresses (http).
Law: a credential is the name of a secret, never a value.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from mlops.config.schema.base import FieldError, SecretText, spec_field
from mlops.config.schema.sources.source import FileSpec

_ANONYMOUS = "Ask without credentials, for what everybody may read."


class ObjectSpec(FileSpec):
    """Objects of a store that hold one table, or parts of it."""

    extra: ClassVar[str | None] = "source-objects"
    endpoint: str | None = spec_field(
        None, doc="The address of the service, such as `https://minio.example.com:9000`. Default: the provider's own."
    )
    anonymous: bool = spec_field(False, doc=_ANONYMOUS)

    @field_validator("uri")
    @classmethod
    def _bucket_and_key(cls, uri: str) -> str:
        bucket, _, key = uri.partition("://")[2].partition("/")
        if not bucket or "@" in bucket:
            raise FieldError("it names no bucket; write SCHEME://BUCKET/path/to/file.parquet")
        if not key.strip("/"):
            raise FieldError(
                "it names a bucket and nothing in it; write SCHEME://BUCKET/FOLDER/, or SCHEME://BUCKET/*.parquet"
            )
        return uri

    @field_validator("endpoint")
    @classmethod
    def _address(cls, endpoint: str | None) -> str | None:
        try:
            parts = urlsplit(endpoint or "http://x")
            _ = parts.port
        except ValueError as error:
            raise FieldError(f"it is no web address: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FieldError("write it as `https://HOST:PORT`")
        if parts.password is not None:
            raise FieldError("a password does not stand in an address", hide=True)
        return endpoint

    @property
    def bucket(self) -> str:
        """The bucket, or container, of the uri."""
        return self.uri.partition("://")[2].partition("/")[0]

    @property
    def key(self) -> str:
        """What the uri names in the bucket."""
        return self.uri.partition("://")[2].partition("/")[2]

    def credentials(self) -> list[str]:
        """Return the names of the fields that hold a secret and are given."""
        return [name for name in type(self).secrets() if getattr(self, name) is not None]

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        """Return the names of the fields that may hold a secret."""
        return ()

    @model_validator(mode="after")
    def _no_credentials_where_anonymous(self) -> ObjectSpec:
        if self.anonymous and (given := self.credentials()):
            raise FieldError("`anonymous: true` asks without credentials; take one out", given[0])
        return self


class KeyedSpec(ObjectSpec):
    """Objects of a store that knows pairs of keys, as S3 does."""

    access_key: SecretText | None = spec_field(None, doc="`${secret:NAME}`: the id of the access key.")
    secret_key: SecretText | None = spec_field(None, doc="`${secret:NAME}`: the secret of the access key.")

    @model_validator(mode="after")
    def _both_keys(self) -> KeyedSpec:
        if (self.access_key is None) != (self.secret_key is None):
            missing = "access_key" if self.access_key is None else "secret_key"
            raise FieldError(
                f"the pair needs `{missing}` too", "secret_key" if missing == "access_key" else "access_key"
            )
        return self


class S3Source(KeyedSpec):
    """Objects of Amazon S3, or of a store that speaks its language, such as MinIO or R2."""

    uri_begins: ClassVar[str | None] = r"^s3://"
    uri: str = spec_field(
        doc="`s3://BUCKET/path/to/file.parquet`, a folder (`s3://BUCKET/raw/`) or a pattern (`s3://BUCKET/raw/**/*.csv`). Each "
        "plan asks for ETags and sizes. Without keys, those of the environment or of the machine's role are used."
    )
    session_token: SecretText | None = spec_field(None, doc="`${secret:NAME}`, for keys that are lent for some hours.")
    region: str | None = spec_field(None, doc="Such as eu-central-1. Default: AWS_REGION, else us-east-1.")

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        return "access_key", "secret_key", "session_token"


class GoogleSource(KeyedSpec):
    """Objects of Google Cloud Storage."""

    uri_begins: ClassVar[str | None] = r"^gs://"
    uri: str = spec_field(
        doc="`gs://BUCKET/path/to/file.parquet`, a folder or a pattern, as of s3. Without credentials, those of the environment "
        "(GOOGLE_APPLICATION_CREDENTIALS) or of the machine are used."
    )
    service_account: SecretText | None = spec_field(
        None,
        doc="`${secret:NAME}`: the JSON key of a service account. In its place, `access_key` and `secret_key` are an HMAC key.",
    )

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        return "access_key", "secret_key", "service_account"

    @model_validator(mode="after")
    def _one_credential(self) -> GoogleSource:
        if self.service_account is not None and self.access_key is not None:
            raise FieldError("there is an HMAC key (`access_key`) too; take one out", "service_account")
        return self


class AzureSource(ObjectSpec):
    """Blobs of Azure Storage."""

    uri_begins: ClassVar[str | None] = r"^az://"
    uri: str = spec_field(
        doc="`az://CONTAINER/path/to/file.parquet`, a folder or a pattern, as of s3. Without credentials, those of the "
        "environment (AZURE_CLIENT_ID, …) or of the machine are used."
    )
    account: str = spec_field(doc="The name of the storage account.", min_length=1)
    account_key: SecretText | None = spec_field(None, doc="`${secret:NAME}`: a key of the account.")
    sas_token: SecretText | None = spec_field(None, doc="`${secret:NAME}`: a shared access signature.")

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        return "account_key", "sas_token"

    @model_validator(mode="after")
    def _one_credential(self) -> AzureSource:
        if self.account_key is not None and self.sas_token is not None:
            raise FieldError("there is an `account_key` too; take one out", "sas_token")
        return self
