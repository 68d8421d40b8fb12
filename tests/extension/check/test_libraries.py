"""Which library is asked about a checkpoint, and what is said where none can be."""

import pytest

from posembed.checkpoint.source import open_checkpoint
from posembed.extension.check import libraries
from posembed.extension.check.libraries import TIMM, TRANSFORMERS, installed, library_of


@pytest.fixture
def opened(write):
    return lambda name="out", **files: open_checkpoint(write({"weight": (4, 4)}, name=name, **files))


def test_the_configuration_decides(opened, monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    assert library_of(opened("a", config={"model_type": "bert"})) is TRANSFORMERS
    assert library_of(opened("b", config={"architectures": ["BertModel"]})) is TRANSFORMERS
    assert library_of(opened("c", config={"architecture": "vit_tiny", "model_type": "timm_wrapper"})) is TIMM


def test_a_library_that_is_not_installed_is_named(opened, monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda _: False)
    assert library_of(opened(config={"architecture": "vit"})) == "timm is not installed (pip install timm)"
    said = library_of(opened("b", config={"model_type": "bert"}))
    assert said == 'transformers is not installed (pip install "posembed[models]")'


def test_what_no_library_reads(opened):
    assert library_of(opened("a")) == "no config.json says which model it is"
    assert library_of(opened("b", config={"layers": 2})) == "config.json names no model of transformers or timm"
    said = library_of(opened("c", open_clip_config={"model_cfg": {}, "model_type": "x"}))
    assert said == "open_clip_config.json names no model of transformers or timm"
    file = opened("d", config={"model_type": "bert"}).root / "model.safetensors"
    assert "a single file has no configuration" in library_of(open_checkpoint(file))


def test_installed():
    assert installed("numpy")
    assert not installed("no_such_package")
