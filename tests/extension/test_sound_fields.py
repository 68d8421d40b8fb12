"""An encoder of sound for a part of a second, which no feature extractor can be told."""

import json
from pathlib import Path

import pytest

from posembed.checkpoint.tensors import StoredTensor
from posembed.extension.sound_fields import sound_notes
from posembed.extension.table_change import TableChange
from posembed.find.search import find_in
from posembed.layout import TableLayout
from posembed.tables.formulas import Formula

WHISPER = {"chunk_length": 30, "hop_length": 160, "n_samples": 480000, "nb_max_frames": 3000, "sampling_rate": 16000}


def notes(folder: Path, content, new, file="preprocessor_config.json"):
    (folder / file).write_text(json.dumps(content))
    key = "model.encoder.embed_positions.weight"
    config = {"model_type": "whisper", "max_source_positions": 1500, "max_target_positions": 448}
    tensor = StoredTensor(key, (1500, 8), "F32", Path("f"))
    (table,) = find_in({key: tensor}, config, lambda _key: Formula("fairseq").rows(64, 8))
    return list(sound_notes(folder, [TableChange(table, TableLayout(length=new), "crop", {}, "every row")]))


@pytest.mark.parametrize("new", [500, 50, 3000])
def test_whole_seconds_are_written(new, tmp_path):
    assert notes(tmp_path, WHISPER, new) == []


def test_a_part_of_a_second_is_named(tmp_path):
    assert notes(tmp_path, WHISPER, 512) == [
        "preprocessor_config.json: chunk_length counts whole seconds and stays 30, while the encoder takes 10.24 s of "
        "sound: cut or pad the features to 1024 frames"
    ]


def test_an_extractor_inside_of_a_processor(tmp_path):
    (note,) = notes(tmp_path, {"feature_extractor": WHISPER}, 512, "processor_config.json")
    assert note.startswith("processor_config.json: feature_extractor.chunk_length counts whole seconds")


@pytest.mark.parametrize("content", [{}, WHISPER | {"chunk_length": 20}, WHISPER | {"hop_length": None}])
def test_an_extractor_of_another_window_says_nothing(content, tmp_path):
    assert notes(tmp_path, content, 512) == []
