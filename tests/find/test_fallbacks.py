"""Tables that no single field explains: timm's, videos', and those without a configuration."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed import TableLayout, find_tables
from posembed.find.fallbacks import extra_tokens
from posembed.find.found import FieldRule
from posembed.find.search import find_in
from tests.fixtures.tensors import found_as, found_in, stored

POSITION = "embeddings.position_embeddings.weight"


def only(path, **options):
    (table,) = (table for table in find_tables(path, **options) if table.refused is None)
    return table


def alone(tmp_path, tensors, config=None):
    """Tensors in a file, with a configuration beside them or without."""
    values = {key: np.random.default_rng(0).normal(size=shape).astype(np.float32) for key, shape in tensors.items()}
    save_file(values, tmp_path / "model.safetensors")
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path / "model.safetensors"


VIT = {"cls_token": (1, 1, 8), "blocks.0.norm1.weight": (8,), "patch_embed.proj.weight": (8, 3, 4, 4)}


@pytest.mark.parametrize(
    ("tensors", "layout"),  # a square is likely, and yet a guess where no configuration says the image
    [
        (VIT | {"pos_embed": (1, 197, 8)}, TableLayout(grid=(14, 14), prefix=1)),
        (VIT | {"pos_embed": (1, 196, 8)}, TableLayout(grid=(14, 14))),  # no_embed_class
        (VIT | {"pos_embed": (1, 198, 8), "dist_token": (1, 1, 8)}, TableLayout(grid=(14, 14), prefix=2)),
        (VIT | {"pos_embed": (1, 1370, 8), "reg_token": (1, 4, 8)}, TableLayout(grid=(37, 37), prefix=1)),
        ({"pos_embed": (1, 256, 8), "patch_embed.proj.weight": (8, 3, 4, 4)}, TableLayout(grid=(16, 16))),
        ({"pos_embed": (1, 14, 14, 8)}, TableLayout(grid=(14, 14))),
        ({"pos_embed": (1, 8, 14, 14)}, TableLayout(grid=(14, 14))),
        ({"pos_embed": (1, 10, 14, 64)}, TableLayout(grid=(10, 14))),
    ],
)
def test_timm(tmp_path, tensors, layout):
    table = only(alone(tmp_path, tensors))
    explicit = len(tensors["pos_embed"]) == 4
    assert table.resize == ("bicubic", True, False)  # timm's own filter
    assert (table.key, table.layout, table.kind, table.uncertain) == ("pos_embed", layout, "grid", not explicit)


@pytest.mark.parametrize(
    ("tensors", "image", "layout"),
    [
        (VIT | {"pos_embed": (1, 197, 8)}, [3, 224, 224], TableLayout(grid=(14, 14), prefix=1)),
        (VIT | {"pos_embed": (1, 197, 8)}, [3, 112, 448], TableLayout(grid=(7, 28), prefix=1)),
        (VIT | {"pos_embed": (1, 196, 8)}, [3, 112, 448], TableLayout(grid=(7, 28))),
        (
            VIT | {"pos_embed": (1, 1370, 8), "reg_token": (1, 4, 8)},
            [3, 518, 518],
            TableLayout(grid=(37, 37), prefix=1),
        ),
    ],
)
def test_timm_with_its_configuration(tmp_path, tensors, image, layout):
    file = alone(tmp_path, tensors)
    config = {"architecture": "vit_base_patch16_224", "num_classes": 0, "pretrained_cfg": {"input_size": image}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    table = only(file)
    assert (table.layout, table.uncertain, table.resize) == (layout, False, ("bicubic", True, False))


@pytest.mark.parametrize(("kernel", "side"), [({"patch_embed.proj.weight": (8, 3, 16, 16)}, 16), ({}, 16),
                                              ({"patch_embed.backbone.conv.weight": (8, 3, 15, 15)}, 15)])  # fmt: skip
def test_the_patch_is_the_one_that_cuts_the_image(tmp_path, kernel, side):
    """224 pixels make 14 × 14 patches of 16, of 15 too when rounded down: the kernel, else what divides, tells."""
    file = alone(tmp_path, {"cls_token": (1, 1, 8), "pos_embed": (1, 197, 8)} | kernel)
    config = {"architecture": "vit_tiny_patch16_224", "pretrained_cfg": {"input_size": [3, 224, 224]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (rule,) = only(file).fields
    assert rule.amount == (side, side)


def test_open_clip(tmp_path):
    file = alone(
        tmp_path,
        {"positional_embedding": (77, 8), "visual.positional_embedding": (50, 8), "visual.class_embedding": (8,)},
    )
    found = {table.key: table for table in find_tables(file)}
    assert found["positional_embedding"].layout == TableLayout(length=77)
    assert found["visual.positional_embedding"].layout == TableLayout(grid=(7, 7), prefix=1)
    assert {table.key: table.uncertain for table in found.values()} == {
        "positional_embedding": False,
        "visual.positional_embedding": True,  # 50 = 7 × 7 + 1 only if the image is square
    }


def test_an_open_clip_configuration(tmp_path):
    file = alone(tmp_path, {"positional_embedding": (64, 8), "visual.trunk.pos_embed": (1, 36, 8)})
    config = {"model_cfg": {"text_cfg": {"context_length": 64}, "vision_cfg": {"image_size": 96, "patch_size": 16}}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    found = {table.key: table for table in find_tables(file)}
    assert found["positional_embedding"].layout == TableLayout(length=64)
    assert found["visual.trunk.pos_embed"].layout == TableLayout(grid=(6, 6))


def test_gpt2_without_a_configuration(tmp_path):
    table = only(alone(tmp_path, {"transformer.wpe.weight": (1024, 8)}))
    assert (table.layout, table.uncertain) == (TableLayout(length=1024), False)


@pytest.mark.parametrize("rows_", [512, 514, 100, 23])
def test_position_embeddings_alone_are_uncertain(tmp_path, rows_):
    table = only(alone(tmp_path, {POSITION: (rows_, 8)}))
    assert table.uncertain
    assert "no configuration field explains its rows" in table.evidence


# --- timm: image and patch --------------------------------------------------------------------------------------------


def timm(image, **more):
    return {"architecture": "vit", "pretrained_cfg": {"input_size": image}, **more}


def test_the_size_that_the_model_is_built_for_comes_first():
    config = timm([3, 224, 224], model_args={"img_size": 96})
    table = found_in(config, {"pos_embed": (1, 36, 8), "patch_embed.proj.weight": (8, 3, 16, 16)})["pos_embed"]
    assert table.layout == TableLayout(grid=(6, 6))
    assert table.evidence == (
        "named like a position table: pos_embed",
        "rows 36 = 6 × 6 + 0: model_args.img_size in patches of 16",
    )
    assert [(rule.name, rule.unit, rule.amount) for rule in table.fields] == [
        ("pretrained_cfg.input_size", "pixels", (16, 16))
    ]
    assert table.family == "timm/vit"


def test_a_size_that_fits_no_patch_leaves_the_word_to_the_next():
    config = timm([3, 224, 224], model_args={"img_size": 100})  # 14 rows of 7 pixels, and 100 pixels would make 15 × 15
    table = found_in(config, {"pos_embed": (1, 197, 8), "cls_token": (1, 1, 8)})["pos_embed"]
    assert (table.layout, table.uncertain) == (TableLayout(grid=(14, 14), prefix=1), False)


def test_several_patches_that_fit_leave_it_open():
    config = timm([3, 32, 32])  # 9 = 3 × 3, and 4 + 5 with the five tokens
    table = found_in(config, {"pos_embed": (1, 9, 8), "reg_token": (1, 5, 8)})["pos_embed"]
    assert table.uncertain


@pytest.mark.parametrize(("side", "certain"), [(64, True), (65, False)])
def test_the_largest_patch(side, certain):
    config = timm([3, 64 * side, 64 * side])  # 64 patches of 64 or 65 pixels: no smaller patch makes as many
    table = found_in(config, {"pos_embed": (1, 4096, 8)})["pos_embed"]
    assert table.uncertain is not certain


def test_patches_of_one_pixel_are_possible():
    assert found_in(timm([3, 5, 5]), {"pos_embed": (1, 25, 8)})["pos_embed"].fields[0].amount == (1, 1)


def test_a_patch_that_divides_the_image_is_likelier_than_one_that_does_not():
    # 6 × 6 patches: of 16 pixels (96 = 6 × 16) rather than of 14 or 15, which leave a margin.
    assert found_in(timm([3, 96, 96]), {"pos_embed": (1, 36, 8)})["pos_embed"].fields[0].amount == (16, 16)
    # … and both sides must be divided: 100 × 96 leaves a margin at the height with 16, but none with 4.
    table = found_in(timm([3, 100, 96]), {"pos_embed": (1, 36, 8)})["pos_embed"]
    assert table.fields[0].amount == (15, 15)


def test_only_kernels_of_four_axes_cut_patches():
    shapes = {"pos_embed": (1, 36, 8), "patch_embed.proj.weight": (8, 15)}
    assert found_in(timm([3, 96, 96]), shapes)["pos_embed"].fields[0].amount == (16, 16)


def test_a_grid_that_the_shape_shows_must_be_the_one_that_fits():
    for shape, amount in (((1, 6, 6, 8), (16, 16)), ((1, 8, 6, 6), (16, 16))):
        (rule,) = found_in(timm([3, 96, 96]), {"pos_embed": shape})["pos_embed"].fields
        assert rule.amount == amount
    shapes = {"pos_embed": (1, 4, 9, 8)}  # 36 rows, but not 6 × 6
    assert found_in(timm([3, 96, 96]), shapes)["pos_embed"].fields == ()
    shapes = {"pos_embed": (1, 6, 6, 8), "cls_token": (1, 11, 8)}  # 25 + 11 rows fit as well; the shape says 6 × 6
    assert found_in(timm([3, 96, 96]), shapes)["pos_embed"].layout == TableLayout(grid=(6, 6))


def test_a_table_of_tokens_alone_is_not_a_grid_without_patches():
    table = found_in(timm([3, 8, 8]), {"pos_embed": (1, 2, 8), "cls_token": (1, 1, 8), "dist_token": (1, 1, 8)})
    assert table["pos_embed"].layout.positions > 0


def test_only_timms_configurations_are_read_so():
    config = {"pretrained_cfg": {"input_size": [3, 96, 96]}, "model_type": "other"}
    assert found_in(config, {"pos_embed": (1, 36, 8)})["pos_embed"].uncertain


# --- tokens beside a table --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "tokens", "rows"),
    [
        ("pos_embed", {"cls_token": (1, 1, 8)}, [1]),
        ("pos_embed", {"class_embedding": (8,)}, [1]),
        ("pos_embed", {"cls_token": (1, 1, 8), "dist_token": (1, 1, 8), "reg_token": (1, 4, 8)}, [1, 1, 4]),
        ("visual.pos_embed", {"cls_token": (1, 1, 8), "visual.cls_token": (1, 2, 8)}, [2]),  # of the same module alone
        ("pos_embed_0", {"cls_token_0": (1, 1, 8), "cls_token_1": (1, 3, 8)}, [1]),  # and of the same branch
        ("a.position_embedding.weight", {"a.class_embedding": (8,)}, [1]),  # CLIP's table is in a module of its own
        ("pos_embed", {"cls_token_0": (1, 1, 8)}, []),
        ("pos_embed", {"mask_token": (1, 1, 8), "class_head.weight": (8, 8)}, []),
        ("attnpool.positional_embedding", {"class_embedding": (8,), "attnpool.cls_token": (1, 3, 8)}, [1]),
        ("head.pos_embed", {}, [1]),
    ],
)
def test_tokens_that_take_rows(key, tokens, rows):
    assert extra_tokens(key, stored({key: (9, 8), **tokens})) == rows


NAFLEX = {"architecture": "naflexvit_base_patch16_siglip", "pretrained_cfg": {"input_size": [3, 384, 384]}}


@pytest.mark.parametrize("embed", [(32, 16 * 16 * 3), (32, 3, 16, 16)])
def test_a_naflex_grid_is_no_grid_of_the_image(embed):
    """384 pixels in 16 × 16 rows would be patches of 24; the patches are of 16."""
    tensors = stored({"embeds.pos_embed": (1, 16, 16, 32), "embeds.proj.weight": embed})
    (table,) = find_in(tensors, NAFLEX)
    assert (table.layout, table.uncertain) == (TableLayout(grid=(16, 16)), False)
    assert table.fields == (FieldRule("model_args.pos_embed_grid_size", "side", (16, 16)),)


@pytest.mark.parametrize(
    ("embed", "image"),
    [((32, 700), [3, 384, 384]), ((32,), [3, 384, 384]), ((32, 768), [0, 384, 384]), ((32, 768), [700, 384, 384])],
)
def test_a_map_that_is_no_patches(embed, image):
    config = NAFLEX | {"pretrained_cfg": {"input_size": image}}
    tensors = stored({"embeds.pos_embed": (1, 16, 16, 32), "embeds.proj.weight": embed})
    (table,) = find_in(tensors, config)
    assert table.layout.grid == (16, 16)
    assert [rule.name for rule in table.fields] != ["model_args.pos_embed_grid_size"] or image[0] == 0


QWEN = {"architecture": "qwen3_vit_88m", "pretrained_cfg": {"input_size": [3, 768, 768]}}
HIERA = {"architecture": "sam2_hiera_tiny", "pretrained_cfg": {"input_size": [3, 896, 896]}}
ABSWIN = {"architecture": "hiera_small_abswin_256", "pretrained_cfg": {"input_size": [3, 256, 256]}}


@pytest.mark.parametrize(
    ("config", "tensors", "field"),
    [
        (
            QWEN,
            {"encoder.pos_embed": (1, 36, 8), "encoder.patch_embed.proj.weight": (8, 3, 2, 16, 16)},
            FieldRule("model_args.pos_embed_grid_size", "side", (16, 16), square=True),
        ),
        (
            HIERA,
            {"pos_embed": (1, 8, 6, 6), "pos_embed_window": (1, 8, 8, 8), "patch_embed.proj.weight": (8, 3, 7, 7)},
            FieldRule("model_args.global_pos_size", "side"),
        ),
        (
            ABSWIN,
            {"pos_embed": (1, 8, 6, 6), "pos_embed_win": (1, 8, 8, 8), "patch_embed.proj.weight": (8, 3, 7, 7)},
            FieldRule("model_args.global_pos_size", "side"),
        ),
    ],
)
def test_a_grid_that_is_stretched_over_every_image_has_a_field_of_its_own(config, tensors, field):
    table = found_in(config, tensors)[next(iter(tensors))]
    assert (table.layout, table.uncertain, table.fields) == (TableLayout(grid=(6, 6)), False, (field,))


@pytest.mark.parametrize(("side", "kernel", "step"), [(27, 16, 8), (31, 14, 7)])
def test_patches_that_overlap(side, kernel, step):
    """PiT: 224 pixels are no 27 patches of any size side by side."""
    config = {"architecture": "pit_ti_224", "pretrained_cfg": {"input_size": [3, 224, 224]}}
    tensors = {"pos_embed": (1, 8, side, side), "patch_embed.conv.weight": (8, 3, kernel, kernel)}
    table = found_in(config, tensors)["pos_embed"]
    over = (kernel - step, kernel - step)
    assert table.fields == (FieldRule("pretrained_cfg.input_size", "pixels", (step, step), overlap=over),)
    assert (table.layout, table.family, table.uncertain) == (TableLayout(grid=(side, side)), "timm/pit_ti_224", False)


def test_a_hiera_without_windows_has_the_image_s_grid():
    config = {"architecture": "hiera_tiny_224", "pretrained_cfg": {"input_size": [3, 224, 224]}}
    table = found_in(config, {"pos_embed": (1, 3136, 8), "patch_embed.proj.weight": (8, 3, 7, 7)})["pos_embed"]
    assert table.fields == (FieldRule("pretrained_cfg.input_size", "pixels", (4, 4)),)


@pytest.mark.parametrize("key", ["pixel_pos", "inner_pos"])
def test_places_inside_a_patch_do_not_grow_with_the_image(key):
    config = {"architecture": "tnt_s_patch16_224", "pretrained_cfg": {"input_size": [3, 224, 224]}}
    tables = found_in(config, {"patch_pos": (1, 197, 8), key: (1, 4, 4, 4), "cls_token": (1, 1, 8)})
    assert (tables[key].kind, tables[key].layout.grid) == ("window", (4, 4))
    assert tables[key].evidence[-1] == "4 × 4 places inside one patch, the same for every patch"
    assert tables["patch_pos"].layout == TableLayout(grid=(14, 14), prefix=1)


# --- videos -----------------------------------------------------------------------------------------------------------

VIVIT = {"model_type": "vivit", "num_frames": 8, "tubelet_size": [2, 16, 16], "image_size": 64}


@pytest.mark.parametrize(("rows", "prefix"), [(64, 0), (65, 1)])
def test_frames_and_patches(rows, prefix):
    table = found_as(VIVIT, "embeddings.position_embeddings", (1, rows, 8))
    assert (table.kind, table.family) == ("time", "vivit")
    assert table.layout == TableLayout(length=64, prefix=prefix)
    tail = " + 1" if prefix else ""
    assert table.evidence[1] == f"rows {rows} = 4 frames × 16 patches{tail}"
    assert table.fields == (FieldRule("num_frames", "tubelets", (16, 2)),)


@pytest.mark.parametrize(
    ("rows", "changes"),
    [
        (63, {}),
        (66, {}),
        (64, {"num_frames": None}),
        (64, {"image_size": None}),
        (64, {"tubelet_size": [2, 16]}),
        (64, {"tubelet_size": [2, 16, 0]}),
        (64, {"tubelet_size": 2}),
        (16, {"num_frames": 2}),  # one frame: an image's grid
        (4, {"tubelet_size": [2, 64, 64]}),  # one patch
    ],
)
def test_what_is_no_video(rows, changes):
    assert found_as(VIVIT | changes, "embeddings.position_embeddings", (1, rows, 8)).kind != "time"


def test_a_video_that_is_not_square():
    config = VIVIT | {"image_size": [64, 32], "tubelet_size": [4, 16, 8]}
    assert found_as(config, "embeddings.position_embeddings", (1, 32, 8)).layout == TableLayout(length=32)


def test_a_part_of_the_configuration_may_be_the_videos():
    config = {"model_type": "outer", "text_config": {"model_type": "t"}, "video_config": VIVIT}
    assert found_as(config, "embeddings.position_embeddings", (1, 65, 8)).family == "vivit"


# --- nothing explains it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "reserved"), [(514, 2), (66, 2), (130, 2), (512, 0), (513, 0), (515, 0), (64, 0), (2, 2)]
)
def test_two_rows_beyond_a_round_number_are_reserved(rows, reserved):
    table = found_as({}, POSITION, (rows, 8))
    if rows > reserved:
        assert (table.layout.length, table.layout.reserved) == (rows - reserved, reserved)
        assert any("as in the RoBERTa and BART families" in each for each in table.evidence) is bool(reserved)
        assert table.uncertain


def test_rows_of_another_way_of_storing_are_not_fairseqs():
    assert found_as({}, POSITION, (66, 1, 8)).layout == TableLayout(length=66)


@pytest.mark.parametrize(
    ("key", "shape", "kind", "uncertain"),
    [
        ("transformer.wpe.weight", (16, 8), "sequence", False),
        ("positions_embed.weight", (16, 8), "sequence", False),
        ("positional_embedding", (16, 8), "sequence", False),
        (POSITION, (16, 8), "sequence", True),
        ("visual.positional_embedding", (16, 8), "grid", True),
        ("core.position_embeddings", (1, 16, 8), "grid", True),  # a batched shape is an image's
        ("core.pos_embed", (16, 8), "grid", True),
        ("core.pos_embed", (15, 8), "sequence", True),  # not a square
        ("visual.positional_embedding", (15, 8), "sequence", True),
    ],
)
def test_names_and_squares(key, shape, kind, uncertain):
    table = found_as({}, key, shape)
    assert (table.kind, table.uncertain) == (kind, uncertain)


def test_the_fewest_tokens_that_leave_a_square_are_believed():
    shapes = {"pos_embed": (1, 25, 8), "reg_token": (1, 9, 8)}  # 25 = 5 × 5, and 16 + 9
    table = found_in({}, shapes)["pos_embed"]
    assert table.layout == TableLayout(grid=(5, 5))
    assert table.evidence[-1] == "rows 25 = 5 × 5 + 0 if the grid is square; tokens beside it: [9]"
    shapes = {"pos_embed": (1, 7, 8), "reg_token": (1, 4, 8), "cls_token": (1, 2, 8)}  # 7 − 2, 7 − 4, 7 − 6 = 1 × 1
    assert found_in({}, shapes)["pos_embed"].layout == TableLayout(grid=(1, 1), prefix=6)


def test_tokens_never_take_all_rows():
    shapes = {"pos_embed": (1, 2, 8), "cls_token": (1, 2, 8)}
    assert found_in({}, shapes)["pos_embed"].layout.positions == 2
