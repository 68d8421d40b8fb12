"""Rows before and after a grid, and the fields that must follow it."""

import pytest

from posembed import TableLayout
from posembed.find.read_grid import patch_beside
from posembed.find.search import find_in
from tests.fixtures.tensors import found_as, stored

KEY = "embeddings.position_embeddings"


def rules(table):
    return [(rule.name, rule.unit, rule.amount) for rule in table.fields]


@pytest.mark.parametrize(
    ("config", "rows", "expected"),
    [
        ({"image_size": 32, "patch_size": 8}, 16, [("image_size", "pixels", (8, 8))]),
        ({"image_size": [32, 64], "patch_size": [8, 16]}, 16, [("image_size", "pixels", (8, 16))]),
        ({"image_size": 32, "num_patches": 16}, 16, [("num_patches", "count", (0, 0))]),
        ({"image_size": 32, "num_patches": 4}, 16, [("num_patches", "side", (0, 0))]),
        ({"posemb_grid_size": 4}, 16, [("posemb_grid_size", "side", (0, 0))]),
        ({"image_size": 8, "num_patches": 1}, 2, [("num_patches", "side", (0, 0))]),  # 1 × 1: a side as well as a count
        (
            {"pos_emb_height": 2, "pos_emb_width": 8},
            16,
            [("pos_emb_height", "side", (0, 0)), ("pos_emb_width", "side", (0, 0))],
        ),
        (
            {"num_mel_bins": 28, "max_length": 43, "patch_size": 8, "frequency_stride": 5, "time_stride": 7},
            30,
            [("num_mel_bins", "bins", (8, 5)), ("max_length", "frames", (8, 7))],
        ),
    ],
)
def test_fields_that_follow(config, rows, expected):
    assert rules(found_as({"model_type": "new", **config}, KEY, (1, rows, 8))) == expected


def test_fields_of_a_part_are_named_in_full():
    config = {"model_type": "outer", "vision_config": {"model_type": "part", "image_size": 32, "patch_size": 8}}
    table = found_as(config, "vision_model.embeddings.position_embedding.weight", (17, 8))
    assert rules(table) == [("vision_config.image_size", "pixels", (8, 8))]
    assert table.family == "part"
    assert table.evidence == (
        "named like a position table: vision_model.embeddings.position_embedding.weight",
        "rows 17 = 4 × 4 + 1 (vision_config.image_size // vision_config.patch_size)",
        "prefix 1: class and other tokens stand before the patches",
    )


def test_evidence_of_a_grid_that_is_counted():
    table = found_as({"model_type": "new", "pos_emb_height": 2, "pos_emb_width": 8}, KEY, (1, 16, 8))
    assert table.evidence[1:] == ("rows 16 = 2 × 8 (pos_emb_height × pos_emb_width)",)


@pytest.mark.parametrize(
    ("family", "more", "rows", "prefix", "suffix"),
    [
        ("vit", {}, 18, 2, 0),
        ("llama4_vision_model", {}, 17, 0, 1),
        ("llama4_vision_model", {}, 16, 0, 0),  # no row is left for the class token
        ("llama4_vision_model", {}, 18, 1, 1),
        ("yolos", {"num_detection_tokens": 5}, 22, 1, 5),
        ("yolos", {"num_detection_tokens": 5}, 19, 0, 3),
        ("yolos", {}, 17, 1, 0),
        ("yolos", {"num_detection_tokens": 100}, 117, 1, 100),
    ],
)
def test_rows_after_the_grid(family, more, rows, prefix, suffix):
    table = found_as({"model_type": family, "image_size": 32, "patch_size": 8, **more}, KEY, (1, rows, 8))
    assert table.layout == TableLayout(grid=(4, 4), prefix=prefix, suffix=suffix)
    assert any(each.startswith(f"suffix {suffix}: ") for each in table.evidence) is (family != "vit")
    assert any(each.startswith("prefix") for each in table.evidence) is bool(prefix)


