import dataclasses

import numpy as np
import pytest

from posembed.errors import ArgumentTypeError, InvalidArgumentError, WorkFailedError
from posembed.layout import TableLayout
from posembed.tables.built_in import BUILT_IN, Method
from posembed.tables.extend import exact_rows, extend_table
from posembed.tables.methods import keeps_old_rows
from posembed.tables.registry import METHODS, FamilyResize, register_method, resolve_method

SEQUENCE, GRID = TableLayout(length=4), TableLayout(grid=(2, 3))
TABLE = np.arange(8.0, dtype=np.float32).reshape(4, 2)


pytestmark = pytest.mark.usefixtures("own_methods")


class Unreadable:
    __signature__ = 5

    def __call__(self, rows, new):
        return rows[:new]


def doubled(rows, new, *, times=2.0):
    """P, then its last row times a number."""
    return np.concatenate((rows, np.repeat(rows[-1:] * times, new - len(rows), axis=0)))


def test_every_built_in_method_says_what_it_is():
    assert [m.name for m in BUILT_IN if m.kind == "sequence"] == [
        *("linear", "cubic", "tile", "grouped", "hierarchical", "stretch"),
        *("repeat-last", "mean", "zeros", "random", "crop", "sinusoid"),
    ]
    assert [m.name for m in BUILT_IN if m.kind == "grid"] == ["bicubic", "bilinear", "nearest", "tile", "sinusoid"]
    for method in BUILT_IN:
        assert METHODS[method.kind][method.name] is method
        assert all((method.formula, method.exact, method.source)), method.name
        assert method.formula in repr(method)
        assert method.name in extend_table.__doc__
    assert dict(METHODS["sequence"]["stretch"].options) == {"keep": 0, "range": None, "kernel": "linear", "ratio": None}
    assert dict(METHODS["grid"]["bicubic"].options) == {"antialias": False, "align_corners": False}


def test_the_methods_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        METHODS["sequence"]["tile"].formula = "?"
    with pytest.raises(TypeError):
        METHODS["sequence"]["mine"] = METHODS["sequence"]["tile"]
    with pytest.raises(TypeError):
        METHODS["sequence"]["random"].options["seed"] = 1


def test_a_method_of_your_own():
    made = register_method("doubled", doubled, exact="every old row", formula="P, then 2·P[L − 1]", kept=keeps_old_rows)
    assert isinstance(made, Method)
    assert METHODS["sequence"]["doubled"] is made
    assert dict(made.options) == {"times": 2.0}
    assert extend_table(TABLE, 5, method="doubled")[-1].tolist() == [12.0, 14.0]
    assert extend_table(TABLE, 5, method="doubled", times=0.5)[-1].tolist() == [3.0, 3.5]
    assert resolve_method("doubled", SEQUENCE) == ("doubled", {})
    assert exact_rows("doubled", SEQUENCE, 6, times=3).tolist() == [[t, t] for t in range(4)]
    with pytest.raises(InvalidArgumentError, match="method 'doubled' has no option 'factor': its options are times"):
        extend_table(TABLE, 5, method="doubled", factor=3)
    with pytest.raises(InvalidArgumentError, match=r"length=3 is below .* 'doubled' only lengthens"):
        extend_table(TABLE, 3, method="doubled")


def test_a_grid_method_of_your_own():
    def flipped(rows, grid):
        return np.resize(rows[::-1], (*grid, rows.shape[2]))

    register_method("flipped", flipped, formula="P upside down", kind="grid")
    table = np.arange(7.0)[:, None].astype(np.float16)
    layout = TableLayout(grid=(2, 3), prefix=1)
    found = extend_table(table, grid=(2, 3), method="flipped", layout=layout)
    assert found.ravel().tolist() == [0, 4, 5, 6, 1, 2, 3]
    assert found.dtype == np.float16
    assert exact_rows("flipped", layout, grid=(4, 4)).tolist() == [[0, 0]]
    with pytest.raises(InvalidArgumentError, match="'flipped' is a grid method"):
        extend_table(TABLE, 5, method="flipped")


def test_one_without_a_promise_promises_nothing_and_may_do_any_length():
    register_method("cut", lambda rows, new: np.resize(rows, (new, rows.shape[1])), formula="any", direction="any")
    assert len(extend_table(TABLE, 2, method="cut")) == 2
    assert len(extend_table(TABLE, 9, method="cut")) == 9
    assert exact_rows("cut", TableLayout(3, reserved=1), 9).tolist() == [[0, 0]]


def test_the_table_given_to_a_function_is_a_copy():
    def spoil(rows, new):
        rows[:] = 0
        return np.zeros((new, rows.shape[1]), rows.dtype)

    register_method("spoil", spoil, formula="0")
    for dtype in (np.float32, np.float64):
        table = TABLE.astype(dtype)
        extend_table(table, 6, method="spoil")
        assert (table == TABLE).all()


def test_an_option_without_a_default_is_needed():
    register_method("needs", lambda rows, new, *, by: np.resize(rows, (new, rows.shape[1])) * by, formula="by·P")
    with pytest.raises(InvalidArgumentError, match="method 'needs' needs the option 'by'"):
        extend_table(TABLE, 5, method="needs")
    assert extend_table(TABLE, 4, method="needs", by=2).tolist() == (TABLE * 2).tolist()


