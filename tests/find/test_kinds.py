"""What follows from the kind of a table."""

import json

import pytest

from posembed.find.kinds import TableKind


@pytest.mark.parametrize(
    ("kind", "sized_by", "counts", "auto"),
    [
        ("sequence", "length", "positions", "auto"),
        ("grid", "grid", "positions", "auto"),
        ("window", None, "positions", "auto"),
        ("axis", None, "coordinates", "linear"),
        ("time", None, "time steps", "auto"),
        ("none", None, "positions", "auto"),
    ],
)
def test_kinds(kind, sized_by, counts, auto):
    each = TableKind(kind)
    assert (each.sized_by, each.counts) == (sized_by, counts)
    assert each.method_for("auto") == auto
    assert each.method_for("tile") == "tile"


def test_a_kind_is_its_name():
    assert TableKind.GRID == "grid"
    assert json.dumps(TableKind.GRID) == '"grid"'
    assert (str(TableKind.TIME), repr(TableKind.TIME), f"{TableKind.TIME}") == ("time", "'time'", "time")
    with pytest.raises(ValueError, match="'gird' is not a valid TableKind"):
        TableKind("gird")
