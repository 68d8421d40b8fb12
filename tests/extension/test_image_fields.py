"""Sizes in the files of image, video and sound processors."""

import json

import pytest

from posembed.extension.image_fields import (
    frame_changes,
    image_changes,
    image_tokens,
    patch_changes,
    window_changes,
    window_notes,
)
from posembed.layout import TableLayout

OLD, NEW = (32, 32), (48, 48)


@pytest.fixture
def found(tmp_path):
    """Write a processor's file, and return what changes in it as {field: new value}."""

    def changes(content, search, *arguments, name="preprocessor_config.json"):
        (tmp_path / name).write_text(json.dumps(content))
        return {change.name: change.after for change in search(tmp_path, *arguments)}

    return changes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # SAM: the longest edge, padding to a square, masks of a quarter
        (
            {
                "size": {"longest_edge": 32},
                "pad_size": {"height": 32, "width": 32},
                "mask_size": {"longest_edge": 8},
                "mask_pad_size": {"height": 8, "width": 8},
            },
            {
                "size": {"longest_edge": 48},
                "pad_size": {"height": 48, "width": 48},
                "mask_size": {"longest_edge": 12},
                "mask_pad_size": {"height": 12, "width": 12},
            },
        ),
        ({"mask_size": {"longest_edge": 32}}, {}),  # of the image's own size: not a part of it
        ({"mask_size": {"longest_edge": 24}}, {}),
        ({"mask_size": None, "size": None}, {}),
        ({"image_processor": {"high_res_size": 32}}, {"image_processor.high_res_size": 48}),
        ({"a": {"b": {"tile_size": 32}}}, {"a.b.tile_size": 48}),
        ({"max_image_size": {"longest_edge": 32}}, {"max_image_size": {"longest_edge": 48}}),
        ({"patch_size": 32, "num_channels": 32, "rescale": 32}, {}),
        # resized with a margin, then cropped
        ({"size": 36, "crop_size": 32}, {"crop_size": 48, "size": 54}),
        (
            {"size": {"height": 36, "width": 40}, "crop_size": 32},
            {"crop_size": 48, "size": {"height": 54, "width": 60}},
        ),
        ({"size": 20, "crop_size": 32}, {"crop_size": 48}),
        ({"size": {"height": 36, "width": 20}, "crop_size": 32}, {"crop_size": 48}),
    ],
)
def test_sizes_in_pixels(found, content, expected):
    assert found(content, image_changes, OLD, NEW) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([[32, 64], [64, 32], [64, 64]], [[48, 96], [96, 48], [96, 96]]),
        ([[32, 65]], None),
        ([[32, 64], "x"], None),
        ([], None),
        (64, None),
    ],
)
def test_images_of_several_tiles(found, value, expected):
    changed = found({"image_processor": {"image_grid_pinpoints": value}}, image_changes, OLD, NEW)
    assert changed == ({} if expected is None else {"image_processor.image_grid_pinpoints": expected})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"16": 8, "32": 9}, {"16": 8, "48": 9}),
        ({"32": 9, "48": 7}, {"48": 9}),
        ({"16": 8}, None),
        ([32], None),
    ],
)
def test_objects_with_an_entry_per_size(found, value, expected):
    changed = found({"size_conversion": value}, image_changes, OLD, NEW)
    assert changed == ({} if expected is None else {"size_conversion": expected})


@pytest.mark.parametrize(
    "name", ["preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"]
)
def test_every_processors_file(found, name):
    assert found({"size": {"height": 32, "width": 32}}, image_changes, OLD, NEW, name=name) == {
        "size": {"height": 48, "width": 48}
    }


GRID, GROWN = TableLayout(grid=(4, 4), prefix=1), TableLayout(grid=(6, 8), prefix=1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"max_num_patches": 16}, {"max_num_patches": 48}),
        ({"max_num_patches": 64}, {}),
        ({"input_size_patches": 4}, {"input_size_patches": [6, 8]}),
        ({"input_size_patches": 5}, {}),
        ({"image_seq_length": 16}, {"image_seq_length": 48}),
        ({"image_seq_length": 17}, {"image_seq_length": 49}),  # with the class token
        ({"image_processor": {"image_seq_len": 16}}, {"image_processor.image_seq_len": 48}),
        ({"image_seq_length": 4}, {}),  # averaged to a fixed number, as far as anybody knows
        ({"image_seq_length": 7}, {}),
        ({"image_seq_length": True}, {}),
    ],
)
def test_numbers_of_patches(found, content, expected):
    assert found(content, patch_changes, GRID, GROWN) == expected


def test_a_sequence_has_no_patches(found):
    assert found({"max_num_patches": 16}, patch_changes, TableLayout(length=16), TableLayout(length=32)) == {}


@pytest.mark.parametrize(
    ("merged", "before", "after"), [(2, 4, 12), (4, 1, 4), (2, 16, 48), (2, 17, 49), (2, 1, None), (4, 4, None)]
)
def test_patches_that_are_merged_in_squares(tmp_path, merged, before, after):
    changes = image_tokens((tmp_path, {"num_image_tokens": before}), GRID, GROWN, merged)
    assert [change.after for change in changes] == ([] if after is None else [after])


def test_frames_follow(found):
    assert found({"num_frames": 8, "size": 8}, frame_changes, "num_frames", 8, 16) == {"num_frames": 16}
    assert found({"num_frames": 9}, frame_changes, "num_frames", 8, 16) == {}


WHISPER = {"chunk_length": 30, "sampling_rate": 16_000, "hop_length": 160, "n_samples": 480_000, "nb_max_frames": 3000}


@pytest.mark.parametrize(
    ("content", "rows", "expected"),
    [
        (WHISPER, 500, {"chunk_length": 10, "n_samples": 160_000, "nb_max_frames": 1000}),
        ({name: WHISPER[name] for name in ("chunk_length", "sampling_rate", "hop_length")}, 500, {"chunk_length": 10}),
        (WHISPER | {"chunk_length": 20}, 500, {}),  # not the window of 1500 rows
        (WHISPER, 333, {}),  # no whole number of seconds
        ({"chunk_length": 30}, 500, {}),
    ],
)
def test_the_window_of_sound_follows(found, content, rows, expected):
    assert found(content, window_changes, "max_source_positions", 1500, rows) == expected
    assert found(content, window_changes, "max_target_positions", 1500, rows) == {}


@pytest.mark.parametrize(("rows", "said"), [(500, False), (333, True)])
def test_a_window_of_no_whole_seconds_is_said(tmp_path, rows, said):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(WHISPER))
    notes = list(window_notes(tmp_path, "max_source_positions", 1500, rows))
    expected = (
        "preprocessor_config.json: chunk_length stays 30, because 333 rows are 6.66 seconds and the extractor counts "
        "whole ones: cut or pad its output to 666 frames"
    )
    assert notes == ([expected] if said else [])
