"""What a call asks for: sizes that follow from the options, and those that are refused by name."""

import shutil

import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.calibrate.request import Request
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import RequestedSizes
from tests.fixtures.calibrations import request_of


def test_a_checkpoint_is_opened_and_its_table_found(embedder):
    request = Request.open(str(embedder), CalibrateOptions(data="stdlib", length=128, precision="fp32"))
    assert (request.path, request.checkpoint.root) == (str(embedder), embedder)
    assert (request.old, request.length, request.grows, request.precision) == (64, 128, True, "fp32")
    assert request.table.key == "embeddings.position_embeddings.weight"


@pytest.mark.parametrize(
    ("options", "length", "grows", "kept"),
    [
        ({}, 64, False, None),
        ({"length": 64}, 64, False, None),
        ({"length": 65}, 65, True, None),
        ({"length": 128, "range": 32}, 128, True, 32),
        ({"length": 128, "range": 32, "keep": 0}, 128, True, 0),
        ({"length": 128, "keep": 16}, 128, True, 16),
    ],
)
def test_what_follows_from_the_options(options, length, grows, kept):
    request = request_of(**options)
    assert (request.length, request.grows, request.stated_keep) == (length, grows, kept)
    assert request.sizes == RequestedSizes(length, options.get("range"), options.get("keep"))


def test_the_number_of_steps_may_be_settled_later():
    request = request_of(steps=30, seed=4)
    assert request.with_steps(7).options.steps == 7
    assert request.with_steps(7).options.seed == 4
    assert request.options.steps == 30


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"length": 63}, "length=63 is below the 64 positions that the table has"),
        ({"range": 32}, "range=32 applies only when the table is extended: set a greater `length`"),
        ({"length": 64, "range": 32}, "range=32 applies only when the table is extended"),
        ({"length": 128, "range": 1}, "range=1 must lie between 2 and 64"),
        ({"length": 128, "range": 65}, "range=65 must lie between 2 and 64"),
        ({"length": 128, "keep": 128}, "keep=128 must lie between 0 and 127"),
        ({"keep": 64}, "keep=64 must lie between 0 and 63"),
        ({"length_aware": True}, "length_aware=True requires a table that grows: set a greater `length`"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        request_of(**options).require_sizes()


@pytest.mark.parametrize(
    "options",
    [
        {}, {"keep": 0}, {"keep": 63}, {"length": 128, "range": 2}, {"length": 128, "range": 64},
        {"length": 128, "keep": 127}, {"length": 65, "length_aware": True},
    ],
)  # fmt: skip
def test_sizes_at_the_bounds_fit(options):
    request_of(**options).require_sizes()


def test_length_aware_tables_are_not_calibrated_again(embedder, tmp_path):
    folder = shutil.copytree(embedder, tmp_path / "model")
    (folder / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="calibrate the checkpoint that they were made from"):
        Request.open(folder, CalibrateOptions(data="stdlib"))
