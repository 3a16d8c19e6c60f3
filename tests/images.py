"""What images are built on, kept in and run by, for real: a base of Debian, a storage of the tests' own, containers, a registry.

The base is made once by debootstrap, into a cache outside the checkout, from the mirror that this machine's apt uses.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("buildah", "crun", "debootstrap", "docker-registry", "unshare", "perl")
_OUT = ("./dev", "./var/cache", "./var/lib/apt/lists", "./usr/share/doc", "./usr/share/man", "./usr/share/locale")
_PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
_CGROUPS = "umount -R /sys/fs/cgroup 2>/dev/null; mount -t tmpfs none /sys/fs/cgroup && exec "
"""crun refuses the hybrid layout of cgroups that some machines have, even where its settings say to use none."""


def needed() -> None:
    """Skips the test where images cannot be built and run here, and fails it in CI."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_PATH) is None]
    if missing or os.getuid() != 0:
        why = (
            f"not installed: {', '.join(missing)}; .ci/packages installs it" if missing else "containers need root here"
        )
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)


def run(*words: str, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        words, env={**os.environ, "PATH": _PATH, **(env or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def base_archive() -> Path:
    """A tar file of Debian with python3 and nothing else, of the release that this machine runs."""
    release = next(
        line.partition("=")[2] for line in Path("/etc/os-release").read_text().splitlines() if "CODENAME" in line
    )
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-image"
    home.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(json.dumps([release, os.uname().machine, _OUT, 1]).encode()).hexdigest()[:12]
    archive = home / f"base-{release}-{key}.tar"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _bootstrap(release, archive)
    return archive


def _bootstrap(release: str, archive: Path) -> None:
    sites = run("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(SITE)", "Created-By: Packages")
    mirror = next(words[2] for words in map(str.split, sites.splitlines()) if words[:2] == [release, "main"])
    proxy = run("apt-config", "shell", "PROXY", "Acquire::http::Proxy").strip().partition("=")[2].strip("'")
    folder = archive.with_suffix(".tree")
    shutil.rmtree(folder, ignore_errors=True)
    env = {"http_proxy": proxy} if proxy and proxy != "DIRECT" else {}
    run("debootstrap", "--variant=minbase", "--include=python3", release, str(folder), mirror, env=env)
    out = [f"--exclude={path}/*" for path in _OUT]
    part = archive.with_suffix(".part")
    run("tar", "-C", str(folder), *out, "--numeric-owner", "--sort=name", "--mtime=@0", "-cf", str(part), ".")
    part.rename(archive)
    shutil.rmtree(folder)


@dataclass(frozen=True)
class Storage:
    """buildah's, in a folder of the tests'. `env`: with it, every buildah of this machine works there, without an engine."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        conf = self.folder / "storage.conf"
        if not conf.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            roots = f'graphroot = "{self.folder}/graph"\nrunroot = "{self.folder}/run"\n'
            conf.write_text(f'[storage]\ndriver = "vfs"\n{roots}')
        return {
            "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", "BUILDAH_LAYERS": "false",
            "CONTAINERS_STORAGE_CONF": str(conf),
        }  # fmt: skip

    def buildah(self, *words: str) -> str:
        return run("buildah", *words, env=self.env).strip()

    def bring_base(self, archive: Path) -> str:
        """NAME@DIGEST of an image of it."""
        made = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", made, str(archive), "/")
        self.buildah("commit", "--quiet", "--rm", "--timestamp", "0", made, "localhost/base")
        return f"localhost/base@{self.digest('localhost/base')}"

    def digest(self, reference: str) -> str:
        return self.buildah("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", reference)

    def config(self, reference: str) -> dict[str, Any]:
        image: dict[str, Any] = json.loads(self.buildah("inspect", "--type", "image", reference))
        config: dict[str, Any] = image["OCIv1"]["config"]
        return config

    def references(self) -> set[str]:
        return set(self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines())


@dataclass
class Container:
    """Runs as the image says: its user, its entry point; the root read-only, no capability, /tmp and mounts aside."""

    name: str
    state: Path
    log: Path
    user: str
    process: subprocess.Popen[bytes]

    def exec(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            _crun(self.state, "exec", "--user", self.user, self.name, *words),
            capture_output=True,
            text=True,
            check=False,
        )

    def ready(self) -> subprocess.CompletedProcess[str]:
        return self.exec("python3", "-m", "mlops.workloads.serving.probe")

    def stop(self) -> None:
        """SIGTERM, as a platform does."""
        subprocess.run(_crun(self.state, "kill", self.name, "TERM"), capture_output=True, check=False)


def _crun(state: Path, *words: str) -> list[str]:
    crun = shlex.join(["crun", "--root", str(state), "--cgroup-manager=disabled", *words])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", _CGROUPS + crun]


@contextmanager
def container(
    storage: Storage, reference: str, folder: Path, *, env: Mapping[str, str], mounts: Mapping[str, Path]
) -> Iterator[Container]:
    """`mounts`: where in the container -> what of this machine; it may be written where its owner is the image's user."""
    folder.mkdir(parents=True)
    image = storage.config(reference)
    made = storage.buildah("from", "--pull-never", reference)
    uid, _, gid = image["User"].partition(":")
    binds = [{"destination": at, "type": "bind", "source": str(path), "options": ["bind", "nosuid", "nodev"]}
             for at, path in mounts.items()]  # fmt: skip
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": storage.buildah("mount", made), "readonly": True},
        "process": {
            "user": {"uid": int(uid), "gid": int(gid)}, "cwd": image["WorkingDir"], "args": image["Entrypoint"],
            "env": [*image["Env"], *(f"{key}={value}" for key, value in env.items())],
            "noNewPrivileges": True, "capabilities": {"bounding": [], "effective": [], "permitted": []},
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
            *binds,
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("mount", "pid", "ipc", "uts")]},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    name, state, log = f"mlops-test-{os.getpid()}-{folder.name}", folder / "state", folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _crun(state, "run", "--bundle", str(folder), name), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield Container(name, state, log, image["User"], process)
    finally:
        subprocess.run(_crun(state, "delete", "--force", name), capture_output=True, check=False)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        storage.buildah("rm", made)


def until(fits: Callable[[], bool], what: Callable[[], str], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not fits():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


@contextmanager
def registry(folder: Path, port: int, user: str, password: str) -> Iterator[str]:
    """HOST:PORT of one on loopback, that lets one user in."""
    folder.mkdir(parents=True)
    bcrypt = run("perl", "-e", "print crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu))", password)
    (folder / "users").write_text(f"{user}:{bcrypt}\n")
    config = {
        "version": 0.1, "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"}, "auth": {"htpasswd": {"realm": "tests", "path": str(folder / "users")}},
    }  # fmt: skip
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, "PATH": _PATH},
        )  # fmt: skip
    try:
        until(lambda: _answers(port), (folder / "log.txt").read_text)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401
    except OSError:
        return False
    return True
