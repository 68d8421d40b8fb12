"""`posembed.extend_checkpoint`: all that `posembed extend` does is one call."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

import posembed
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.observer import Callbacks
from posembed.quality.search import search
from posembed.records.extend import ExtendOptions
from posembed.records.extension import ExtensionRecord

POSITION = "embeddings.position_embeddings.weight"


def test_options_are_keywords_or_a_record(bert, tmp_path):
    plan = posembed.extend_checkpoint(bert, tmp_path / "a", 32, method="stretch", keep=4)
    options = ExtendOptions(length=32, method="stretch", keep=4)
    other = posembed.extend_checkpoint(open_checkpoint(bert), tmp_path / "b", options=options)
    assert plan.to_dict() | {"out": None} == other.to_dict() | {"out": None}
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
    with pytest.raises(ArgumentTypeError, match="either options or keywords"):
        posembed.extend_checkpoint(bert, tmp_path / "c", 64, options=options)


def test_the_plan_is_what_the_command_prints(bert, tmp_path, cli):
    plan = posembed.extend_checkpoint(bert, tmp_path / "a", 32)
    code, printed, _ = cli("extend", bert, tmp_path / "b", "--to=32", "--json")
    assert code == 0
    assert json.loads(printed) | {"out": str(tmp_path / "a")} == plan.to_dict()
    assert ExtensionRecord.from_dict(json.loads(printed)).to_dict() == json.loads(printed)


def test_a_dry_run_writes_nothing_and_says_what_is_not_supported(write, tmp_path):
    led = {"model_type": "led", "attention_window": [4], "max_encoder_position_embeddings": 16}
    source = write({"encoder.embed_positions.weight": (16, 8)}, config=led)
    plan = posembed.extend_checkpoint(source, tmp_path / "out", 18, dry_run=True)
    assert len(plan.blocked) == 1
    assert (plan.out, plan.to_dict()["out"]) == (None, None)
    with pytest.raises(InvalidArgumentError, match="this extension is not supported: encoder"):
        posembed.extend_checkpoint(source, tmp_path / "out", 18)
    assert not (tmp_path / "out").exists()


def test_a_target_that_exists_is_refused_before_the_search(bert, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "search_method", None)
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidArgumentError, match=r"exists already: .*, or replace it with force=True"):
        posembed.extend_checkpoint(bert, tmp_path / "out", 32, data="stdlib")


@pytest.mark.usefixtures("own_methods")
def test_the_options_of_a_registered_method(bert, tmp_path):
    def repeated(rows, new, *, times):
        return np.resize(np.repeat(rows, times, axis=0), (new, rows.shape[1]))

    posembed.register_method("repeated", repeated, formula="each row so many times")
    plan = posembed.extend_checkpoint(bert, tmp_path / "out", 32, method="repeated", times=2)
    assert plan.tables[0].options == {"times": 2}
    old, new = (load_file(folder / "model.safetensors")[POSITION] for folder in (bert, tmp_path / "out"))
    assert np.array_equal(new, np.repeat(old, 2, axis=0))


def test_an_observer_receives_the_bytes(bert, tmp_path):
    seen = []
    posembed.extend_checkpoint(bert, tmp_path / "out", 32, observer=Callbacks(progress=seen.append))
    assert {(update.name, update.unit) for update in seen} == {("writing", "bytes")}
    with pytest.warns(DeprecationWarning, match="progress= is now observer="):
        posembed.extend_checkpoint(bert, tmp_path / "two", 32, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] <= seen[-1][1]


def test_length_aware_tables_are_written_too(example_checkpoints, tmp_path):
    plan = posembed.extend_checkpoint(example_checkpoints / "my-roberta", tmp_path / "out", 1024, length_aware=True)
    assert plan.to_dict()["length_aware"] is True
    found = load_file(tmp_path / "out" / "length_aware.safetensors")
    assert sorted(found) == ["1024", "512"]


def test_a_plan_in_a_notebook(bert):
    assert "16 × 8" in posembed.plan_extension(bert, 32)._repr_html_()


def test_old_names_of_attributes_warn(bert):
    with pytest.warns(DeprecationWarning, match=r"is now ExtensionPlan\.buffers"):
        assert posembed.plan_extension(bert, 32).companions == ()
