"""Which files a checkpoint is made of, and checkpoints that are broken, unsafe or incomplete: one sentence each."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from posembed import extend_checkpoint, find_tables
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError

WPE = {"wpe.weight": np.ones((16, 8), np.float32)}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "config.json").write_text('{"model_type": "gpt2", "n_positions": 16}')
    return tmp_path / "source"


def keys(path):
    return [table.key for table in find_tables(path) if table.refused is None]


@pytest.mark.parametrize("name", ["model.safetensors", "open_clip_model.safetensors", "anything.safetensors"])
def test_a_directory_with_one_file_or_the_file(folder, name):
    save_file(WPE, folder / name)
    assert keys(folder) == keys(folder / name) == keys(str(folder)) == ["wpe.weight"]


@pytest.mark.parametrize("name", ["pytorch_model.bin", "open_clip_pytorch_model.bin"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pytorch_files(folder, name, zipped):
    torch.save(
        {"wpe.weight": torch.randn(16, 8)}, folder / name, _use_new_zipfile_serialization=zipped, pickle_protocol=2
    )
    assert keys(folder) == keys(folder / name) == ["wpe.weight"]


def test_safetensors_come_before_pickles(folder):
    save_file(WPE, folder / "model.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    assert open_checkpoint(folder).files == (folder / "model.safetensors",)


def test_adapters_are_not_the_weights(folder):
    save_file(WPE, folder / "weights.safetensors")
    save_file({"lora": np.ones(2)}, folder / "adapter_model.safetensors")
    assert open_checkpoint(folder).files == (folder / "weights.safetensors",)


def test_several_files_without_an_index(folder):
    for name in "ab":
        save_file(WPE, folder / f"{name}.safetensors")
    with pytest.raises(
        InvalidArgumentError, match=r"2 safetensors files and no index \(a.safetensors, b.safetensors\)"
    ):
        open_checkpoint(folder)


@pytest.mark.parametrize("inner", ["", "0_Transformer", "deep/er"])
@pytest.mark.parametrize("kind", ["sentence_transformers.models.Transformer", "Transformer"])
def test_sentence_transformers(folder, inner, kind):
    modules = [
        {"idx": 0, "name": "0", "path": inner, "type": kind},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / inner).mkdir(parents=True, exist_ok=True)
    save_file(WPE, folder / inner / "model.safetensors")
    (folder / "config.json").replace(folder / inner / "config.json")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    checkpoint = open_checkpoint(folder)
    assert (checkpoint.root, checkpoint.directory) == (folder, folder / inner)
    plan = extend_checkpoint(folder, folder.parent / "out", 32)
    assert {(plan.relative(c.file), c.name, c.after) for c in plan.fields} == {
        ((Path(inner) / "config.json").as_posix(), "n_positions", 32),
        ("sentence_bert_config.json", "max_seq_length", 32),
    }
    assert keys(folder.parent / "out") == ["wpe.weight"]


# --- modules.json ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modules", "error", "message"),
    [
        ("{", CheckpointError, "modules.json: is not valid JSON"),
        ("[" * 100_000, CheckpointError, "modules.json: is not valid JSON"),
        ("3", CheckpointError, "is not a list"),
        ('{"a": 1}', CheckpointError, "is not a list"),
        ("[[]]", CheckpointError, "is not a list"),
        ("[null]", CheckpointError, "is not a list"),
        ('[{"type": "Transformer"}]', CheckpointError, "is not a list"),
        ("[]", InvalidArgumentError, "lists no Transformer module"),
        ('[{"path": "x", "type": "models.Pooling"}]', InvalidArgumentError, "lists no Transformer module"),
        ('[{"path": "../x", "type": "Transformer"}]', CheckpointError, "lies outside of its directory"),
        ('[{"path": "/etc", "type": "Transformer"}]', CheckpointError, "lies outside of its directory"),
        ('[{"path": "a\\u0000b", "type": "Transformer"}]', CheckpointError, "lies outside of its directory"),
        ('[{"path": "gone", "type": "Transformer"}]', InvalidArgumentError, "no weights found"),
        ('[{"path": "%s", "type": "Transformer"}]' % ("x" * 5000), CheckpointError, "modules.json: names .*too long"),
    ],
)
def test_modules_that_lead_nowhere(folder, modules, error, message):
    (folder / "modules.json").write_text(modules)
    save_file(WPE, folder / "model.safetensors")
    with pytest.raises(error, match=message):
        open_checkpoint(folder)


# --- indexes ---------------------------------------------------------------------------------------------------------


def indexed(folder, weight_map):
    save_file(WPE, folder / "a.safetensors")
    save_file({"other": np.ones(2)}, folder / "b.safetensors")
    text = weight_map if isinstance(weight_map, str) else json.dumps({"weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(text)


def test_an_index(folder):
    indexed(folder, {"wpe.weight": "a.safetensors", "other": "b.safetensors"})
    checkpoint = open_checkpoint(folder)
    assert checkpoint.files == (folder / "a.safetensors", folder / "b.safetensors")
    assert checkpoint.tensors["other"].file == folder / "b.safetensors"
    assert keys(folder / "model.safetensors.index.json") == ["wpe.weight"]


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"wpe.weight": "../a.safetensors"}, r"names '../a.safetensors', which lies outside of its directory"),
        ({"wpe.weight": "sub/../../a.safetensors"}, "lies outside of its directory: refused as unsafe"),
        ({"wpe.weight": "/etc/passwd"}, "names '/etc/passwd', which lies outside of its directory"),
        ({"wpe.weight": ""}, "names '', which lies outside of its directory"),
        ({"wpe.weight": "a\0b"}, "lies outside of its directory"),
        ({"wpe.weight": "gone.safetensors"}, "names the shard 'gone.safetensors', which is not there"),
        ({"wpe.weight": "x" * 5000}, "which is not there|too long"),
        ({"wpe.weight": "b.safetensors"}, r"says that 'wpe.weight' lies in b.safetensors, but it is not there"),
        ({"nope": "a.safetensors"}, r"says that 'nope' lies in a.safetensors, but it is not there"),
        ({"wpe.weight": 3}, "has no weight_map from tensor names to file names"),
        ({}, "has no weight_map"),
        ([], "has no weight_map"),
        ("[]", "must hold a JSON object, found an array"),
        ("{", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("\xff", "is not valid JSON|must hold"),
        ("9" * 5000, "is not valid JSON|must hold"),
    ],
)
def test_broken_and_unsafe_indexes(folder, weight_map, message):
    indexed(folder, weight_map)
    with pytest.raises(CheckpointError, match=message) as caught:
        open_checkpoint(folder)
    assert "model.safetensors.index.json" in str(caught.value)


def test_a_name_in_two_shards(folder):
    indexed(folder, {"wpe.weight": "a.safetensors", "other": "b.safetensors"})
    save_file({**WPE, "other": np.ones(2)}, folder / "b.safetensors")
    with pytest.raises(CheckpointError, match=r"holds 'wpe.weight', and so does a.safetensors"):
        open_checkpoint(folder)


# --- what is not there, or not what it says ---------------------------------------------------------------------------


def test_paths_that_hold_no_checkpoint(tmp_path, folder):
    cases = [
        (tmp_path / "gone", InvalidArgumentError, "does not exist: name a directory or file on this machine"),
        (folder, InvalidArgumentError, "no weights found"),
        (folder / "config.json", InvalidArgumentError, "is neither a directory nor a"),
        (tmp_path / "loop", CheckpointError, "loop"),
        (tmp_path / "dangling", CheckpointError, "a broken or circular symbolic link"),
        (str(tmp_path / "nul\0"), PosembedError, "does not exist|null"),
        (tmp_path / ("x" * 300), CheckpointError, "too long"),
    ]
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    for path, error, message in cases:
        with pytest.raises(error, match=message):
            open_checkpoint(path)


def test_weights_that_are_links_to_nowhere(folder):
    (folder / "model.safetensors").symlink_to("gone")
    with pytest.raises(CheckpointError, match="is a broken symbolic link: fetch the file again"):
        open_checkpoint(folder)


def test_weights_in_a_folder_below(folder):
    (folder / "unet").mkdir()
    save_file(WPE, folder / "unet" / "model.safetensors")
    with pytest.raises(InvalidArgumentError, match="weights lie in unet: name that folder"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("[]", "config.json: must hold a JSON object, found an array"),
        ("null", "must hold a JSON object, found null"),
        ("", "is not valid JSON"),
        ("{'a': 1}", "is not valid JSON"),
        ('{"a": ' * 100_000, "is not valid JSON"),
        ('{"a": %s}' % ("9" * 5000), "is not valid JSON"),
    ],
)
def test_configurations_that_are_none(folder, config, message):
    save_file(WPE, folder / "model.safetensors")
    (folder / "config.json").write_text(config)
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(folder)


def test_a_configuration_that_is_no_text(folder):
    save_file(WPE, folder / "model.safetensors")
    (folder / "config.json").write_bytes(b'{"model_type": "\xff"}')
    with pytest.raises(CheckpointError, match=r"config.json: is not valid JSON"):
        open_checkpoint(folder)


def test_links_inside_are_followed_to_files_and_refused_to_folders(folder):
    save_file(WPE, folder.parent / "blob")
    (folder / "model.safetensors").symlink_to("../blob")
    extend_checkpoint(folder, folder.parent / "out", 32)
    assert not (folder.parent / "out" / "model.safetensors").is_symlink()
    (folder / "circle").symlink_to(".")
    with pytest.raises(CheckpointError, match="circle is a symbolic link to a directory, which is not followed"):
        extend_checkpoint(folder, folder.parent / "again", 32)
    assert not (folder.parent / "again").exists()
