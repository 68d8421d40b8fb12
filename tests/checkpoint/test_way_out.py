"""A path without weights that can be read says what it is, and where to go from there."""

import json

import pytest
import torch
from safetensors.torch import save_file

from posembed import find_tables
from posembed.checkpoint.way_out import is_pickle
from posembed.errors import CheckpointError, InvalidArgumentError

TABLE = {"wpe.weight": torch.randn(16, 8)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.t7", "a file of Lua Torch"),
        ("model.keras", "a Keras model"),
        ("saved_model.pb", "a TensorFlow graph"),
        ("bert_model.ckpt.index", "a part of a TensorFlow checkpoint: convert it with `transformers-cli convert`"),
        ("bert_model.ckpt.data-00000-of-00001", "a part of a TensorFlow checkpoint"),
        ("tf_model.h5", "TensorFlow weights"),
        ("flax_model.msgpack", "Flax weights"),
        ("pos.npy", r"a NumPy array: extend it with posembed\.extend_table"),
        ("model.tar.gz", "compressed: unpack it first"),
        ("model.txt", r"neither a directory nor a \.safetensors, \.bin"),
    ],
)
def test_other_files_are_named(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"content of some kind")
    with pytest.raises(InvalidArgumentError, match=message):
        find_tables(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pth.tar", "a.ckpt", "a.pkl", "a.bin", "a", "a.model", "0123abcd"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pytorch_files_of_any_name(tmp_path, name, zipped):
    torch.save(TABLE, tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert is_pickle(tmp_path / name)
    assert [table.key for table in find_tables(tmp_path / name)] == ["wpe.weight"]


@pytest.mark.parametrize("base", ["org/base-model", None])
@pytest.mark.parametrize("named", ["", "adapter_model.safetensors"])
def test_an_adapter_names_its_base(tmp_path, base, named):
    save_file({"base_model.model.q.lora_A.weight": torch.ones(2, 2)}, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base, "peft_type": "LORA"}))
    with pytest.raises(InvalidArgumentError, match="is an adapter, not a model") as caught:
        find_tables(tmp_path / named)
    assert ("'org/base-model'" in str(caught.value)) == (base is not None)
    assert "Extend its base" in str(caught.value)


def test_a_model_beside_its_adapter_is_a_model(tmp_path):
    save_file(TABLE, tmp_path / "model.safetensors")
    (tmp_path / "adapter_config.json").write_text("{}")
    assert len(find_tables(tmp_path)) == 1


def routed(folder, kind, config):
    folder.mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": kind}]))
    types = {
        "query_0_Transformer": "st.Transformer",
        "query_1_Pooling": "st.Pooling",
        "doc_0_Transformer": "st.Transformer",
    }
    (folder / config).write_text(json.dumps({"types": types, "structure": {}}))
    for part in types:
        (folder / part).mkdir()
        save_file(TABLE, folder / part / "model.safetensors")


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("sentence_transformers.base.modules.router.Router", "router_config.json"),
        ("sentence_transformers.models.Asym", "config.json"),
    ],
)
def test_a_router_lists_its_parts(tmp_path, kind, config):
    routed(tmp_path, kind, config)
    with pytest.raises(InvalidArgumentError, match="routes its inputs to several models") as caught:
        find_tables(tmp_path)
    for part in ("query_0_Transformer", "doc_0_Transformer"):
        assert str(tmp_path / part) in str(caught.value)
        assert len(find_tables(tmp_path / part)) == 1
    assert "Pooling" not in str(caught.value)


def test_a_router_with_one_table_names_its_part(tmp_path):
    routed(tmp_path, "st.Router", "router_config.json")
    types = {"query_0_StaticEmbedding": "st.StaticEmbedding", "doc_0_Transformer": "st.Transformer"}
    (tmp_path / "router_config.json").write_text(json.dumps({"types": types}))
    with pytest.raises(InvalidArgumentError, match=r"name the one with a position table, .*doc_0_Transformer, and put"):
        find_tables(tmp_path)


def test_a_router_without_its_types(tmp_path):
    (tmp_path / "modules.json").write_text(json.dumps([{"path": "", "type": "x.Router"}]))
    (tmp_path / "router_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="has no `types`"):
        find_tables(tmp_path)


def test_a_directory_names_the_file_to_name(tmp_path):
    torch.save(TABLE, tmp_path / "ckpt.pt")
    with pytest.raises(InvalidArgumentError, match=r"no weights found .*; it holds ckpt\.pt: name that file"):
        find_tables(tmp_path)


def test_a_directory_names_the_folder_to_name(tmp_path):
    (tmp_path / "mp_rank_00").mkdir()
    torch.save(TABLE, tmp_path / "mp_rank_00" / "model_optim_rng.pt")
    with pytest.raises(InvalidArgumentError, match=r"weights lie in mp_rank_00: name that folder"):
        find_tables(tmp_path)


def test_a_directory_names_the_graph_to_name(tmp_path):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match=r"no weights found .*; it holds onnx/model\.onnx: name that file"):
        find_tables(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("__0_0.distcp", "dcp_to_torch"),
        ("zero_to_fp32.py", "DeepSpeed ZeRO"),
    ],
)
def test_directories_of_other_programs(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match=message):
        find_tables(tmp_path)
