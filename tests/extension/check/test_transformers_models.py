"""Transformers' own loader, given shapes without memory."""

import pytest

from posembed.extension.check.reading import CannotCheckError
from posembed.extension.check.transformers_models import model_class, read_shapes

pytestmark = pytest.mark.filterwarnings("ignore")


def config(**fields):
    from transformers import BertConfig

    return BertConfig(**fields)


def test_the_class_that_the_configuration_names():
    assert model_class(config(architectures=["BertForMaskedLM"])).__name__ == "BertForMaskedLM"
    assert model_class(config()).__name__ == "BertModel"
    assert model_class(config(architectures=["OurOwnBert"])).__name__ == "BertModel"


def test_a_class_that_is_not_exported():
    from transformers import BertConfig, Kosmos2Config

    vision = Kosmos2Config().vision_config
    vision.architectures = ["Kosmos2VisionModel"]
    assert model_class(vision).__name__ == "Kosmos2VisionModel"
    assert model_class(BertConfig(architectures=["BertLayer"])).__name__ == "BertModel"


def test_no_class():
    unknown = config(architectures=["OurOwnBert"])
    unknown.model_type = "bert2"
    with pytest.raises(CannotCheckError, match=r"transformers 5.* has no model class for OurOwnBert"):
        model_class(unknown)


def test_a_sound_checkpoint(small_model):
    source = small_model("bert")
    reading = read_shapes(source)
    assert (reading.missing, reading.unexpected, reading.mismatched) == (frozenset(), frozenset(), {})


def test_a_model_most_of_which_the_weights_lack(small_model, monkeypatch):
    """Under other names, every tensor would be given memory and random values."""
    from safetensors.numpy import load_file, save_file

    from posembed.extension.check import transformers_models

    source = small_model("bert")
    monkeypatch.setattr(transformers_models, "REST_BYTES", 10_000)
    assert not read_shapes(source).missing
    weights = load_file(source / "model.safetensors")
    save_file({f"{key}_": value for key, value in weights.items()}, source / "model.safetensors", {"format": "pt"})
    with pytest.raises(CannotCheckError, match="0 GiB of BertForMaskedLM are not in the weights under its names"):
        read_shapes(source)


def test_an_unknown_dtype(small_model):
    import torch

    source = small_model("bert")
    torch.save({"weight": torch.zeros(2, dtype=torch.complex64)}, source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    with pytest.raises(CannotCheckError, match="the weights have the dtype"):
        read_shapes(source)
