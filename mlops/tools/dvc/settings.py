"""Know DVC's settings.

Lives here: DvcSettings: the remote, the cache, and the files of .dvc/ as another folder, or another machine, can use them.
Not here: which settings are understood (subset).
Law: what .dvc/config.local holds may be secret, and stays in a text of its own.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from pathlib import Path

CONFIG, LOCAL = "config", "config.local"
_REMOTE = re.compile(r"""'?remote "(.+?)"'?""")
_OF_THIS_MACHINE = ("cache", "state", "index", "db")


@dataclass(frozen=True)
class DvcSettings:
    root: Path
    shared: RawConfigParser
    local: RawConfigParser

    @classmethod
    def of(cls, root: Path) -> DvcSettings:
        """Read the settings. A file that cannot be read counts as empty; DVC itself will say what is wrong with it."""
        return cls(root, _read(root / ".dvc" / CONFIG), _read(root / ".dvc" / LOCAL))

    @property
    def remote(self) -> str | None:
        """Return the address of the default remote."""
        name = self._value("core", "remote")
        for parser in (self.local, self.shared):
            for section in parser.sections():
                found = _REMOTE.fullmatch(section)
                if found and found[1] == name and (url := parser.get(section, "url", fallback="")):
                    return self._absolute(url)
        return None

    def with_remote(self, name: str, url: str, options: Mapping[str, str]) -> DvcSettings:
        """Return the settings with one more remote, which is the default. `options`: as DVC names them."""
        shared, local = _copy(self.shared, whole=True), _copy(self.local, whole=True)
        for parser in (shared, local):
            if parser.has_section("core"):
                parser.remove_option("core", "remote")
            for section in (f'remote "{name}"', f"'remote \"{name}\"'"):
                parser.remove_section(section)
        _put(shared, "core", "remote", name)
        for key, value in {"url": url, **options}.items():
            _put(shared, f"'remote \"{name}\"'", key, value)
        return DvcSettings(self.root, shared, local)

    @property
    def cache(self) -> Path:
        return Path(self._absolute(self._value("cache", "dir") or "cache"))

    def texts(self, *, cache: bool = False, site: Path | None = None) -> dict[str, str]:
        """Return file name below .dvc/ -> text, without git and without paths that depend on where the file lies;
        `cache`: with this cache. `site`: where DVC keeps what it remembers of the repository; else where it likes."""
        shared = _copy(self.shared)
        for key, value in (
            ("no_scm", "true"),
            ("analytics", "false"),
            ("check_update", "false"),
            ("autostage", "false"),
        ):
            _put(shared, "core", key, value)
        if cache:
            _put(shared, "cache", "dir", str(self.cache))
        if site:
            _put(shared, "core", "site_cache_dir", str(site))
        local = _copy(self.local)
        for parser in (shared, local):
            for section in filter(_REMOTE.fullmatch, parser.sections()):
                if url := parser.get(section, "url", fallback=""):
                    parser.set(section, "url", self._absolute(url))
        return {CONFIG: _text(shared), **({LOCAL: _text(local)} if local.sections() else {})}

    def _value(self, section: str, key: str) -> str | None:
        return self.local.get(section, key, fallback=None) or self.shared.get(section, key, fallback=None)

    def _absolute(self, path: str) -> str:
        return path if "://" in path else str((self.root / ".dvc" / Path(path).expanduser()).resolve())


def _read(path: Path) -> RawConfigParser:
    parser = RawConfigParser(strict=False)
    try:
        parser.read(path)
    except Error:
        return RawConfigParser()
    return parser


def _copy(parser: RawConfigParser, *, whole: bool = False) -> RawConfigParser:
    """Return a copy; without the sections that are of this machine alone, unless it is `whole`."""
    made = RawConfigParser()
    for section in parser.sections():
        if whole or section not in _OF_THIS_MACHINE:
            made[section] = dict(parser[section])
    return made


def _put(parser: RawConfigParser, section: str, key: str, value: str) -> None:
    if not parser.has_section(section):
        parser.add_section(section)
    parser.set(section, key, value)


def _text(parser: RawConfigParser) -> str:
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()
