"""Which sections of a model a module of the user leaves without a reader, as its file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.kinds.staged.target_hooks import refuse_ignored

_NET = """
raise RuntimeError("imported")
class Base(LightningModule):
    def training_step(self, batch, index): ...
class Net(Base):
    def configure_optimizers(self): ...
class Plain(Module):
    def forward(self, x): ...
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/net.py").write_text(_NET)
    return tmp_path


@pytest.mark.parametrize(("section", "hook"), [("loss", "training_step"), ("optimizer", "configure_optimizers")])
def test_section_that_the_class_replaces_is_refused_without_importing_it(root: Path, section: str, hook: str) -> None:
    inputs = {"architecture": {"_target_": "nets.net.Net"}, section: {"name": "x"}}
    with pytest.raises(MlopsError, match=f"`nets.net.Net` defines `{hook}`, so nothing would read `{section}:`"):
        refuse_ignored(inputs, root)


@pytest.mark.parametrize("target", ["nets.net.Plain", "nets.net.Base", "nets.gone.Net", "elsewhere.Net"])
def test_section_that_something_may_read_is_let_through(root: Path, target: str) -> None:
    refuse_ignored({"architecture": {"_target_": target}, "optimizer": {"lr": 1.0}}, root)
