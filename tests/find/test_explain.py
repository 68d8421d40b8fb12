"""Which field of a configuration explains a number of rows."""

import pytest

from posembed.find.config import nodes
from posembed.find.explain import explain_grid, explain_length


@pytest.mark.parametrize(
    ("fields", "rows", "expected"),
    [
        ({"max_position_embeddings": 512}, 512, [("max_position_embeddings", 0)]),
        ({"max_position_embeddings": 512}, 514, [("max_position_embeddings", 2)]),
        ({"max_position_embeddings": 512}, 513, []),
        ({"max_position_embeddings": 512.0}, 512, []),
        ({"n_positions": 16, "n_ctx": 16}, 16, [("n_positions", 0), ("n_ctx", 0)]),
        ({"my_max_len": 16}, 17, [("my_max_len", 1)]),
        ({"hidden_size": 16, "pad_token_id": 16, "pos_token_id": 16}, 16, []),
        ({"max_position_embeddings": 0}, 2, []),
    ],
)
def test_fields_that_explain_a_length(fields, rows, expected):
    (node,) = nodes(fields)
    assert [(length.name, length.more) for length in explain_length(node, rows)] == expected


@pytest.mark.parametrize(
    ("fields", "rows", "expected"),
    [
        ({"image_size": 224, "patch_size": 16}, 197, [(14, 14, 1)]),
        ({"image_size": 224, "patch_size": 16}, 195, []),
        ({"image_size": [224, 384], "patch_size": [16, 16]}, 336, [(14, 24, 0)]),
        ({"image_size": {"height": 224, "width": 384}, "patch_size": 16}, 336, [(14, 24, 0)]),
        ({"image_size": 4, "patch_size": 1}, 16, [(4, 4, 0)]),
        ({"image_size": 8, "patch_size": 8}, 2, [(1, 1, 1)]),
        ({"image_size": [8, 64], "patch_size": 16}, 4, []),  # lower than a patch
        ({"image_size": 64, "patch_size": 16}, 32, [(4, 4, 16)]),
        ({"image_size": 64, "patch_size": 16}, 33, []),
        ({"image_size": 224, "patch_size": 0}, 197, []),
        ({"image_size": 224, "patch_size": -16}, 197, []),
        ({"image_size": -224, "patch_size": 16}, 197, []),
        ({"image_size": 8, "patch_size": 16}, 1, []),
        ({"num_position_embeddings": 2304}, 2304, [(48, 48, 0)]),
        ({"posemb_grid_size": 16}, 256, [(16, 16, 0)]),
        ({"num_patches": -4}, 8, []),
        ({"posemb_grid_size": -16}, 256, []),
        ({"init_pos_emb_height": -4, "init_pos_emb_width": -4}, 16, []),
        ({"num_patches": -16}, 256, []),
        ({"image_size": 64, "patch_sizes": [-4, -2]}, 64, []),
        (
            {"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": 5, "time_stride": 5},
            42,
            [(5, 8, 2)],
        ),
        ({"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": 0, "time_stride": 5}, 42, []),
        ({"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": -5, "time_stride": 5}, 42, []),
    ],
)
def test_fields_that_explain_a_grid(fields, rows, expected):
    node = nodes(fields)[0]
    found = [(grid.height, grid.width, grid.extra) for grid in explain_grid(node, rows, 16)]
    assert [grid for grid in found if grid in expected or min(grid) < 0] == expected
    assert not expected or found[0] == expected[0]


# --- every way of saying a grid, with the fields it names -------------------------------------------------------------

SPECTROGRAM = {"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": 5, "time_stride": 7}


