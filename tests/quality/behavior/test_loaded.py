"""The model of a checkpoint in memory."""

import json

import numpy as np
import pytest

from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError, MissingExtraError, WorkFailedError
from posembed.quality.behavior.loaded import load


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("bert", "masked", "BertForMaskedLM of transformers "),
        ("gpt2", "causal", "GPT2LMHeadModel of transformers "),
        ("vit", None, "ViTForImageClassification of transformers "),
    ],
)
def test_kind_and_class(loaded, name, kind, what):
    model, _ = loaded(name)
    assert (model.kind, model.pooling, model.notes) == (kind, "mean", ())
    assert model.what.startswith(what)


def test_nothing_is_printed(saved, capfd):
    load(open_checkpoint(saved("bert")))
    assert capfd.readouterr() == ("", "")


def test_what_does_not_load_is_said(write):
    lone = write({"wpe.weight": np.ones((16, 8), np.float32)}, config={"model_type": "nobody-knows"})
    with pytest.raises(WorkFailedError, match="nobody-knows"):
        load(open_checkpoint(lone))


def test_a_missing_library(saved, monkeypatch):
    said = "transformers is not installed (pip install posembed[models])"
    monkeypatch.setattr("posembed.quality.behavior.loaded.library_of", lambda _: said)
    with pytest.raises(MissingExtraError, match=r"running a model needs the package 'transformers'"):
        load(open_checkpoint(saved("bert")))


def test_length_aware_tables_are_refused(saved, tmp_path):
    for file in saved("bert").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="has length-aware tables"):
        load(open_checkpoint(tmp_path))


def test_a_pooling_that_is_not_ours_is_noted(saved, tmp_path):
    for file in saved("bert").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    kind = "sentence_transformers.models."
    listed = [{"idx": n, "path": "", "type": kind + name} for n, name in enumerate(("Transformer", "Dense"))]
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    model = load(open_checkpoint(tmp_path))
    assert (model.kind, model.pooling) == ("embedding", "mean")
    assert model.notes[0].startswith("vectors are the mean over the tokens")
