"""Which tables a call means, and the layouts that they are to have; calls that mean none are refused."""

from pathlib import Path

import pytest

from posembed import FoundTable, TableLayout
from posembed.errors import InvalidArgumentError
from posembed.extension.targets import choose_targets
from posembed.find.found import FieldRule
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
    assert chosen(ALL, 32, keys=["words", "words"])[0] == {"words": TableLayout(length=32, reserved=2)}


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


def test_images_have_two_sides():
    with pytest.raises(InvalidArgumentError, match="must be one number of pixels or"):
        chosen(ALL, image_size=(32, 32, 32))
