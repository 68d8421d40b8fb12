"""What the process that checks answers: to copies that load, to those that do not, and where it cannot judge.

The two questions are asked in this process, which has imported Transformers once; test_session.py asks a process.
"""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from posembed import extend_checkpoint
from posembed.errors import ModelCheckError
from posembed.extension.check import session
from posembed.extension.field_change import FieldChange
from tests.fixtures.checks import InThisProcess

pytestmark = [pytest.mark.model_check, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(session, "ChildCheck", InThisProcess)


SIZES = {
    "bert": {"length": 64},
    "gpt2": {"length": 64},
    "roberta": {"length": 64},
    "clip": {"length": 40},
    "vit": {"image_size": 48},
    "bart": {"length": 64},
    "whisper": {"length": 32, "tables": ["model.decoder.embed_positions.weight"]},
}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", SIZES)
def test_a_copy_that_loads(small_model, tmp_path, name):
    plan = extend_checkpoint(small_model(name), tmp_path / "out", **SIZES[name])
    assert (plan.checked.outcome, plan.checked.reason) == ("loads", "")
    assert " of transformers " in plan.checked.what
    assert plan.checked.seconds == 0.5
    assert plan.to_dict()["checked"]["outcome"] == "loads"


@pytest.fixture
def stale_field(monkeypatch):
    """The configuration stays old, as if its field were not known."""
    monkeypatch.setattr("posembed.extension.plan.config_changes", lambda *_: iter(()))


@pytest.mark.parametrize("name", SIZES)
def test_a_copy_that_does_not_load_is_not_put_in_place(small_model, tmp_path, stale_field, name):
    source = small_model(name)
    with pytest.raises(
        ModelCheckError, match=r"has shape \[.*\] in the weights, but the model of the configuration has"
    ):
        extend_checkpoint(source, tmp_path / "new" / "out", **SIZES[name])
    assert names(tmp_path) == [name]


def test_an_existing_target_stays_when_the_new_copy_does_not_load(small_model, tmp_path, stale_field):
    source, out = small_model("bert"), tmp_path / "out"
    extend_checkpoint(source, out, 40, check="off")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ModelCheckError) as caught:
        extend_checkpoint(source, out, 64, force=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert names(tmp_path) == ["bert", "out"]
    assert caught.value.checked.outcome == "does not load"
    assert caught.value.checked.what.startswith("BertForMaskedLM of transformers ")
    assert str(caught.value).endswith(f"turn `check` off to write such a copy all the same; {out} is unchanged")


def test_off_writes_what_does_not_load(small_model, tmp_path, stale_field):
    plan = extend_checkpoint(small_model("bert"), tmp_path / "out", 64, check="off")
    assert (plan.checked.outcome, plan.checked.reason) == ("not checked", "the check is off")


def test_a_configuration_that_the_library_refuses_does_not_load(small_model, tmp_path, monkeypatch):
    """The source loads, the copy's configuration raises: the library's own words are the reason."""

    def changes(file, *_):
        yield FieldChange(file, ("num_attention_heads",), 2, 5, "a test")
        yield FieldChange(file, ("max_position_embeddings",), 32, 64, "a test")

    monkeypatch.setattr("posembed.extension.plan.config_changes", changes)
    with pytest.raises(
        ModelCheckError, match=r"ValueError: The hidden size .32. is not a multiple of the number of att"
    ):
        extend_checkpoint(small_model("bert"), tmp_path / "out", 64)


def test_tensors_that_the_source_lacks_too_are_no_faults(small_model, tmp_path):
    source = small_model("bert")
    weights = load_file(source / "model.safetensors")
    del weights["cls.predictions.transform.dense.weight"]
    save_file(
        weights | {"stray.weight": weights["cls.predictions.bias"]}, source / "model.safetensors", {"format": "pt"}
    )
    assert extend_checkpoint(source, tmp_path / "out", 64).checked.outcome == "loads"


def test_computed_buffers_and_tied_weights(small_model, tmp_path):
    """A file from the time when position ids were saved, with both of two tied tensors."""
    source = small_model("bert")
    weights = load_file(source / "model.safetensors")
    weights["bert.embeddings.position_ids"] = np.arange(32)[None]
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].copy()
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    assert extend_checkpoint(source, tmp_path / "out", 64).checked.outcome == "loads"


