"""Say where outputs are kept for other machines.

Lives here: StorageSettings, the fields of `storage:`.
Not here: the transfers (tools.dvc.remote), the rest of conf/project.yaml (project_file).
Law: no credential stands in a file.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, model_validator

from mlops.config.schema.base import FieldError, SecretText, Strict, spec_field

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^?#]*)?")
_ONLY_S3 = ("endpoint_url", "region", "profile", "access_key_id", "secret_access_key", "session_token")


def _remote(text: str) -> str:
    scheme, found, _ = text.partition("://")
    if found and scheme != "s3":
        raise ValueError(
            f"`{text}`: a folder or s3://BUCKET/PATH can be declared here. Any other remote that DVC knows is used where "
            "DVC itself names it: dvc remote add -d NAME URL"
        )
    if found and "@" in text.removeprefix("s3://").partition("/")[0]:
        raise FieldError("it holds credentials in the clear; write them as `access_key_id: ${secret:NAME}`", hide=True)
    if found and not _BUCKET.fullmatch(text):
        raise ValueError(f"`{text}` names no bucket; write s3://BUCKET/PATH")
    if not text.strip():
        raise ValueError("it is empty; write a folder or s3://BUCKET/PATH")
    return text


def _endpoint(text: str) -> str:
    if not re.fullmatch(r"https?://[^/@\s]+(/\S*)?", text):
        raise FieldError("it is no address of a server; write https://HOST[:PORT]", hide="@" in text)
    return text


class StorageSettings(Strict):
    """Where data sets and models are kept, so that another machine pulls them instead of making them again."""

    remote: Annotated[str, AfterValidator(_remote)] = spec_field(
        doc="s3://BUCKET/PATH, or a folder; a relative one is seen from the project's folder."
    )
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] | None = spec_field(
        None, doc="The server, where it is not Amazon's: https://HOST[:PORT]."
    )
    region: str | None = spec_field(None, doc="The bucket's region.")
    profile: str | None = spec_field(None, doc="A profile of ~/.aws/config, in place of the keys below.")
    access_key_id: SecretText | None = spec_field(
        None, doc="`${secret:NAME}`. Default: what the machine is logged in with."
    )
    secret_access_key: SecretText | None = spec_field(None, doc="`${secret:NAME}`.")
    session_token: SecretText | None = spec_field(None, doc="`${secret:NAME}`, for temporary keys.")

    @model_validator(mode="after")
    def _together(self) -> StorageSettings:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError(
                "`access_key_id` and `secret_access_key` go together; say both, or neither for what the machine is logged "
                "in with"
            )
        if self.session_token and not self.access_key_id:
            raise FieldError("it goes with `access_key_id` and `secret_access_key`", "session_token")
        said = [name for name in _ONLY_S3 if getattr(self, name) is not None]
        if said and not self.remote.startswith("s3://"):
            raise FieldError("a folder has none; take it out, or write s3://BUCKET/PATH as `remote`", said[0])
        return self