@pytest.mark.parametrize(
    ("function", "kept", "error", "message"),
    [
        (lambda rows, _n: rows, None, InvalidArgumentError, r"rows of shape \[6, 2\], got float32 of shape \[4, 2\]"),
        (lambda _p, _n: None, None, InvalidArgumentError, r"of shape \[6, 2\], got object of shape \[\]"),
        (
            lambda _p, _n: np.zeros((6, 2), int),
            None,
            InvalidArgumentError,
            "must return floating-point .* got int64",
        ),
        (
            lambda _p, _n: np.full((6, 2), np.nan),
            None,
            WorkFailedError,
            "'mine' gave position 0 a value that is not fin",
        ),
        (lambda _p, _n: np.full((6, 2), 1e300), None, WorkFailedError, "not finite in float32; extend a wider copy"),
        (
            lambda _p, _n: np.ones((6, 2)),
            keeps_old_rows,
            InvalidArgumentError,
            "promised that position 0 is the old pos",
        ),
        (doubled, lambda _l, _n, **_o: [(0, 6)], InvalidArgumentError, "kept must return pairs .* new row below 6"),
        (doubled, lambda _l, _n, **_o: [(-1, 0)], InvalidArgumentError, "an old row below 4"),
        (doubled, lambda _l, _n, **_o: [0, 1], InvalidArgumentError, "kept must return pairs"),
        (doubled, lambda _l, _n, **_o: [(0.5, 1)], InvalidArgumentError, "kept must return pairs"),
    ],
)
def test_functions_that_do_not_keep_to_it(function, kept, error, message):
    register_method("mine", function, formula="?", kept=kept)
    with pytest.raises(error, match=message):
        extend_table(TABLE, 6, method="mine")


def test_a_broken_promise_names_the_first_row():
    register_method(
        "late",
        lambda rows, new: np.add(doubled(rows, new), [[0], [0], [1], [0], [0]]),
        formula="?",
        kept=keeps_old_rows,
    )
    with pytest.raises(InvalidArgumentError, match="promised that position 2 is the old position 2 bit for bit"):
        extend_table(TABLE, 5, method="late")


@pytest.mark.parametrize(
    ("name", "function", "options", "error", "message"),
    [
        ("tile", doubled, {}, InvalidArgumentError, "name='tile' is a built-in sequence method; choose another name"),
        ("tile", doubled, {"replace": True}, InvalidArgumentError, "name='tile' is a built-in"),
        ("auto", doubled, {}, InvalidArgumentError, "name='auto' must be a word other than 'auto'"),
        (" ", doubled, {}, InvalidArgumentError, "name=' ' must be a word"),
        (None, doubled, {}, InvalidArgumentError, "name=None must be a word"),
        ("own", None, {}, ArgumentTypeError, "function=None and kept=None must be callable"),
        ("own", doubled, {"kept": "every"}, ArgumentTypeError, "kept='every' must be callable"),
        ("own", doubled, {"search_space": [{}]}, ArgumentTypeError, r"search_space=\[\{\}\] must be a SearchSpace"),
        ("own", doubled, {"kind": "cube"}, InvalidArgumentError, "kind='cube' must be one of sequence, grid"),
        ("own", doubled, {"direction": "up"}, InvalidArgumentError, "direction='up' one of longer, shorter, any"),
        ("own", lambda rows, _n, **_o: rows, {}, InvalidArgumentError, "'own' must name its options, not take"),
        (
            "own",
            lambda rows, _n, *, layout: rows + layout,
            {},
            InvalidArgumentError,
            "'own' cannot have an option 'layout'",
        ),
        (
            "own",
            Unreadable(),
            {},
            InvalidArgumentError,
            "the options of method 'own' cannot be read: wrap its function",
        ),
    ],
)
def test_what_cannot_be_registered(name, function, options, error, message):
    with pytest.raises(error, match=message):
        register_method(name, function, formula="?", **options)
    assert "own" not in METHODS["sequence"]


def test_a_registered_name_is_replaced_only_on_request():
    first = register_method("own", doubled, formula="first")
    with pytest.raises(InvalidArgumentError, match="name='own' is registered already; pass replace=True"):
        register_method("own", doubled, formula="second")
    assert METHODS["sequence"]["own"] is first
    second = register_method("own", doubled, formula="second", replace=True)
    assert METHODS["sequence"]["own"] is second


def test_auto_is_settled_by_the_kind_of_table():
    plain = {"antialias": False, "align_corners": False}
    assert resolve_method("auto", SEQUENCE) == ("tile", {})
    assert resolve_method("auto", SEQUENCE, ("bicubic", True, False)) == ("tile", {})
    assert resolve_method("auto", GRID) == ("bicubic", plain)
    assert resolve_method("auto", GRID, ("bilinear", True, False)) == ("bilinear", plain | {"antialias": True})
    assert resolve_method("auto", GRID, FamilyResize("bicubic", align_corners=True)).options["align_corners"] is True
    assert resolve_method("auto", GRID, FamilyResize("tile")) == ("tile", {})
    assert resolve_method("auto", GRID, ("bicubic", True, False), antialias=False) == ("bicubic", plain)
    assert resolve_method("bilinear", GRID, ("bicubic", True, True)) == ("bilinear", {})
    assert resolve_method("stretch", SEQUENCE, keep=2) == ("stretch", {"keep": 2})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            ("linear", GRID),
            r"a grid of \(2, 3\); for a grid it must be one of bicubic, bilinear, nearest, tile, sinusoid$",
        ),
        (
            ("nearest", SEQUENCE),
            "'nearest' is a grid method, but .* 4 positions; for a sequence it must be one of linear, cub",
        ),
        (("", SEQUENCE), "method='' is unknown; for a sequence"),
        (("auto", GRID, FamilyResize("nearest", antialias=True)), "'nearest' has no option 'antialias': it has none"),
        (("auto", GRID, FamilyResize("lanczos")), "method='lanczos' is unknown; for a grid it must be one of"),
    ],
)
def test_what_is_not_settled(call, message):
    with pytest.raises(InvalidArgumentError, match=message):
        resolve_method(*call)