@pytest.mark.parametrize(
    ("fields", "rows", "expected"),
    [
        ({"image_size": 32, "patch_size": 8}, 17, [(4, 4, 1, ("image_size", "patch_size"), (8, 8))]),
        ({"image_size": 32, "patch_size": [8, 16]}, 8, [(4, 2, 0, ("image_size", "patch_size"), (8, 16))]),
        ({"image_size": [30, 33], "patch_size": 8}, 12, [(3, 4, 0, ("image_size", "patch_size"), (8, 8))]),
        (SPECTROGRAM, 30, [(5, 6, 0, tuple(SPECTROGRAM), None)]),
        (SPECTROGRAM, 32, [(5, 6, 2, tuple(SPECTROGRAM), None)]),
        (SPECTROGRAM, 46, [(5, 6, 16, tuple(SPECTROGRAM), None)]),
        (SPECTROGRAM, 47, []),
        (SPECTROGRAM, 29, []),
        (SPECTROGRAM | {"num_mel_bins": 7}, 0, []),
        (SPECTROGRAM | {"num_mel_bins": 8, "max_length": 8}, 1, [(1, 1, 0, tuple(SPECTROGRAM), None)]),
        ({"image_size": 32, "patch_sizes": [4, 2, 2]}, 64, [(8, 8, 0, ("image_size", "patch_sizes"), (4, 4))]),
        ({"image_size": 32, "patch_sizes": [4, 2, 2]}, 16, [(4, 4, 0, ("image_size", "patch_sizes"), (8, 8))]),
        ({"image_size": 32, "patch_sizes": [4, 2, 2]}, 5, [(2, 2, 1, ("image_size", "patch_sizes"), (16, 16))]),
        ({"image_size": 32, "patch_sizes": [4, 2, 2]}, 6, []),
        ({"image_size": 32, "patch_sizes": [4, 2, 2]}, 15, []),
        ({"image_size": [32, 16], "patch_sizes": [4, 4]}, 2, [(2, 1, 0, ("image_size", "patch_sizes"), (16, 16))]),
        ({"image_size": 2, "patch_sizes": [4]}, 1, []),
        ({"image_size": 32, "patch_sizes": [4, 0]}, 1, []),
        ({"pos_emb_height": 4, "pos_emb_width": 6}, 24, [(4, 6, 0, ("pos_emb_height", "pos_emb_width"), None)]),
        ({"pos_emb_height": 4, "pos_emb_width": 6}, 25, []),
        ({"pos_emb_height": 1, "pos_emb_width": 6}, 6, [(1, 6, 0, ("pos_emb_height", "pos_emb_width"), None)]),
        ({"pos_emb_height": 4}, 16, []),
        ({"posemb_grid_size": 4}, 16, [(4, 4, 0, ("posemb_grid_size",), None)]),
        ({"posemb_grid_size": [2, 8]}, 16, [(2, 8, 0, ("posemb_grid_size",), None)]),
        ({"num_patches": 16}, 16, [(4, 4, 0, ("num_patches",), None)]),
        ({"num_patches": 16}, 18, [(4, 4, 2, ("num_patches",), None)]),
        ({"num_patches": 16}, 32, [(4, 4, 16, ("num_patches",), None)]),
        ({"num_patches": 16}, 33, []),
        ({"num_patches": 15}, 15, []),
        ({"num_patches": 4}, 16, [(2, 2, 12, ("num_patches",), None), (4, 4, 0, ("num_patches",), None)]),
        ({"num_patches": 1}, 2, [(1, 1, 1, ("num_patches",), None)]),
        ({"max_position_embeddings": 16}, 16, []),  # a text's, unless images stand beside it
        (
            {"max_position_embeddings": 16, "image_size": 999},
            16,
            [(4, 4, 0, ("max_position_embeddings",), None)],
        ),
        (
            {"max_position_embeddings": 16, "patch_size": 999},
            16,
            [(4, 4, 0, ("max_position_embeddings",), None)],
        ),
    ],
)
def test_grids_and_their_fields(fields, rows, expected):
    (node,) = nodes(fields)
    found = [(grid.height, grid.width, grid.extra, grid.names, grid.pixels) for grid in explain_grid(node, rows, 16)]
    assert found == expected


@pytest.mark.parametrize(
    ("fields", "rows", "expected"),
    [
        ({"my_max_len": 16}, 18, [("my_max_len", 2)]),
        ({"my_max_len": 16}, 19, []),
        ({"my_max_len": 16}, 15, []),
        ({"my_max_len": True}, 1, []),
        ({"max_position_embeddings": 1}, 1, [("max_position_embeddings", 0)]),
        ({"max_position_embeddings": 16}, 15, []),
        ({"my_max_len": 16, "n_positions": 16}, 16, [("n_positions", 0), ("my_max_len", 0)]),
    ],
)
def test_lengths_close_by(fields, rows, expected):
    (node,) = nodes(fields)
    assert [(length.name, length.more) for length in explain_length(node, rows)] == expected
