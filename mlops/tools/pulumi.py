"""Run the Pulumi programs that are shipped with this package.

Lives here: PulumiStack, one Pulumi stack of one program: preview, up, destroy; run_program; find_command.
Not here: what the programs are given (targets.kubernetes), where they lie (pulumi_programs), the objects (the programs).
Law: the program that runs here is the one that `pulumi up` runs; what a killed update left is repaired by the next.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.errors import MlopsError, ToolFailed
from mlops.tools.process import alive, program_environment, tail
from mlops.tools.pulumi_preview import PreviewedObject, previewed_object, step_of, step_text
from mlops.tools.pulumi_programs import find_program, importable

if TYPE_CHECKING:
    from mlops.tools.pulumi_session import PulumiSession

_HELD = re.compile(r"created by (\S+)@(\S+) \(pid (\d+)\)")
_PATIENCE = 60.0
_KEPT_BACKUPS = 10
_quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_AUTOMATION_API": "true", "NO_COLOR": "1"}


@dataclass(frozen=True)
class PulumiStack:
    """One stack of one Pulumi program. `root`: the root of the project. `program`: its name. `work`: where
    the files of the workspace lie. `backend`: its URL.

    Every method raises ToolFailed with the end of what the engine wrote.
    """

    root: Path
    program: str
    name: str
    work: Path
    backend: str
    passphrase: str = field(repr=False)
    _open_already: list[PulumiSession] = field(default_factory=list, init=False, repr=False, compare=False)

    def preview(
        self, inputs: Mapping[str, Any], secrets: Mapping[str, str], *, refresh: bool
    ) -> tuple[PreviewedObject, ...]:
        objects: dict[str, PreviewedObject] = {}

        def on_event(event: Any) -> None:
            step = step_of(event)
            if step is not None and (found := previewed_object(step)):
                objects[step.urn] = found

        self._run("preview", inputs, secrets, lambda stack: stack.preview(on_event=on_event, refresh=refresh))
        return tuple(sorted(objects.values(), key=lambda one: one.name))

    def up(
        self,
        inputs: Mapping[str, Any],
        secrets: Mapping[str, str],
        say: Callable[[str], None],
        *,
        refresh: bool = False,
    ) -> None:
        """Create or update the stack. Idempotent, after a kill at any moment too: what a dead update had begun to
        create is adopted.

        `refresh`: look at the cluster first, so that what others changed is put right.
        """

        def on_event(event: Any) -> None:
            step = step_of(event)
            if step is not None and (text := step_text(step)):
                say(text)

        def work(stack: PulumiSession) -> None:
            stack.up(on_event=on_event, refresh=refresh, suppress_outputs=True)

        try:
            self._run("up", inputs, secrets, work)
        except ToolFailed:
            if not self._was_interrupted():
                raise
            self._run("refresh", inputs, secrets, lambda stack: stack.refresh(clear_pending_creates=True))
            self._run("up", inputs, secrets, work, {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"})
        self._prune()

    def outputs(self) -> dict[str, Any]:
        """Return the outputs of the last update; empty where there was none."""
        from pulumi import automation as auto

        try:
            return self._open(lambda: None, {}, select_only=True).outputs_now()
        except auto.StackNotFoundError:
            return {}

    def destroy(self) -> None:
        """Destroy all objects and the stack itself. Idempotent."""
        from pulumi import automation as auto

        def work(stack: PulumiSession) -> None:
            stack.destroy(suppress_outputs=True)
            self._open_already.clear()
            stack.workspace.remove_stack(self.name)

        try:
            self._run("destroy", {}, {}, work, select_only=True)
        except ToolFailed as error:
            if not isinstance(error.__cause__, auto.StackNotFoundError):
                raise
        for path in self.work.glob("*"):
            path.unlink()
        if self.work.is_dir():
            self.work.rmdir()

    def _was_interrupted(self) -> bool:
        try:
            deployment = self._open(lambda: None, {}, select_only=True).export_stack().deployment
        except Exception:
            return False
        return bool((deployment or {}).get("pending_operations"))

    def _run(
        self, verb: str, inputs: Mapping[str, Any], secrets: Mapping[str, str], work: Callable[[PulumiSession], object],
        env: Mapping[str, str] | None = None, *, select_only: bool = False,
    ) -> None:  # fmt: skip
        from pulumi import automation as auto

        program = self._program(inputs, secrets)
        if verb == "up":
            self._keep(inputs)
        until = time.monotonic() + _PATIENCE
        while True:
            stack = None
            try:
                stack = self._open(program, env or {}, select_only=select_only)
                work(stack)
                return
            except auto.ConcurrentUpdateError as error:
                if stack is None or not self._freed(stack, str(error), until):
                    raise self._held(str(error)) from error
            except auto.CommandError as error:
                raise self._failed(verb, str(error)) from error

    def _keep(self, inputs: Mapping[str, Any]) -> None:
        """Write the inputs down for whoever wants to run the plain `pulumi` command on the same program; no secret is
        in them."""
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / "inputs.json").write_text(json.dumps(inputs, sort_keys=True))

    def _freed(self, stack: PulumiSession, text: str, until: float) -> bool:
        """Say whether it is worth trying again: the lock of a dead holder is removed, a living one of this machine is
        waited for."""
        holder = _HELD.search(text)
        if holder is None or holder[2] != socket.gethostname():
            return False
        if not alive(int(holder[3])):
            stack.cancel()
            return True
        time.sleep(0.5)
        return time.monotonic() < until

    def _held(self, text: str) -> ToolFailed:
        holder = _HELD.search(text)
        who = f"{holder[1]}@{holder[2]} (process {holder[3]})" if holder else "another update"
        return ToolFailed(
            *MlopsError.of(
                "Pulumi stack is locked",
                f"{who} holds the Pulumi stack {self.name} in {self.backend}. Wait for it; where it is dead, take its lock "
                f"away: pulumi cancel --stack {self.name}",
            ).problems
        )

    def _failed(self, verb: str, text: str) -> ToolFailed:
        lines = [line for line in _diagnostics(text) if line.strip()]
        shown = "\n".join(lines[-12:]) if lines else tail(text)
        detail = f"`pulumi {verb}` of the program {self.program}, stack {self.name}, did not succeed:\n{shown}"
        return ToolFailed(*MlopsError.of("Pulumi failed", detail).problems)

    def _program(self, inputs: Mapping[str, Any], secrets: Mapping[str, str]) -> Callable[[], None]:
        path = find_program(self.program)
        importable(path)

        def program() -> None:
            from pulumi.runtime.config import set_all_config

            config = {f"{self.program}:inputs": json.dumps(inputs), f"{self.program}:secrets": json.dumps(secrets)}
            set_all_config(config, [f"{self.program}:secrets"])
            run_program(path)

        return program

    def _open(self, program: Callable[[], None], env: Mapping[str, str], *, select_only: bool = False) -> PulumiSession:
        if not self._open_already:
            self._open_already.append(self._opened({}, select_only=select_only))
        stack = self._opened(env, select_only=True) if env else self._open_already[0]
        stack.workspace.program = program
        return stack

    def _opened(self, env: Mapping[str, str], *, select_only: bool) -> PulumiSession:
        from pulumi import automation as auto

        from mlops.tools.pulumi_session import PulumiSession

        self.work.mkdir(parents=True, exist_ok=True)
        home = os.environ.get("PULUMI_HOME") or str(self.root / ".mlops" / "pulumi" / "home")
        Path(home).mkdir(parents=True, exist_ok=True)
        _make_folder(self.backend)
        self._remove_broken_attributes()
        quiet = {**_quiet, "PULUMI_BACKEND_URL": self.backend, "PULUMI_CONFIG_PASSPHRASE": self.passphrase}
        workspace = auto.LocalWorkspace(
            work_dir=str(self.work), pulumi_home=home, pulumi_command=_command(),
            env_vars={**quiet, "PULUMI_K8S_ENABLE_PATCH_FORCE": "true", **env},
            project_settings=auto.ProjectSettings(name=self.program, runtime="python", main=str(Path.cwd())),
        )  # fmt: skip
        return PulumiSession(self.name, workspace, select_only=select_only)

    def _remove_broken_attributes(self) -> None:
        """Remove attribute files that a killed update left half written, where the backend is a folder. Pulumi writes
        such a file beside each file of the state, and not in one step; a broken one keeps the state from being read."""
        folder = _folder(self.backend)
        if folder is None:
            return
        own = [
            folder / ".pulumi/stacks" / self.program,
            folder / ".pulumi/locks/organization" / self.program / self.name,
        ]
        for path in [*own[0].glob(f"{self.name}.json*.attrs"), *own[1].glob("*.attrs")]:
            try:
                json.loads(path.read_bytes())
            except ValueError:
                path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue

    def _prune(self) -> None:
        """Remove old copies of the state, where the backend is a folder: Pulumi keeps one of every state, for ever."""
        folder = _folder(self.backend)
        if folder is None:
            return
        for part in ("backups", "history"):
            for old in sorted((folder / ".pulumi" / part / self.program / self.name).glob("*"))[: -_KEPT_BACKUPS * 2]:
                old.unlink(missing_ok=True)


def run_program(path: Path) -> None:
    """Run a program as `pulumi up` does. Several run at once, each in a thread; runpy would replace sys.argv and
    __main__ for all of them."""
    exec(compile(path.read_bytes(), str(path), "exec"), {"__name__": "__main__", "__file__": str(path)})  # noqa: S102


def _folder(backend: str) -> Path | None:
    return Path(backend.removeprefix("file://")) if backend.startswith("file://") else None


def _make_folder(backend: str) -> None:
    folder = _folder(backend)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)


def find_command() -> str | None:
    """Return the pulumi command: from the PATH, or the one that `mlops doctor --install-pulumi` fetched; None where
    neither is there."""
    import shutil

    found = shutil.which("pulumi", path=program_environment()["PATH"])
    if found:
        return found
    fetched = sorted((Path.home() / ".pulumi" / "versions").glob("*/bin/pulumi"))
    return str(fetched[-1]) if fetched else None


def install_command() -> str:
    """Fetch the command by the Automation API's own installer, which asks Pulumi's servers. Raises ToolFailed."""
    from pulumi import automation as auto

    try:
        auto.PulumiCommand.install()
    except Exception as error:
        raise ToolFailed(
            *MlopsError.of(
                "Pulumi cannot be fetched",
                f"{error}. Install it by your package manager or from Pulumi's site, so that `pulumi version` answers.",
            ).problems
        ) from error
    return find_command() or ""


_command_guard = threading.Lock()


def _command() -> Any:
    with _command_guard:
        return _command_of()


@cache
def _command_of() -> Any:
    from pulumi import automation as auto

    found = find_command()
    if found is None:
        raise ToolFailed.of("Pulumi is missing", MISSING)
    fetched = Path(found).parent.parent
    return auto.PulumiCommand(root=str(fetched)) if fetched.parent.name == "versions" else auto.PulumiCommand()


MISSING = (
    "Stacks on Kubernetes need the `pulumi` command, and it is not on the PATH. Have it fetched: mlops doctor "
    "--install-pulumi, or install it yourself."
)


def _diagnostics(text: str) -> list[str]:
    """Return the diagnostics from what the engine wrote."""
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line.strip() == "Diagnostics:"), None)
    if start is None:
        return [line for line in lines if "error" in line.lower()]
    end = next((i for i, line in enumerate(lines) if i > start and line.startswith(("Outputs:", "Resources:"))), None)
    return lines[start + 1 : end]
