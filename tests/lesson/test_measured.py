"""What the lesson keeps of a comparison, and a reader's own in its place."""

import dataclasses
import json
import os

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.lesson.example import SENTENCE
from posembed.lesson.measured import command_of, load_measured, pack, unpack
from posembed.presets import preset


def test_the_kept_run_is_whole(measured):
    results = measured.results
    assert {"learned", "sinusoidal"} <= {arm.encoding for arm in results.arms if arm.status == "finished"}
    rows, width = results.configuration.train_length, results.configuration.d_model
    assert measured.lab.table.shape == (rows, width)
    assert measured.lab.token_rows.shape == (len(SENTENCE), width)
    for encoding in results.configuration.encodings:
        assert encoding in measured.origin
    assert "/" not in measured.origin.replace("runs/", "")


def test_packing_keeps_what_float16_holds():
    values = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float16)
    np.testing.assert_array_equal(unpack(pack(values)), values.astype(np.float32))


def test_a_reader_s_own_results_take_its_place(tmp_path, measured):
    other = measured.results.to_dict()
    other["verdict"] = ["learned − sinusoidal = 0.5 ± 0.1 nats: of another run"]
    (tmp_path / "results.json").write_text(json.dumps(other), encoding="utf-8")
    for path in (tmp_path, tmp_path / "results.json"):
        read = load_measured(path)
        assert read.results.to_dict() == other
        assert str(tmp_path) in read.origin
        assert "--seeds 2 --steps 1000`" in read.origin
        np.testing.assert_array_equal(read.lab.table, measured.lab.table)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: no such file"),
        ("{", "is not JSON"),
        ("[]", "is not a complete results.json of posembed compare"),
        (
            '{"schema": "posembed.compare", "schema_version": 99}',
            r"posembed compare \(not a results.json .* are 'posembed.compare' and 99, not",
        ),
        ('{"schema": "posembed.compare", "schema_version": 1, "arms": []}', "without baselines, configuration"),
        ('{"schema": "posembed.compare", "schema_version": 1}', "without arms, baselines"),
    ],
)
def test_other_files_are_refused(tmp_path, content, sentence):
    file = tmp_path / "results.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=sentence):
        load_measured(file)


def test_results_without_the_two_encodings_are_refused(tmp_path, measured):
    other = measured.results.to_dict()
    other["arms"] = [arm for arm in other["arms"] if arm["encoding"] != "sinusoidal"]
    (tmp_path / "results.json").write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(
        InvalidArgumentError, match="has no finished results for sinusoidal: the lesson compares learned with"
    ):
        load_measured(tmp_path)


@pytest.mark.parametrize("part", ["environment", "arms", "baselines"])
def test_damaged_results_are_refused(tmp_path, measured, part):
    other = measured.results.to_dict()
    other[part] = 3
    (tmp_path / "results.json").write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=r"results='.*' is not a complete results.json of posembed compare"):
        load_measured(tmp_path)


def test_the_package_carries_only_what_is_shown(measured):
    length = measured.results.configuration.train_length
    for arm in measured.results.arms:
        assert (arm.curves, arm.speed) == ((), None)
        for entry in arm.beyond:
            drawn = entry.factor == 2.0 and entry.loss is not None
            assert (entry.per_position is not None) == drawn
            if drawn:
                assert entry.per_position[:length] == (None,) * length
                assert None not in entry.per_position[length:]


def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidArgumentError, match="is not a regular file"):
        load_measured(tmp_path / "pipe")


def test_the_command_is_that_of_the_run(measured):
    setup = dataclasses.replace(
        measured.results.configuration, steps=60, seeds=(3,), learning_rate=1e-4, tokenizer="a.json"
    )
    command = command_of(setup)
    assert command.endswith("--seeds 1 --first-seed 3 --steps 60 --learning-rate 0.0001 --tokenizer a.json")


def test_the_lab_s_table_is_no_preset(measured):
    """It is small enough to be kept in the package, so it must not be taken for a published one."""
    assert measured.lab.table.size < preset("bert-base").parameters / 10
