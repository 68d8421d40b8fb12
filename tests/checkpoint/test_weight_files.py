"""Which files of a directory hold the weights; whole checkpoints: test_source.py."""

import json

import numpy as np
import pytest

from posembed.checkpoint.weight_files import choose_weights, indexed_files, inside, transformer_directory, weight_map
from posembed.errors import CheckpointError, InvalidArgumentError


def touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"")


def index(folder, name, mapping):
    (folder / name).write_text(json.dumps({"weight_map": mapping}))


ORDER = [
    "model.safetensors",
    "open_clip_model.safetensors",
    "model.safetensors.index.json",
    "anything.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_files_are_chosen_in_the_order_of_transformers(tmp_path, first):
    names = ORDER[first:]
    if "model.safetensors.index.json" in names[1:]:
        names = [name for name in names if name != "anything.safetensors"]
    touch(tmp_path, "shard.bin", "adapter_model.safetensors", *(name for name in names if "index" not in name))
    for name in names:
        if "index" in name:
            index(tmp_path, name, {"a": "shard.bin"})
    files, found_index = choose_weights(tmp_path)
    if "index" in names[0]:
        assert (files, found_index) == ((tmp_path / "shard.bin",), tmp_path / names[0])
    else:
        assert (files, found_index) == ((tmp_path / names[0],), None)


def test_an_index_names_each_file_once(tmp_path):
    touch(tmp_path, "a.bin", "b.bin")
    index(tmp_path, "i.json", {"x": "b.bin", "y": "a.bin", "z": "b.bin"})
    assert indexed_files(tmp_path / "i.json") == (tmp_path / "b.bin", tmp_path / "a.bin")
    assert weight_map(tmp_path / "i.json")["z"] == tmp_path / "b.bin"


@pytest.mark.parametrize("name", ["", "..", "../x", "a/../../x", "/x", "a\0b"])
def test_names_that_lead_outside(tmp_path, name):
    with pytest.raises(CheckpointError, match="which lies outside of its directory: refused as unsafe"):
        inside(tmp_path, name, tmp_path / "i.json")


@pytest.mark.parametrize(("length", "fits"), [(255, True), (256, False)])
def test_names_of_more_than_255_bytes(tmp_path, length, fits):
    if fits:
        assert inside(tmp_path, "x" * length, tmp_path / "i.json") == tmp_path / ("x" * length)
    else:
        with pytest.raises(CheckpointError, match="too long for a file name"):
            inside(tmp_path, "x" * length, tmp_path / "i.json")


def test_folders_below_are_inside(tmp_path):
    assert inside(tmp_path, "a/b", tmp_path / "i.json") == tmp_path / "a" / "b"


def test_the_folder_of_the_transformer(tmp_path):
    assert transformer_directory(tmp_path) == tmp_path
    modules = [{"path": "1_Pooling", "type": "models.Pooling"}, {"path": "0_T", "type": "models.Transformer"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert transformer_directory(tmp_path) == tmp_path / "0_T"
    (tmp_path / "modules.json").write_text('[{"path": "", "type": "sentence_transformers.models.CLIPModel"}]')
    assert transformer_directory(tmp_path) == tmp_path
    (tmp_path / "modules.json").write_text('[{"path": "1_Pooling", "type": "models.Pooling"}]')
    with pytest.raises(InvalidArgumentError, match="lists no Transformer module"):
        transformer_directory(tmp_path)


def test_a_folder_without_weights(tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"no weights found \(looked for model.safetensors, .*"):
        choose_weights(tmp_path)
    touch(tmp_path, *(f"{n}.safetensors" for n in range(8)))
    with pytest.raises(InvalidArgumentError, match=r"holds 8 safetensors files and no index \(0.*, 5.safetensors\)"):
        choose_weights(tmp_path)


def test_one_file_of_another_format_and_several(tmp_path):
    np.savez(tmp_path / "weights.npz", a=np.ones(2))
    assert choose_weights(tmp_path) == ((tmp_path / "weights.npz",), None)
    np.savez(tmp_path / "ema.npz", a=np.ones(2))
    with pytest.raises(InvalidArgumentError, match=r"holds 2 weight files \(ema\.npz, weights\.npz\): name one"):
        choose_weights(tmp_path)
