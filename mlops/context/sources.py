"""Know the fingerprints of a project's sources.

Lives here: SourceFingerprints: of files as they are now; of what is remote as it is pinned, remembered, or asked for.
Not here: one scheme's fingerprint (mlops.sources), asking a remote source (workloads.data.ask_fingerprints).
Law: a remote source is asked at most once a command, and all of them in one process; what params/ pins stays pinned until
somebody asks for fresh data, so that a plan is the same on every machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlops.config.project import LoadedResource
from mlops.contracts.source_answers import SourceAnswer, SourceAnswers, SourceRequest
from mlops.errors import MlopsError, ToolFailed
from mlops.sources.source import fingerprint_of, remote_fingerprint_of
from mlops.tools.digest import Hashes
from mlops.tools.process import run
from mlops.tools.scratch import scratch

_ASKING = "mlops.workloads.data.ask_fingerprints"
_PATIENCE = 600.0


class SourceFingerprints:
    """The fingerprints that one command works with.

    `refresh`: ask for every remote source. `may_ask`: whether sources may be asked at all; where not, as in an environment
    that does not build, what is pinned counts. `resources`: all that is declared, so that all are asked together.
    """

    def __init__(
        self, root: Path, hashes: Hashes, resources: Iterable[LoadedResource], *, refresh: bool = False, may_ask: bool = True
    ) -> None:  # fmt: skip
        self._root, self._hashes, self._refresh, self._may_ask = root, hashes, refresh, may_ask
        self._resources = [resource for resource in resources if resource.address.kind == "dataset"]
        self._memory = root / ".mlops" / "cache" / "sources.json"
        self._answers: dict[str, SourceAnswer] = {}

    def of(self, dataset: str, name: str, source: Mapping[str, Any]) -> str:
        """Return the fingerprint of the source `name` of a data set. Raises MlopsError where it is not there or cannot be
        reached."""
        remote = remote_fingerprint_of(source)
        if remote is None:
            return fingerprint_of(source, root=self._root, digests=self._hashes)
        if known := self._known(dataset, name, source):
            return known
        key = _key(source)
        if key not in self._answers:
            self._ask({key: dict(source), **{_key(other): other for other in self._unknown()}})
        answer = self._answers[key]
        if answer.fingerprint is None:
            raise MlopsError.of(answer.summary, answer.detail, hint=answer.hint)
        return answer.fingerprint

    def _known(self, dataset: str, name: str, source: Mapping[str, Any]) -> str | None:
        """Return what is known without asking; None where it must be asked for."""
        pinned = self._pinned(dataset, name, source)
        if not self._may_ask and pinned:
            return pinned
        remote = remote_fingerprint_of(source)
        if self._refresh or (remote is not None and remote.asks_always(source)):
            return None
        return pinned or self._remembered().get(_key(source))

    def _pinned(self, dataset: str, name: str, source: Mapping[str, Any]) -> str | None:
        """Return what params/ pins of the source, where it is declared there as it is now."""
        params = _read_json(self._root / "params" / "dataset" / f"{dataset}.json").get("prepare", {})
        same = params.get("sources", {}).get(name) == dict(source)
        pinned = params.get("fingerprint", {}).get(name) if same else None
        return str(pinned) if pinned else None

    def _unknown(self) -> Iterator[dict[str, Any]]:
        for resource in self._resources:
            for name, source in resource.inputs["sources"].items():
                is_remote = remote_fingerprint_of(source) is not None
                if is_remote and self._known(resource.address.name, name, source) is None:
                    yield dict(source)

    def _ask(self, sources: Mapping[str, dict[str, Any]]) -> None:
        with scratch(self._root / ".mlops" / "tmp") as folder:
            (folder / "request.json").write_bytes(msgspec.json.encode(SourceRequest(sources=tuple(sources.values()))))
            try:
                run([sys.executable, "-P", "-m", _ASKING, str(folder.absolute())], cwd=self._root, timeout=_PATIENCE)
                answers = msgspec.json.decode((folder / "answer.json").read_bytes(), type=SourceAnswers).answers
            except ToolFailed as error:
                raise ToolFailed.of("sources cannot be asked", error.problems[0].detail) from error
        self._answers.update(zip(sources, answers, strict=True))
        self._remember({key: one.fingerprint for key, one in self._answers.items() if one.fingerprint is not None})

    def _remembered(self) -> Mapping[str, str]:
        return _read_json(self._memory)

    def _remember(self, found: Mapping[str, str]) -> None:
        """Write down what was found; a failure costs only time."""
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._memory.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps({**self._remembered(), **found}, sort_keys=True))
            temporary.replace(self._memory)
        except OSError:
            pass


def _key(source: Mapping[str, Any]) -> str:
    return json.dumps(source, sort_keys=True)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
