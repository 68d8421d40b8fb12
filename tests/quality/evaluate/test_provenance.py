"""Which original a checkpoint's record names, and whether the one that was named is it."""

import shutil

import pytest
from safetensors.numpy import load_file, save_file

from posembed import extend_checkpoint
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.quality.evaluate.provenance import Provenance, provenance

KEY = "embeddings.position_embeddings.weight"
ALONE = "no `original` was given, so the checkpoint is compared with nothing"


@pytest.fixture
def place(example_checkpoints, tmp_path, monkeypatch):
    """A folder with an embedding model and its extension, made from within."""
    shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "old")
    monkeypatch.chdir(tmp_path)
    extend_checkpoint("old", "models/long", 1024)
    return tmp_path


def known(checkpoint, original=None):
    return provenance(open_checkpoint(checkpoint), None if original is None else open_checkpoint(original))


def changed(folder):
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {KEY: weights[KEY] + 1}, folder / "model.safetensors", {"format": "pt"})


def test_nothing_is_recorded(place):
    assert known("old") == Provenance((ALONE,))


def test_the_recorded_original_is_there(place, monkeypatch):
    assert known("models/long") == Provenance((f"{ALONE}; it was made from old: give original='old'",), "old")
    (place / "old").rename(place / "models" / "old")  # beside the copy
    beside = str(place / "models" / "old")
    assert known("models/long").recorded_original == beside
    monkeypatch.chdir("/")
    assert known(place / "models" / "long").recorded_original == beside


def test_another_model_has_its_name_by_now(place):
    changed(place / "old")
    found = known("models/long")
    assert found.recorded_original is None
    assert found.notes == (
        f"{ALONE}; it was made from old, which is not here with the recorded tables: give its path as `original`",
    )
    (place / "old" / "model.safetensors").write_bytes(b"damaged")
    assert known("models/long") == found
    shutil.rmtree("old")
    assert known("models/long") == found


def test_the_first_of_several_steps_is_the_original(place):
    extend_checkpoint("models/long", "longest", 2048)
    (note,) = known("longest").notes
    assert note == f"{ALONE}; it was made from old, then models/long: give original='old'"
    shutil.rmtree("old")
    assert known("longest").recorded_original == "models/long"


def test_an_original_that_was_named(place):
    extend_checkpoint("models/long", "longest", 2048)
    assert known("longest", "old") == known("longest", "models/long") == Provenance()
    changed(place / "old")
    (note,) = known("longest", "old").notes
    assert note == (
        "`original` is not what the checkpoint was made from: its position tables differ from those recorded of old, "
        "models/long"
    )
    assert known("old", "models/long") == Provenance()  # without a record nobody knows


def test_an_original_that_is_no_other_model(place):
    with pytest.raises(InvalidArgumentError, match="original='old' is the checkpoint itself"):
        known("old", "./old")
    (place / "link").symlink_to("old")
    with pytest.raises(InvalidArgumentError, match="is the checkpoint itself"):
        known("old", "link")
    shutil.copytree("models/long", "copy")
    (note,) = known("models/long", "copy").notes
    assert note == "`original` has the same position tables as the checkpoint: nothing was extended between them"


def test_a_record_that_cannot_be_read_stops_nothing(place):
    (place / "models" / "long" / "posembed.json").write_text("{}")
    (note,) = known("models/long").notes
    assert "is not a record of this version" in note
    assert known("models/long", "old").notes == (note,)
