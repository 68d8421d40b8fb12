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
