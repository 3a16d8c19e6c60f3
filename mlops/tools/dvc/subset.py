"""Know what of DVC's language is understood here.

Lives here: unsupported_feature, which says what of a project is left to DVC itself.
Not here: reading the stages (reader).
Law: what is not known for certain is left to DVC.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_STAGE = {"cmd", "deps", "params", "outs", "metrics", "plots", "desc", "meta"}
_OUT = {"cache", "persist", "desc", "type", "labels", "meta"}
_PLOT = {"x", "y", "x_label", "y_label", "title", "header", "template"}
_CONFIG = {"core.analytics", "core.check_update", "core.autostage", "core.remote", "core.no_scm"}


def unsupported_feature(root: Path, content: Mapping[str, Any]) -> str | None:
    """Return what of the project is not known here, in words; None where everything is. `content`: the content of
    dvc.yaml."""
    for name, body in (content.get("stages") or {}).items():
        stage = body.get("do", body) if isinstance(body, Mapping) else None
        if not isinstance(stage, Mapping):
            return f"stage {name}"
        extra = sorted(set(body) - {"foreach", "do"}) if "do" in body else []
        extra += sorted(set(stage) - _STAGE)
        if extra:
            return f"`{extra[0]}` of stage {name}"
        if not isinstance(stage.get("cmd"), str) or not stage.get("outs", stage.get("metrics", stage.get("plots"))):
            return f"stage {name}, which has no single command or no output"
        found = _parts(name, stage)
        if found:
            return found
    return _settings(root)


def _parts(name: str, stage: Mapping[str, Any]) -> str | None:
    for path in stage.get("deps", ()):
        if not isinstance(path, str) or "://" in path or path.startswith("/"):
            return f"a dependency of stage {name}"
    for listed in stage.get("params", ()):
        if not isinstance(listed, Mapping) or any(
            not file.endswith(".json") or not keys for file, keys in listed.items()
        ):
            return f"the parameters of stage {name}"
    for group in ("outs", "metrics", "plots"):
        for out in stage.get(group, ()):
            path, options = next(iter(out.items())) if isinstance(out, Mapping) else (out, {})
            known = _OUT | (_PLOT if group == "plots" else set())
            if "://" in path or path.startswith("/") or set(options or {}) - known:
                return f"an output of stage {name}"
    return None


def _settings(root: Path) -> str | None:
    parser = configparser.ConfigParser()
    try:
        parser.read([root / ".dvc" / "config", root / ".dvc" / "config.local"])
    except configparser.Error:
        return "a setting in .dvc/config"
    for section in parser.sections():
        if "remote" in section:
            continue
        for key in parser[section]:
            if f"{section}.{key}" not in _CONFIG:
                return f"`{section}.{key}` in .dvc/config"
    return None
