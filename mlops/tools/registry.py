"""Ask a registry.

Lives here: RegistryAccess, who it is and who asks, and image_digest, whether it holds a manifest.
Not here: pushing and pulling (oci).
Law: only reads, and asks with a time limit; a password leaves this process in a header alone.
Source: the OCI distribution specification, and its token flow as registries speak it.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops.errors import ToolFailed

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


@dataclass(frozen=True)
class RegistryAccess:
    """A registry, and who asks it. `url`: HOST[:PORT][/PATH]. Without `username`, the builder's own login is used.
    `insecure`: the registry has no certificate."""

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    insecure: bool = False

    @property
    def host(self) -> str:
        return self.url.partition("/")[0]

    def path(self, repository: str) -> str:
        """Return the path of the repository, below the path that `url` may hold."""
        return f"{self.url.partition('/')[2]}/{repository}".lstrip("/")

    @property
    def token(self) -> str | None:
        if self.username is None:
            return None
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def image_digest(registry: RegistryAccess, repository: str, tag: str, *, timeout: float = 10.0) -> str | None:
    """Return the digest of the manifest under `tag`, which may be a digest; None where there is none. Raises ToolFailed
    where the registry does not answer that."""
    schemes = ("https", "http") if registry.insecure else ("https",)
    trouble = ""
    for scheme in schemes:
        url = f"{scheme}://{registry.host}/v2/{registry.path(repository)}/manifests/{tag}"
        try:
            return _digest(url, registry, timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            trouble = f"it answered {error.code} ({error.reason})"
            if error.code in (401, 403):
                break
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            trouble = f"it cannot be reached: {reason}"
    raise ToolFailed.of(
        "registry does not tell", f"{registry.host} was asked for {registry.path(repository)}:{tag}, and {trouble}."
    )


def _digest(url: str, registry: RegistryAccess, timeout: float) -> str | None:
    headers = {"Accept": _MANIFESTS}
    try:
        return _head(url, headers, registry, timeout)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        asked = error.headers.get("WWW-Authenticate", "")
        error.close()
    proof = _proof(asked, registry, timeout)
    return _head(url, {**headers, "Authorization": proof} if proof else headers, registry, timeout)


def _proof(asked: str, registry: RegistryAccess, timeout: float) -> str | None:
    """Return the authorization that the registry asks for in `WWW-Authenticate`; None where we have none."""
    scheme, _, rest = asked.partition(" ")
    basic = f"Basic {registry.token}" if registry.token else None
    if scheme.lower() != "bearer":
        return basic
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    query = urllib.parse.urlencode({key: challenge[key] for key in ("service", "scope") if key in challenge})
    url = f"{challenge.get('realm', '')}?{query}"
    if not url.startswith("https://") and not registry.insecure:
        raise ValueError(f"it wants the password sent to {challenge.get('realm', 'nowhere')}, which is not https")
    with _open(url, {"Authorization": basic} if basic else {}, registry, timeout) as answer:
        given = json.load(answer)
    return f"Bearer {given.get('token') or given.get('access_token')}"


def _head(url: str, headers: Mapping[str, str], registry: RegistryAccess, timeout: float) -> str | None:
    with _open(url, headers, registry, timeout, method="HEAD") as answer:
        digest: str | None = answer.headers.get("Docker-Content-Digest")
        return digest


def _open(
    url: str, headers: Mapping[str, str], registry: RegistryAccess, timeout: float, *, method: str = "GET"
) -> http.client.HTTPResponse:
    context = ssl.create_default_context()
    if registry.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, headers=dict(headers), method=method)  # noqa: S310  http(s) alone
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    answer: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    return answer
