"""timm's own model, compared with the weights by name and shape."""

import json
import math
import sys
import types
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from posembed.extension.check.reading import CannotCheckError
from posembed.extension.check.timm_models import load_model, prepared, read_shapes


class Tiny(torch.nn.Module):
    """A vision model with one table."""

    def __init__(self, patches):
        super().__init__()
        side = math.isqrt(patches) * 8
        self.pretrained_cfg = {"input_size": (3, side, side)}
        self.pos_embed = torch.nn.Parameter(torch.zeros(1, patches, 8))

    def forward(self, pixels):
        return pixels.sum()


@pytest.fixture
def timm(monkeypatch):
    """A stand-in with the three names that are used: the real one is not needed to test what is made of it."""
    module = types.ModuleType("timm")
    module.__version__ = "1.0"
    module.is_model = lambda name: name == "tiny"

    def create_model(name, pretrained):
        assert name.startswith("local-dir:")
        assert pretrained != torch.empty(1).is_meta
        file = Path(name.removeprefix("local-dir:")) / "config.json"
        return Tiny((json.loads(file.read_text())["model_args"]["img_size"] // 8) ** 2)

    module.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", module)


def saved(folder, size, **tensors):
    folder.mkdir()
    save_file({"pos_embed": torch.zeros(1, 16, 8)} | tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"architecture": "tiny", "model_args": {"img_size": size}}))
    return folder


def test_a_model_that_fits(timm, tmp_path):
    reading = read_shapes(saved(tmp_path / "a", 32))
    assert (reading.what, reading.missing, reading.unexpected) == ("tiny of timm 1.0", frozenset(), frozenset())
    assert reading.mismatched == {}


def test_another_size_and_another_tensor(timm, tmp_path):
    reading = read_shapes(saved(tmp_path / "a", 64, head=torch.zeros(2)))
    assert reading.mismatched == {"pos_embed": ((1, 16, 8), (1, 64, 8))}
    assert reading.unexpected == {"head"}


def test_an_unknown_model(timm, tmp_path):
    folder = saved(tmp_path / "a", 32)
    (folder / "config.json").write_text(json.dumps({"architecture": "giant"}))
    with pytest.raises(CannotCheckError, match=r"timm 1\.0 has no model giant"):
        read_shapes(folder)


def test_a_model_is_called_as_one_of_transformers(timm, tmp_path):
    folder = saved(tmp_path / "a", 32)
    model = load_model(folder)
    assert (model.config.image_size, model.config.num_channels) == ((32, 32), 3)
    assert model(pixel_values=torch.ones(1, 3, 2, 2))[0] == 12
    assert prepared(folder, ["pixel_values"]) == {}
    model.model.patch_embed = types.SimpleNamespace(img_size=(16, 24))
    assert type(model.config)(model.model).image_size == (16, 24)
