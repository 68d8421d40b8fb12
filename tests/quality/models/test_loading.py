"""Files that can be loaded, and what is said of those that cannot."""

import json
import shutil
import sys

import pytest
import torch
import transformers

from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError
from posembed.extension import length_aware
from posembed.quality.models.loading import load_files


@pytest.fixture
def copied(example_checkpoints, tmp_path):
    return shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "copy")


def test_a_stored_limit_does_not_cut_and_nothing_is_padded(copied):
    content = json.loads((copied / "tokenizer.json").read_text(encoding="utf-8"))
    content["truncation"] = {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    content["padding"] = {"strategy": {"Fixed": 500}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                          "pad_type_id": 0, "pad_token": "[PAD]"}  # fmt: skip
    (copied / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    model, tokenizer = load_files(copied, "AutoModel")
    assert len(tokenizer.encode("the cat " * 50, add_special_tokens=False).ids) == 100
    assert not model.training


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_are_converted_to_float32(copied, dtype):
    transformers.AutoModel.from_pretrained(copied).to(dtype).save_pretrained(copied)
    assert load_files(copied, "AutoModel")[0].dtype == torch.float32


def test_length_aware_tables_are_loaded_where_they_lie(copied, monkeypatch):
    seen = []
    monkeypatch.setattr(
        length_aware, "load_length_aware", lambda model, folder: seen.append((type(model).__name__, folder))
    )
    load_files(copied, "AutoModel")
    assert seen == []
    (copied / "length_aware.safetensors").write_bytes(b"")
    load_files(copied, "AutoModel")
    assert seen == [("BertModel", copied)]


def test_no_tokenizer(copied):
    (copied / "tokenizer.json").unlink()
    with pytest.raises(InvalidArgumentError, match=r"has no tokenizer\.json, which is required"):
        load_files(copied, "AutoModel")


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_broken_files(copied, name):
    (copied / name).write_bytes(b"x")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_files(copied, "AutoModel")


def test_transformers_is_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"posembed\[models\]"):
        load_files(tmp_path, "AutoModel")
