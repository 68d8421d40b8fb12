"""A checkpoint's model is loaded and run with its positions moved: every kind of table, and what is left out."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import posembed
from posembed.checkpoint.source import open_checkpoint
from posembed.find.search import find_tables
from posembed.observer import Callbacks
from posembed.quality.behavior.probe import probe, working_range


def behavior(folder, data="stdlib"):
    checkpoint = open_checkpoint(folder)
    return probe(checkpoint, [table for table in find_tables(checkpoint) if table.refused is None], data, 0)


def values(table, measure):
    return {(each.name, each.amount): each.of(measure).mean for each in table.placements}


@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("bert", ["loss"]),
        ("gpt2", ["loss"]),
        ("roberta", ["cosine"]),
        ("bart", ["cosine", "cosine"]),
        ("vit", ["patches"]),
        ("clip", ["cosine", "patches"]),
    ],
)
def test_every_kind_of_table(saved, texts, name, measures):
    found = behavior(saved(name), texts)
    assert found.not_run == ()
    assert sorted(table.measure for table in found.tables) == measures
    assert "of transformers" in found.model
    for table in found.tables:
        cosines = values(table, "cosine")
        assert cosines["unmoved", None] == pytest.approx(1)
        assert cosines["mean row", None] < 1 - 1e-6
        assert (table.effective_range is None) == (table.measure == "patches")
        assert not any("changes nothing" in note for note in table.notes)


def test_rows_that_were_never_trained_are_found(saved, texts, tmp_path):
    """A model whose late rows are other than its early ones answers differently there."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for file in saved("roberta").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 130}))
    tensors = load_file(folder / "model.safetensors")
    (key,) = [name for name in tensors if name.endswith("position_embeddings.weight")]
    rng = torch.Generator().manual_seed(0)
    rows = 0.002 * torch.randn(130, 32, generator=rng)
    rows[62:] += 0.04 * torch.randn(32, generator=rng)
    save_file(tensors | {key: rows}, folder / "model.safetensors", metadata={"format": "pt"})
    (table,) = behavior(folder, texts).tables
    measured = table.effective_range
    assert measured.verdict == "ends"
    assert abs(measured.end - 60) <= 4


def test_what_cannot_be_run_says_why(saved, write, tmp_path):
    lone = write({"wpe.weight": np.ones((16, 8), np.float32)})
    assert behavior(lone).not_run == ("no config.json says which model it is",)
    (lone / "config.json").write_text('{"model_type": "nobody-knows"}')
    assert "transformers" in behavior(lone).not_run[0]
    for file in ("model.safetensors", "config.json"):
        (tmp_path / file).write_bytes((saved("whisper") / file).read_bytes())
    found = behavior(tmp_path)
    assert [table.table for table in found.tables] == ["model.decoder.embed_positions.weight"]


def test_a_file_alone_is_no_model(saved):
    found = posembed.inspect_checkpoint(saved("bert") / "model.safetensors", values=False, run=True).behavior
    assert found.not_run == ("a single file has no configuration that says which model it belongs to",)


def test_the_same_call_gives_the_same_record(saved, texts):
    one, other = (behavior(saved("bert"), texts) for _ in range(2))
    assert one == other
    assert type(one).from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_the_range_alone_is_that_of_the_whole_probe(saved, texts):
    checkpoint = open_checkpoint(saved("gpt2"))
    (table,) = [table for table in find_tables(checkpoint) if table.refused is None]
    (whole,) = probe(checkpoint, [table], texts, 3).tables
    seen = []
    assert working_range(checkpoint, table, texts, 3, Callbacks(progress=seen.append)) == whole.effective_range
    assert {update.unit for update in seen} == {"starts"}  # no placements, which nobody asked for
