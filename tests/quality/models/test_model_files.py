"""The small files of a model's folder, as several versions of sentence-transformers write them."""

import json

import pytest

from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.quality.models.model_files import ModelFiles

TRANSFORMER = {"type": "sentence_transformers.models.Transformer", "path": ""}
ROUTER = {"type": "sentence_transformers.models.Router", "path": "0_Router"}


def test_a_plain_model(folder):
    files = ModelFiles.read(folder(["GPT2LMHeadModel"]))
    assert files.architectures == ("GPT2LMHeadModel",)
    assert files.modules is files.model_type is files.task is files.labels is None
    assert files.module_names == files.parts == ()
    assert files.modalities == {}
    assert files.output is None
    assert files.ends_with("ForCausalLM", "LMHeadModel")
    assert not files.ends_with("ForMaskedLM")


def test_what_sentence_transformers_says(folder):
    place = folder(
        modules=[TRANSFORMER],
        config_sentence_transformers={"model_type": "CrossEncoder"},
        sentence_bert_config={"transformer_task": "sequence-classification", "modality_config": {"text": {}}},
    )
    files = ModelFiles.read(place)
    assert (files.model_type, files.task, files.modalities) == ("CrossEncoder", "sequence-classification", {"text": {}})
    assert (files.modules, files.module_names) == ((TRANSFORMER["type"],), ("Transformer",))


@pytest.mark.parametrize("name", ["sentence_roberta_config", "sentence_xlnet_config"])
def test_older_names_of_the_settings(folder, name):
    assert ModelFiles.read(folder(modules=[TRANSFORMER], **{name: {"transformer_task": "x"}})).task == "x"


@pytest.mark.parametrize(
    ("config", "labels"),
    [({"id2label": {"0": "a"}}, 1), ({"num_labels": 3}, 3), ({"num_labels": "3"}, None), ({}, None)],
)
def test_labels(folder, config, labels):
    assert ModelFiles.read(folder(config=config)).labels == labels


def test_a_transformer_in_a_folder_of_its_own(tmp_path):
    """As sentence-transformers wrote it before version 2."""
    (tmp_path / "0_Transformer").mkdir()
    (tmp_path / "0_Transformer" / "config.json").write_text('{"architectures": ["BertModel"]}')
    (tmp_path / "modules.json").write_text(json.dumps([TRANSFORMER | {"path": "0_Transformer"}]))
    files = ModelFiles.read(tmp_path)
    assert files.directory == tmp_path / "0_Transformer"
    assert files.architectures == ("BertModel",)


@pytest.mark.parametrize("name", ["router_config", "config"])
def test_the_parts_of_a_router(folder, name):
    (folder(modules=[ROUTER]) / "0_Router").mkdir()
    types = {"query_0_T": "a.Transformer", "query_1_P": "a.Pooling", "document_0_T": "a.Transformer"}
    content = {"types": types, "structure": {"query": ["query_0_T"]}}
    (folder() / "0_Router" / f"{name}.json").write_text(json.dumps(content))
    assert ModelFiles.read(folder()).parts == ("0_Router/query_0_T", "0_Router/document_0_T")


def test_what_cannot_be_read(tmp_path, folder):
    with pytest.raises(InvalidArgumentError, match=r"has no config\.json: name the directory"):
        ModelFiles.read(tmp_path)
    folder(config_sentence_transformers=[])
    with pytest.raises(CheckpointError, match="must hold a JSON object, found an array"):
        ModelFiles.read(tmp_path)
    (tmp_path / "modules.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError, match=r"modules\.json: is not valid JSON"):
        ModelFiles.read(tmp_path)


def test_an_adapter_names_its_base(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base-model"}')
    with pytest.raises(InvalidArgumentError, match=r"is an adapter, not a model: .* its base, 'org/base-model'"):
        ModelFiles.read(tmp_path)


def test_files_are_read_within_bounds(tmp_path, folder, monkeypatch):
    """A file of brackets would take twenty times its size in memory."""
    place = folder(config_sentence_transformers={})
    monkeypatch.setattr("posembed.checkpoint.json_object.MOST_MEMORY", 1 << 20)
    (place / "config_sentence_transformers.json").write_text(json.dumps([[]] * 20_000))
    with pytest.raises(
        CheckpointError, match=r"config_sentence_transformers\.json: would take more than 1 MB of memory"
    ):
        ModelFiles.read(place)
