"""Networks that begin with weights which were learned before."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mlops.config.schema.families.resnet import Resnet
from mlops.config.schema.training import Optimizer
from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.pictures import Picture
from mlops.workloads.training.families.network.optimizers import make_optimizer
from mlops.workloads.training.families.network.transfer import begin_from
from mlops.workloads.training.families.resnet import ResnetFamily
from mlops.workloads.training.train import train
from tests.workloads.picture_project import say_network, say_photos, write_digits

SMALL = {"channels": [4, 8], "blocks": [1, 1]}


def resnet(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    spec = Resnet(name="resnet", **SMALL, stem="large")
    return ResnetFamily().make(spec, width=192, outputs=3, pictures=[Picture(0, (3, 8, 8))])


def weights_as_torchvision(seed: int) -> dict[str, torch.Tensor]:
    """Weights under the names of torchvision's ResNet, with a last layer for 1,000 classes."""
    trunk = {name.removeprefix("trunk."): one for name, one in resnet(seed).state_dict().items() if "trunk." in name}
    return {**trunk, "fc.weight": torch.zeros(1000, 8), "fc.bias": torch.zeros(1000)}


def test_weights_of_torchvision_are_taken_but_for_the_last_layer(tmp_path: Path) -> None:
    torch.save(OrderedDict(weights_as_torchvision(1)), tmp_path / "resnet.pth")
    network, head = resnet(2), resnet(2).state_dict()["head.0.weight"]
    begin_from(network, "resnet.pth", tmp_path)
    for name, tensor in weights_as_torchvision(1).items():
        if not name.startswith("fc."):
            assert torch.equal(network.state_dict()[f"trunk.{name}"], tensor), name
    assert torch.equal(network.state_dict()["head.0.weight"], head)


def test_weights_of_hugging_face_are_taken_from_a_folder_of_parts(tmp_path: Path) -> None:
    names = {
        "conv1.weight": "resnet.embedder.embedder.convolution.weight",
        "bn1.bias": "resnet.embedder.embedder.normalization.bias",
        "layer1.0.conv2.weight": "resnet.encoder.stages.0.layers.0.layer.1.convolution.weight",
        "layer2.0.bn1.weight": "resnet.encoder.stages.1.layers.0.layer.0.normalization.weight",
        "layer2.0.downsample.0.weight": "resnet.encoder.stages.1.layers.0.shortcut.convolution.weight",
        "layer2.0.downsample.1.bias": "resnet.encoder.stages.1.layers.0.shortcut.normalization.bias",
    }
    ours = weights_as_torchvision(1)
    for tensor in ours.values():
        if tensor.is_floating_point():
            tensor.add_(0.5)
    parts = [(f"part-{number}.safetensors", name) for number, name in enumerate(names)]
    for file, name in parts:
        save_file({names[name]: ours[name].contiguous()}, tmp_path / file)
    index = {"weight_map": {names[name]: file for file, name in parts}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    network = resnet(2)
    begin_from(network, tmp_path.name, tmp_path.parent)
    for name in names:
        assert torch.equal(network.state_dict()[f"trunk.{name}"], ours[name]), name


def test_small_model_that_a_package_ships_is_read() -> None:
    """The weights by which torchmetrics compares what AlexNet sees in two images, as torch.save wrote them."""
    spec = find_spec("torchmetrics")
    assert spec
    assert spec.origin
    file = Path(spec.origin).parent / "functional/image/lpips_models/alex.pth"
    network = nn.ModuleDict({"lin0": nn.Module()})
    network["lin0"].model = nn.Sequential(nn.Dropout(), nn.Conv2d(64, 1, 1, bias=False))
    begin_from(network, str(file))
    assert torch.equal(
        network.state_dict()["lin0.model.1.weight"], torch.load(file, map_location="cpu")["lin0.model.1.weight"]
    )


def test_weights_that_fit_nowhere_are_refused(tmp_path: Path) -> None:
    save_file({"other.weight": torch.zeros(3, 3)}, tmp_path / "w.safetensors")
    with pytest.raises(MlopsError, match="None of the 1 weights"):
        begin_from(resnet(1), "w.safetensors", tmp_path)
    with pytest.raises(MlopsError, match="is not there"):
        begin_from(resnet(1), "missing.safetensors", tmp_path)
    with pytest.raises(MlopsError, match="Train it first"):
        begin_from(resnet(1), "model.base", tmp_path)


class Runs:
    def __reduce__(self) -> Any:
        return (print, ("this code ran",))


def test_file_whose_reading_would_run_code_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": Runs()}))
    with pytest.raises(MlopsError, match="without running code"):
        begin_from(resnet(1), "w.pth", tmp_path)
    assert "this code ran" not in capsys.readouterr().out


def test_rates_are_multiplied_for_the_weights_that_a_pattern_fits() -> None:
    network = resnet(1)
    optimizer = make_optimizer(network, Optimizer(lr=0.5, weight_decay=0.1), fused=False, rates={"trunk.*": 0.1})
    rates = {id(one): group["lr"] for group in optimizer.param_groups for one in group["params"]}
    for name, one in network.named_parameters():
        assert rates[id(one)] == pytest.approx(0.05 if name.startswith("trunk.") else 0.5)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a trained model of two digits, m, and one that begins with its weights."""
    monkeypatch.chdir(tmp_path)
    write_digits(tmp_path / "photos", 80, classes=2)
    say_photos(tmp_path)
    prepare("rows")
    say_network(tmp_path, task="binary", trainer={"max_epochs": 1})
    train("m")
    return tmp_path


def trained(root: Path, **changes: Any) -> dict[str, torch.Tensor]:
    trainer = {"max_epochs": 3, "early_stopping": None, "keep": "last"}
    say_network(root, "n", task="binary", init_from="model.m", trainer=trainer, **changes)
    train("n")
    return load_file(root / "models/n/train/network.safetensors")


def test_frozen_weights_and_their_norms_stay_as_they_were_read(base: Path) -> None:
    before = load_file(base / "models/m/train/network.safetensors")
    after = trained(base, fine_tune={"freeze": ["trunk.*"]})
    for name in before:
        assert torch.equal(before[name], after[name]) == name.startswith("trunk."), name


def test_unfrozen_weights_move_from_their_epoch_on(base: Path) -> None:
    before = load_file(base / "models/m/train/network.safetensors")
    after = trained(base, fine_tune={"freeze": ["trunk.*"], "unfreeze_epoch": 3})
    assert not torch.equal(before["trunk.0.weight"], after["trunk.0.weight"])
    later = trained(base, fine_tune={"freeze": ["trunk.*"], "unfreeze_epoch": 2})
    assert not torch.equal(later["trunk.0.weight"], after["trunk.0.weight"])


def test_pattern_that_fits_no_weight_is_refused(base: Path) -> None:
    with pytest.raises(MlopsError, match=r"`tronk\.\*` of `fine_tune.freeze` fits no weight"):
        trained(base, fine_tune={"freeze": ["tronk.*"]})
