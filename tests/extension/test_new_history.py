"""Every copy records how it was made; the record disturbs nobody."""

import json
import shutil

import numpy as np
import pytest
import transformers
from safetensors.numpy import load_file

from posembed import extend_checkpoint, inspect_checkpoint, plan_extension, register_method
from posembed._version import __version__
from posembed.errors import InvalidArgumentError
from posembed.find.history import table_sha256

KEY = "embeddings.position_embeddings.weight"


def record(folder):
    return json.loads((folder / "posembed.json").read_text(encoding="utf-8"))


def rows(folder):
    return load_file(folder / "model.safetensors")[KEY]


def test_what_is_recorded(example_checkpoints, tmp_path):
    source, out = example_checkpoints / "my-bert", tmp_path / "out"
    extend_checkpoint(source, out, 1024, method="tile", range=100)
    assert record(out) == {
        "schema": "posembed.history", "schema_version": 1,
        "steps": [{
            "posembed": __version__, "source": str(source), "length_aware": False,
            "tables": [{
                "key": KEY, "method": "tile", "options": {"range": 100},
                "shape": {"before": [512, 32], "after": [1024, 32]}, "usable_length": {"before": 512, "after": 1024},
                "grid": None, "sha256": {"before": table_sha256(rows(source)), "after": table_sha256(rows(out))},
            }],
        }],
    }  # fmt: skip


def test_the_same_call_writes_the_same_bytes(example_checkpoints, tmp_path):
    for name in ("one", "two"):
        extend_checkpoint(example_checkpoints / "my-bert", tmp_path / name, 1024, length_aware=True)
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert record(tmp_path / "one")["steps"][0]["length_aware"]


def test_each_extension_adds_a_step(example_checkpoints, tmp_path):
    source, middle, last = example_checkpoints / "my-bert", tmp_path / "middle", tmp_path / "last"
    extend_checkpoint(source, middle, 1024)
    extend_checkpoint(middle, last, 2048, method="linear")
    steps = record(last)["steps"]
    assert [step["source"] for step in steps] == [str(source), str(middle)]
    assert steps[0] == record(middle)["steps"][0]
    assert steps[0]["tables"][0]["sha256"]["after"] == steps[1]["tables"][0]["sha256"]["before"]
    assert [step.tables[0].method for step in inspect_checkpoint(last).history] == ["tile", "linear"]


def test_a_grid(example_checkpoints, tmp_path):
    extend_checkpoint(example_checkpoints / "my-vit", tmp_path / "out", image_size=384)
    (table,) = record(tmp_path / "out")["steps"][0]["tables"]
    assert table["grid"] == {"before": [14, 14], "after": [24, 24]}


def test_libraries_load_the_copy_as_ever(example_checkpoints, tmp_path):
    extend_checkpoint(example_checkpoints / "my-embedder", tmp_path / "out", 1024)
    assert transformers.AutoModel.from_pretrained(tmp_path / "out").config.max_position_embeddings == 1024
    transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    extend_checkpoint(
        example_checkpoints / "my-embedder", tmp_path / "out", 2048, force=True
    )  # it is a checkpoint still
    assert record(tmp_path / "out")["steps"][0]["tables"][0]["usable_length"]["after"] == 2048


def test_a_file_gets_none(example_checkpoints, tmp_path):
    extend_checkpoint(example_checkpoints / "my-bert" / "model.safetensors", tmp_path / "long.safetensors", 1024)
    assert [path.name for path in tmp_path.iterdir()] == ["long.safetensors"]


@pytest.mark.usefixtures("own_methods")
def test_options_that_json_does_not_have(example_checkpoints, tmp_path):
    def own(rows, new, *, weights):
        return np.resize(rows, (new, rows.shape[1])) * weights.mean()

    register_method("own", own, formula="the rows times a mean")
    extend_checkpoint(example_checkpoints / "my-bert", tmp_path / "out", 1024, method="own", weights=np.ones(3))
    assert record(tmp_path / "out")["steps"][0]["tables"][0]["options"] == {"weights": "ndarray"}


def test_a_file_of_that_name_that_is_no_record_ends_the_plan(example_checkpoints, tmp_path):
    source = shutil.copytree(example_checkpoints / "my-bert", tmp_path / "source")
    (source / "posembed.json").write_text('{"schema": "somebody else"}')
    with pytest.raises(InvalidArgumentError, match=r"posembed\.json: is not a record of this version of posembed"):
        extend_checkpoint(source, tmp_path / "out", 1024)
    assert plan_extension(source, 1024).blocked
    assert (source / "posembed.json").read_text() == '{"schema": "somebody else"}'
    (note,) = inspect_checkpoint(source).notes
    assert "is not a record of this version" in note


def test_rows_that_changed_since_are_noticed(example_checkpoints, tmp_path):
    extend_checkpoint(example_checkpoints / "my-bert", tmp_path / "out", 1024)
    assert inspect_checkpoint(tmp_path / "out").notes == ()
    model = transformers.AutoModel.from_pretrained(tmp_path / "out")
    model.embeddings.position_embeddings.weight.data.add_(1)
    model.save_pretrained(tmp_path / "out")
    (note,) = inspect_checkpoint(tmp_path / "out").notes
    assert note == f"{KEY} has other rows than were recorded: it was changed since"
    assert inspect_checkpoint(tmp_path / "out", values=False).notes == ()
