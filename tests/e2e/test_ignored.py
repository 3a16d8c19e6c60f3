"""What git adds in a project after an apply: no value of a secret, and nothing below .mlops/."""

from __future__ import annotations

import os
import subprocess

from tests.e2e.conftest import KEY, Workplace


def indexed(place: Workplace) -> dict[str, bytes]:
    """Return what `git add -A` would put into the index, in a project whose own .gitignore says nothing."""
    root, index = place.root, place.root.parent / "index"
    env = {**os.environ, "GIT_INDEX_FILE": str(index)}
    ignore = root / ".gitignore"
    said = ignore.read_text()
    ignore.write_text("")
    try:
        subprocess.run(["git", "-c", "core.excludesFile=/dev/null", "add", "-A"], cwd=root, env=env, check=True)
    finally:
        ignore.write_text(said)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, env=env, check=True, capture_output=True).stdout
    names = [name.decode() for name in listed.split(b"\0") if name]
    show = ["git", "cat-file", "blob"]
    return {
        name: subprocess.run([*show, f":{name}"], cwd=root, env=env, check=True, capture_output=True).stdout
        for name in names
    }


def test_git_adds_no_secret_and_nothing_of_this_machine(small: Workplace) -> None:
    small.edit("conf/endpoint/late.yaml", "replicas: 2", 'replicas: 2\nauth: { api_key: "${secret:DELAY_API_KEY}" }')
    try:
        small.mlops("apply", "--yes")
        route = small.root / ".mlops/run/dev/local/endpoints/late/route.json"
        assert KEY not in route.read_text()
        assert small.words() == {}
        added = indexed(small)
        assert "conf/endpoint/late.yaml" in added
        assert [name for name in added if name.startswith((".mlops", ".dvc/cache", ".dvc/tmp"))] == []
        assert [name for name, content in added.items() if KEY.encode() in content] == []
        stored = [path for path in (small.root / ".mlops").rglob("*") if path.is_file()]
        holders = {path.name for path in stored if KEY.encode() in path.read_bytes()}
        assert holders == {"routes.json"}, "only Envoy's own file, of mode 0600, holds the key"
    finally:
        small.edit("conf/endpoint/late.yaml", '\nauth: { api_key: "${secret:DELAY_API_KEY}" }', "")
        small.mlops("apply", "--yes")
