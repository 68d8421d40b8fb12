"""Which tables a call means, and the layouts that they are to have; calls that mean none are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from posembed import FoundTable, TableLayout, plan_extension
from posembed.errors import InvalidArgumentError
from posembed.extension.targets import choose_targets
from posembed.find import families
from posembed.find.found import FieldRule, Frozen
from posembed.records.extend import PlanOptions


def table(key, layout, kind="sequence", fields=(), refused=None):
    return FoundTable(
        key, (layout.rows, 8), "F32", Path("file"), "bert", layout, (), False, refused, kind, "rows", fields
    )


WORDS = table("words", TableLayout(length=16, reserved=2))
OTHER = table("other", TableLayout(length=20))
IMAGE = table("image", TableLayout(grid=(4, 4), prefix=1), "grid", (FieldRule("image_size", "pixels", (8, 4)),))
AXIS = table("axis", TableLayout(length=64), "axis")
TYPES = table("types", TableLayout(length=2), "none", refused="a segment table")
ALL = [WORDS, OTHER, IMAGE, AXIS, TYPES]


def chosen(found, length=None, grid=None, image_size=None, keys=None, method="auto"):
    targets, unchanged = choose_targets(
        "here", found, PlanOptions(length=length, grid=grid, image_size=image_size, tables=keys, method=method)
    )
    return {target.table.key: target.layout for target in targets}, dict(unchanged)


def test_a_length_means_every_sequence_and_keeps_reserved_rows():
    assert chosen(ALL, 32) == ({"words": TableLayout(length=32, reserved=2), "other": TableLayout(length=32)}, {})


def test_prefix_rows_count_as_positions_of_the_input():
    found = [table("t", TableLayout(length=15, prefix=1, reserved=2))]
    assert chosen(found, 32)[0] == {"t": TableLayout(length=31, prefix=1, reserved=2)}


def test_tables_that_are_long_enough_stay():
    assert chosen(ALL, 20) == (
        {"words": TableLayout(length=20, reserved=2)},
        {"other": "has 20 usable positions already"},
    )
    assert chosen(ALL, 18)[1] == {"other": "is longer already (20); method='crop' shortens"}
    assert chosen(ALL, 18, method="crop") == ({"other": TableLayout(length=18)}, {"words": "is shorter already (16)"})


def test_stretch_may_keep_the_length():
    assert set(chosen(ALL, 20, method="stretch")[0]) == {"words", "other"}


def test_a_name_reaches_tables_of_other_kinds():
    assert chosen(ALL, 128, keys=["axis"])[0] == {"axis": TableLayout(length=128)}
    assert chosen(ALL, 32, keys=["words"])[0] == {"words": TableLayout(length=32, reserved=2)}


def test_grids_in_patches_and_pixels():
    wide = TableLayout(grid=(6, 8), prefix=1)
    assert chosen(ALL, grid=(6, 8))[0] == chosen(ALL, image_size=(48, 32))[0] == {"image": wide}
    assert chosen(ALL, image_size=40)[0] == {"image": TableLayout(grid=(5, 10), prefix=1)}


def test_tables_of_one_field_get_the_rows_of_the_neediest():
    rule = (FieldRule("n", "rows", (0, 0)),)
    found = [
        table("a", TableLayout(length=16, reserved=2), fields=rule),
        table("b", TableLayout(length=18), fields=rule),
    ]
    assert chosen(found, 32)[0] == {"a": TableLayout(length=32, reserved=2), "b": TableLayout(length=34)}
    assert chosen(found, 18)[0] == {"a": TableLayout(length=18, reserved=2), "b": TableLayout(length=20)}


@pytest.mark.parametrize(
    ("found", "arguments", "message"),
    [
        (ALL, {}, "exactly one of `length`, `grid` and `image_size` must be given, got none of them"),
        (ALL, {"length": 32, "image_size": 32}, "got `length` and `image_size`"),
        (ALL, {"length": 32, "keys": ["nope"]}, "tables='nope' is not a position table .*: words, other, image, axis"),
        (
            ALL,
            {"length": 32, "keys": ["types"]},
            "tables='types' is not a position table: a segment table. If you know better",
        ),
        (
            ALL,
            {"length": 32, "keys": ["image"]},
            r"tables='image' is a grid of \(4, 4\): use `grid` or `image_size`",
        ),
        (ALL, {"grid": (6, 6), "keys": ["words"]}, "tables='words' is not a grid: use `length`"),
        (ALL, {"length": 16, "keys": ["words"]}, "length=16 changes nothing: words has 16 usable positions already"),
        (ALL, {"grid": (4, 4)}, "nothing changes: image has a grid of 4 × 4 already"),
        (ALL, {"image_size": 36}, "image_size=36 is not a multiple of the patch size 8 × 4 of image"),
        (
            [IMAGE],
            {"length": 32},
            r"here: has no table of that kind, only image \(grid\): use `grid` or `image_size`",
        ),
        ([AXIS], {"length": 32}, r"only axis \(axis\): name it with `tables`"),
        ([WORDS], {"grid": (2, 2)}, r"only words \(sequence\): use `length`"),
        (
            [TYPES],
            {"length": 32},
            r"here: has no learned position table to extend. Look-alikes: types: a segment table\.",
        ),
        ([], {"length": 32}, r"here: has no learned position table to extend\.$"),
        (
            [table("g", TableLayout(grid=(4, 4)), "grid")],
            {"image_size": 32},
            "has no patch size for g: use `grid`",
        ),
        ([table("p", TableLayout(length=9, prefix=4))], {"length": 4, "method": "crop"}, "length=4 leaves no position"),
    ],
)
def test_calls_that_mean_nothing(found, arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        chosen(found, **arguments)


@pytest.mark.parametrize(
    ("arguments", "length", "frames"),
    [
        ({"image_size": 64}, 65, 8),
        ({"length": 8}, 65, 8),
        ({"length": 8, "keys": ["video"]}, 65, 8),
        ({"length": 12}, 97, 12),
        ({"length": 2}, 65, 8),
        ({"length": 129}, 129, 16),
    ],
)
def test_the_length_of_a_video_is_advised_in_whole_frames(arguments, length, frames):
    rule = (FieldRule("num_frames", "tubelets", (16, 2)),)
    found = [table("video", TableLayout(length=32, prefix=1), "time", fields=rule)]
    advice = (
        rf"video holds 4 frames \(2 × 16 patches \+ 1\), .*: length={length} with tables='video' gives {frames} frames"
    )
    with pytest.raises(InvalidArgumentError, match=advice):
        chosen(found, **arguments)
    assert chosen(found, length, keys=["video"])[0] == {"video": TableLayout(length=length - 1, prefix=1)}


def test_a_grid_that_the_call_describes_as_rows(write):
    source = write({"pos_embed": (1, 17, 8)})
    described = {"tables": ["pos_embed"], "prefix": 1}
    with pytest.raises(InvalidArgumentError, match="described as rows without a grid: add table_grid=4x4 if"):
        plan_extension(source, grid=(8, 8), **described)
    assert plan_extension(source, grid=(8, 8), table_grid=(4, 4), **described).tables[0].shape == (1, 65, 8)


def test_images_have_two_sides():
    with pytest.raises(InvalidArgumentError, match="must be a whole number or two whole numbers"):
        chosen(ALL, image_size=(32, 32, 32))


@pytest.mark.parametrize("size", [33, (40, 36), (48, 39)])
def test_an_image_with_a_remainder_needs_a_model_with_one(write, size):
    arrays = {"embeddings.position_embeddings": (1, 17, 8)}
    exact = write(arrays, "exact", config={"model_type": "vit", "image_size": 32, "patch_size": 8})
    with pytest.raises(InvalidArgumentError, match="is not a multiple of the patch size 8 × 8"):
        plan_extension(exact, image_size=size)
    loose = write(arrays, "loose", config={"model_type": "vit", "image_size": 34, "patch_size": 8})
    plan = plan_extension(loose, image_size=size if size != 33 else 47)
    assert plan.fields[0].after == (47 if size == 33 else list(size))


def test_a_grid_with_a_side_that_stays_keeps_its_pixels(write):
    config = {"model_type": "vit", "image_size": 34, "patch_size": 8}
    plan = plan_extension(write({"embeddings.position_embeddings": (1, 17, 8)}, config=config), grid=(4, 6))
    assert [change.after for change in plan.fields] == [[34, 48]]


def test_an_image_smaller_than_a_patch(write):
    config = {"model_type": "vit", "image_size": 34, "patch_size": 8}
    source = write({"embeddings.position_embeddings": (1, 17, 8)}, config=config)
    with pytest.raises(InvalidArgumentError, match="is smaller than one patch"):
        plan_extension(source, image_size=7)


def test_a_count_of_patches_has_its_patch_size_beside_it(write):
    config = {"model_type": "siglip2", "vision_config": {"num_patches": 16, "patch_size": 8}}
    source = write({"vision_model.embeddings.position_embedding.weight": (16, 8)}, config=config)
    plan = plan_extension(source, image_size=64)
    assert plan.tables[0].layout.grid == (8, 8)
    assert [(change.name, change.after) for change in plan.fields] == [("vision_config.num_patches", 64)]
    with pytest.raises(InvalidArgumentError, match="is not a multiple of the patch size 8 × 8"):
        plan_extension(source, image_size=65)


# --- Fixed sinusoids, and tables that the model does not read ---------------------------------------------------------

SIZED = (FieldRule("n", "rows", (0, 0)),)
FIXED = replace(table("fixed", TableLayout(length=16), refused="a sinusoid"), frozen=Frozen("half"))
SHARED = replace(FIXED, key="shared", fields=SIZED)
LEARNED = table("learned", TableLayout(length=16), fields=SIZED)
UNREAD = replace(table("unread", TableLayout(length=16)), unused="n = 3, so nobody reads it")


def test_a_sinusoid_alone_is_meant():
    assert list(chosen([FIXED, TYPES], 32)[0]) == ["fixed"]
    assert list(chosen([FIXED, SHARED], 32)[0]) == ["fixed", "shared"]


def test_beside_a_learned_table_it_is_meant_if_one_field_sizes_both():
    assert list(chosen([FIXED, SHARED, LEARNED], 32)[0]) == ["shared", "learned"]
    assert list(chosen([FIXED, LEARNED], 32, keys=["fixed"])[0]) == ["fixed"]
    assert list(chosen([FIXED, LEARNED], 32, keys=["learned"])[0]) == ["learned"]


def test_its_method_may_shorten():
    assert chosen([FIXED], 8, method="sinusoid")[0] == {"fixed": TableLayout(length=8)}
    with pytest.raises(InvalidArgumentError, match="learned is longer already"):
        chosen([LEARNED], 8, method="sinusoid")


def test_a_call_that_changes_nothing_names_sinusoids():
    with pytest.raises(InvalidArgumentError, match=r"Fixed sinusoids .* with `tables`: fixed \(16 positions\)$"):
        chosen([FIXED, LEARNED], 16)


def test_what_is_not_read_changes_by_name_only():
    assert list(chosen([UNREAD, LEARNED], 32)[0]) == ["learned"]
    assert list(chosen([UNREAD, LEARNED], 32, keys=["unread"])[0]) == ["unread"]
    with pytest.raises(
        InvalidArgumentError, match=r"no position table that its model reads.* unread: n = 3, so nobody"
    ):
        chosen([UNREAD, TYPES], 32)
    with pytest.raises(InvalidArgumentError, match=r"only fixed \(sequence\): use `length`"):
        chosen([UNREAD, FIXED], grid=(4, 4))


def test_position_numbers_are_not_worth_naming():
    numbers = table("position_ids", TableLayout(length=16), "none", refused=families.POSITION_NUMBERS)
    with pytest.raises(InvalidArgumentError, match=r"Look-alikes: types: a segment table\.$"):
        chosen([numbers, TYPES], 32)
    with pytest.raises(InvalidArgumentError, match=r"has no learned position table to extend\.$"):
        chosen([numbers], 32)


@pytest.mark.parametrize("model_type", ["m2m_100", "xglm", "speech_to_text", "marian", "ctrl"])
def test_models_that_compute_their_sinusoid_have_nothing_to_extend(model_type):
    with pytest.raises(InvalidArgumentError, match=f"the code of {model_type} computes its sinusoid"):
        choose_targets("here", [], PlanOptions(length=32), ["", model_type])


@pytest.mark.parametrize(
    ("config", "tensors", "said"),
    [
        (
            {"architecture": "nest_tiny", "pretrained_cfg": {"input_size": [3, 224, 224]}},
            {"levels.0.pos_embed": (1, 16, 196, 2)},
            "levels.0.pos_embed cannot be extended: NesT keeps its rows in blocks: only timm itself can resize it",
        ),
        (
            {"architecture": "sam2_hiera_tiny", "pretrained_cfg": {"input_size": [3, 896, 896]}},
            {"pos_embed": (1, 8, 6, 6), "pos_embed_window": (1, 8, 8, 8)},
            "the model stretches pos_embed over every image, so none is too large for it; `grid` gives it more rows",
        ),
    ],
)
def test_pixels_that_say_nothing_of_a_table(write, config, tensors, said):
    with pytest.raises(InvalidArgumentError) as error:
        plan_extension(write(tensors, config=config), image_size=256)
    assert str(error.value) == f"image_size=256: {said}"


PIT = {"architecture": "pit_ti_224", "pretrained_cfg": {"input_size": [3, 224, 224]}, "model_args": {"img_size": 224}}
PIT_TENSORS = {"pos_embed": (1, 8, 27, 27), "patch_embed.conv.weight": (8, 3, 16, 16)}


@pytest.mark.parametrize("size", [{"image_size": 240}, {"grid": (29, 29)}])
def test_patches_that_overlap(write, size):
    plan = plan_extension(write(PIT_TENSORS, config=PIT), **size)
    assert (plan.tables[0].layout.grid, plan.blocked) == ((29, 29), ())
    assert {change.name: change.after for change in plan.fields} == {
        "pretrained_cfg.input_size": [3, 240, 240],
        "model_args.img_size": [240, 240],
    }
    assert not any("unused" in note for note in plan.notes)


def test_patches_that_overlap_do_not_fill_every_image(write):
    with pytest.raises(InvalidArgumentError, match="each side must be 8 pixels more than a multiple of 8"):
        plan_extension(write(PIT_TENSORS, config=PIT), image_size=244)