# --- shapes that show a grid ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "config", "uncertain", "names"),
    [
        ("core.pos_embed", {}, False, []),
        ("core.my_positions", {}, True, []),
        ("core.my_positions", {"image_size": 32, "patch_size": 8}, False, ["image_size"]),
        ("core.pos_embed", {"image_size": 32, "patch_size": 8}, False, ["image_size"]),
        ("core.my_positions", {"image_size": 24, "patch_size": 8}, True, []),  # 3 × 3 + 7: not what the shape shows
        ("core.my_positions", {"image_size": [16, 64], "patch_size": 8}, True, []),  # 2 × 8
    ],
)
def test_a_shape_that_is_a_grid(key, config, uncertain, names):
    table = found_as({"model_type": "new", **config}, key, (1, 4, 4, 8))
    assert (table.kind, table.layout, table.uncertain) == ("grid", TableLayout(grid=(4, 4)), uncertain)
    assert [rule.name for rule in table.fields] == names
    assert table.evidence[1] == "its shape [1, 4, 4, 8] is a grid of 4 × 4"


def test_the_family_of_the_part_that_agrees():
    config = {"model_type": "outer", "vision_config": {"model_type": "part", "image_size": 32, "patch_size": 8}}
    assert found_as(config, "core.pos_embed", (1, 4, 4, 8)).family == "part"
    assert found_as(config, "core.pos_embed", (1, 5, 5, 8)).family == "outer"


def test_windows_and_blocks():
    window = found_as({"model_type": "new"}, "backbone.pos_embed_window", (1, 8, 5, 7))
    assert (window.kind, window.layout, window.family) == ("window", TableLayout(grid=(5, 7)), "new")
    assert window.evidence[1] == "a window of 5 × 7, tiled over a grid"
    blocks = found_as({"model_type": "new"}, "levels.0.pos_embed", (1, 16, 49, 64))
    assert (blocks.kind, blocks.layout, blocks.family) == ("grid", TableLayout(grid=(28, 28)), "new")
    assert blocks.evidence[1] == "16 blocks of 49 rows (NesT)"


def test_windows_and_blocks_need_a_grid():
    assert found_as({}, "backbone.pos_embed_window", (16, 8)).kind != "window"
    assert found_as({}, "levels.0.pos_embed", (16, 49, 64)).evidence[1].startswith("its shape")


def test_the_family_is_that_of_the_whole_model():
    """A table that no part's fields explain belongs to the outermost model."""
    config = {"model_type": "outer", "vision_config": {"model_type": "part"}}
    assert found_as(config, "blocks.0.pos_embed_window", (1, 8, 8, 8)).family == "outer"
    assert found_as(config, "vision.position_embeddings.weight", (40, 8)).family == "outer"


@pytest.mark.parametrize(
    ("weights", "patch"),
    [
        ({"vision.patch_embedding.weight": (8, 16 * 16 * 3)}, (16, 16)),  # linear, as in SigLIP 2
        ({"vision.patch_embed.proj.weight": (8, 3, 14, 14)}, (14, 14)),
        ({"vision.patch_embed.proj.weight": (8, 3, 2, 16, 12)}, (16, 12)),  # of two frames
        ({"vision.patch_embeddings.projection.weight": (8, 3, 4, 4)}, (4, 4)),
        ({"vision.patch_embed.weight": (8, 3, 4, 4), "audio.patch_embed.weight": (8, 3, 9, 9)}, (4, 4)),
        ({"vision.patch_embed.weight": (8, 700)}, (0, 0)),
        ({"vision.patch_embed.weight": (8, 60)}, (0, 0)),
        ({"vision.patch_embed.norm.weight": (8,)}, (0, 0)),
        ({"vision.dense.weight": (8, 768)}, (0, 0)),
        ({}, (0, 0)),
    ],
)
def test_the_patch_that_the_weights_show(weights, patch):
    tensors = stored({"vision.position_embedding.weight": (16, 8), **weights})
    assert patch_beside("vision.position_embedding.weight", tensors) == patch
    config = {"model_type": "siglip2_vision_model", "num_patches": 16}  # a patch size that is left to its default
    (table,) = (table for table in find_in(tensors, config) if table.refused is None)
    assert rules(table) == [("num_patches", "count", patch)]
    stated = next(t for t in find_in(tensors, config | {"patch_size": 7}) if t.refused is None)
    assert rules(stated) == [("num_patches", "count", (7, 7))]