def test_a_stored_buffer_of_the_old_size(small_model, tmp_path, monkeypatch):
    source = small_model("bert")
    weights = load_file(source / "model.safetensors")
    save_file(
        weights | {"bert.embeddings.position_ids": np.arange(32)[None]}, source / "model.safetensors", {"format": "pt"}
    )
    monkeypatch.setattr("posembed.extension.plan.find_buffers", lambda *_: ())
    with pytest.raises(ModelCheckError, match=r"position_ids has shape \[1, 32\] in the weights, but .* has \[1, 64\]"):
        extend_checkpoint(source, tmp_path / "out", 64)


def test_sharded_and_pickled_weights(small_model, tmp_path):
    import transformers

    model = transformers.AutoModel.from_pretrained(small_model("roberta"))
    model.save_pretrained(tmp_path / "sharded", max_shard_size="20KB")
    assert (tmp_path / "sharded" / "model.safetensors.index.json").is_file()
    assert extend_checkpoint(tmp_path / "sharded", tmp_path / "one", 64).checked.outcome == "loads"
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    (pickled / "config.json").write_bytes((tmp_path / "roberta" / "config.json").read_bytes())
    assert extend_checkpoint(pickled, tmp_path / "two", 64).checked.outcome == "loads"


@pytest.mark.parametrize("folder", ["", "0_Transformer"])
def test_sentence_transformers(small_model, tmp_path, folder):
    source = tmp_path / "embedder"
    (source / folder).mkdir(parents=True)
    for file in small_model("bert").iterdir():
        (source / folder / file.name).write_bytes(file.read_bytes())
    modules = [{"idx": 0, "name": "0", "path": folder, "type": "sentence_transformers.models.Transformer"}]
    (source / "modules.json").write_text(json.dumps(modules))
    assert extend_checkpoint(source, tmp_path / "out", 64).checked.outcome == "loads"


def test_length_aware(small_model, tmp_path):
    assert extend_checkpoint(small_model("bert"), tmp_path / "out", 64, length_aware=True).checked.outcome == "loads"


# --- not checked -----------------------------------------------------------------------------------------------------


def edited(folder, **fields):
    file = folder / "config.json"
    config = json.loads(file.read_text()) | fields
    file.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))
    return folder


def test_a_source_that_does_not_load_itself(small_model, tmp_path):
    plan = extend_checkpoint(edited(small_model("bert"), vocab_size=101), tmp_path / "out", 64)
    assert plan.checked.outcome == "not checked"
    assert "BertForMaskedLM of transformers" in plan.checked.reason
    assert "does not load the source either: bert.embeddings.word_embeddings.weight has shape [100, 32]" in (
        plan.checked.reason
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"model_type": "bert2", "auto_map": {"AutoConfig": "code.Config"}},
            "brings code of its own, which is not run",
        ),
        ({"model_type": "bert2"}, "does not know the model"),
        ({"num_attention_heads": 5}, "the source does not load either: ValueError: The hidden size"),
    ],
)
def test_models_that_the_library_cannot_build(small_model, tmp_path, fields, reason):
    source = edited(small_model("bert"), **fields)
    (source / "code.py").write_text("raise SystemExit('this code was run')")
    plan = extend_checkpoint(source, tmp_path / "out", 64)
    assert plan.checked.outcome == "not checked"
    assert reason in plan.checked.reason
    assert (tmp_path / "out" / "config.json").is_file()


def test_a_single_file(small_model, tmp_path):
    file = small_model("bert") / "model.safetensors"
    plan = extend_checkpoint(file, tmp_path / "out.safetensors", 64)
    assert plan.checked.outcome == "not checked"
    assert "a single file has no configuration" in plan.checked.reason


def test_weights_under_a_name_that_the_library_does_not_look_for(small_model, tmp_path):
    source = small_model("bert")
    (source / "model.safetensors").rename(source / "weights.safetensors")
    plan = extend_checkpoint(source, tmp_path / "out", 64)
    assert plan.checked.outcome == "not checked"
    assert "looks for model.safetensors or pytorch_model.bin, but the weights lie in weights.safeten" in (
        plan.checked.reason
    )


def test_a_model_that_does_not_read_the_table(small_model, tmp_path):
    """Its loading would prove nothing about the table."""
    source = small_model("bert")
    weights = load_file(source / "model.safetensors")
    save_file(
        {f"wrapped.{key}": value for key, value in weights.items()}, source / "model.safetensors", {"format": "pt"}
    )
    plan = extend_checkpoint(source, tmp_path / "out", 64)
    assert plan.checked.outcome == "not checked"
    assert plan.checked.reason.endswith("does not read wrapped.bert.embeddings.position_embeddings.weight")
