"""The layout that a caller states, in place of what would be found."""

import pytest

from posembed import Override, TableLayout, find_tables
from posembed.errors import InvalidArgumentError
from posembed.find.override import override_one
from tests.fixtures.tensors import found_in, stored

POSITION = "embeddings.position_embeddings.weight"


def only(path, **options):
    (table,) = (table for table in find_tables(path, **options) if table.refused is None)
    return table


@pytest.mark.parametrize(
    ("said", "layout"),
    [
        (Override(POSITION), TableLayout(length=16)),
        (Override(POSITION, reserved=2), TableLayout(length=14, reserved=2)),
        (Override(POSITION, reserved=2, prefix=1), TableLayout(length=13, reserved=2, prefix=1)),
        (Override(POSITION, reserved=15), TableLayout(length=1, reserved=15)),
        (Override(POSITION, grid=(4, 4)), TableLayout(grid=(4, 4))),
        (Override(POSITION, prefix=1, grid=(3, 4)), TableLayout(grid=(3, 4), prefix=1, suffix=3)),
    ],
)
def test_overrides(bert, said, layout):
    table = only(bert, override=said)
    assert (table.layout, table.uncertain, table.evidence) == (layout, False, ("the layout is what the call says",))


def test_an_override_of_what_was_refused_or_not_even_looked_at(bert):
    for key in ("embeddings.token_type_embeddings.weight", "encoder.layer.0.output.dense.weight"):
        assert key in {t.key for t in find_tables(bert, override=Override(key)) if t.refused is None}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Override("nope"), f"table='nope' is not a tensor of this checkpoint; it has, for example, .'{POSITION}'"),
        (Override("embeddings.LayerNorm.weight"), r"is F32 of shape \[8\], not a table"),
        (Override(POSITION, reserved=20), "reserved=20 and prefix=0 leave no position of the 16 rows"),
        (Override(POSITION, grid=(5, 5)), "a grid of 5x5 with reserved=0 and prefix=0 needs more rows than the 16"),
        (
            Override(POSITION, reserved=1, grid=(4, 4)),
            "a grid of 4x4 with reserved=1 and prefix=0 needs more rows than the 16",
        ),
        (
            Override(POSITION, prefix=1, grid=(4, 4)),
            "a grid of 4x4 with reserved=0 and prefix=1 needs more rows than the 16",
        ),
        (Override(POSITION, reserved=-1), "reserved=-1 must not be negative"),
        (Override(POSITION, grid=(0, 5)), "both at least 1"),
    ],
)
def test_overrides_that_do_not_fit(bert, said, message):
    with pytest.raises(InvalidArgumentError, match=message):
        find_tables(bert, override=said)


def test_how_a_family_resizes_is_kept():
    tensors = stored({"pos_embed": (1, 197, 8), "cls_token": (1, 1, 8)})
    table = override_one(
        tensors, Override("pos_embed", 0, 1, (14, 14)), list(found_in({}, {"pos_embed": (1, 197, 8)}).values())
    )
    assert table.resize == ("bicubic", True, False)


@pytest.mark.parametrize(
    ("shapes", "named"),
    [
        ({f"{n}.wpe.weight": (16, 8) for n in range(5)}, "['0.wpe.weight', '1.wpe.weight', '2.wpe.weight']"),
        ({"a": (8,), "b": (8,), "c": (8,), "d": (8,)}, "['a', 'b', 'c']"),  # no table: any tensors
    ],
)
def test_a_wrong_key_is_answered_with_three_that_exist(shapes, named):
    found = list(found_in({}, shapes).values())
    with pytest.raises(InvalidArgumentError) as caught:
        override_one(stored(shapes), Override("nope"), found)
    assert str(caught.value).endswith(f"it has, for example, {named}")


def test_rows_of_integers_are_no_table():
    with pytest.raises(InvalidArgumentError, match=r"is I64 of shape .*, not a table of floating-point rows"):
        override_one(stored({"k": (16, 8)}, "I64"), Override("k"), [])


def test_fields_are_kept_where_the_rows_still_fit_them():
    config = {"model_type": "bert", "max_position_embeddings": 16}
    found = list(found_in(config, {POSITION: (16, 8)}).values())
    tensors = stored({POSITION: (16, 8)})
    kept = override_one(tensors, Override(POSITION, reserved=2), found)
    assert ([rule.name for rule in kept.fields], kept.family) == (["max_position_embeddings"], "bert")
    unknown = override_one(tensors, Override(POSITION), [])
    assert (unknown.fields, unknown.family, unknown.resize) == ((), "unknown", ("bicubic", False, False))
    assert (unknown.kind, override_one(tensors, Override(POSITION, grid=(4, 4)), []).kind) == ("sequence", "grid")
