"""What the page's moving parts carry, against the library."""

import base64

import numpy as np
import pytest
import torch

from posembed.lesson.example import from_lab
from posembed.lesson.widgets import LONGER, SHORT, WIDTHS, extend_widget, scaled, sinusoid_widget, sum_widget
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding
from posembed.report.numbers import number
from posembed.tables import registry
from posembed.tables.built_in import BUILT_IN
from posembed.tables.extend import extend_table
from posembed.tables.registry import METHODS, register_method

LINEAR = {"linear", "cubic", "tile", "grouped", "hierarchical", "stretch", "repeat-last", "mean", "zeros"}


@pytest.fixture(scope="module")
def example(measured):
    return from_lab(measured)


def unpacked(matrix):
    steps = np.frombuffer(base64.b64decode(matrix["base64"]), "<i2").reshape(matrix["shape"])
    return steps * matrix["step"] * matrix["scale"]


@pytest.mark.parametrize("size", [1e-6, 1.0, 300.0])
def test_numbers_keep_four_digits(size):
    values = size * np.random.default_rng(0).standard_normal((9, 4))
    np.testing.assert_allclose(unpacked(scaled(values)), values, atol=0.6e-4 * np.abs(values).max())
    assert unpacked(scaled(np.zeros((2, 2)))).tolist() == [[0, 0], [0, 0]]


def test_the_sum_carries_both_tables(example):
    data = sum_widget(example).data
    scale = np.abs(example.table).max()
    np.testing.assert_allclose(unpacked(data["position_rows"]), example.table[:64], atol=1e-4 * scale)
    assert data["ids"] == list(example.ids)


def test_what_is_written_out_is_exact(example):
    """Steps of a ten-thousandth of the largest number would leave the fourth digit to chance."""
    first = sum_widget(example).data["first"]
    np.testing.assert_array_equal(np.float32(first["token_rows"]), example.token_rows[:, :6])
    np.testing.assert_array_equal(np.float32(first["position_rows"]), example.table[:64, :6])


def test_the_sum_s_words_are_the_sum(example):
    words = sum_widget(example).words
    assert len(words.rows) == len(example.ids)
    position, row, _token, identity, token_row, position_row, total = words.rows[4]
    assert (position, row, identity) == ("4", "4", str(example.ids[4]))
    parts = [[float(value.replace("−", "-")) for value in text.split()] for text in (token_row, position_row, total)]
    np.testing.assert_allclose(np.add(parts[0], parts[1]), parts[2], atol=0.00016)
    wanted = example.token_rows[4, :3].astype(float) + example.table[4, :3]
    assert total == " ".join(number(value, 4) for value in wanted)
    assert words.title.endswith("rounded; the sum is taken before rounding")


def test_every_variant_and_width(example):
    data = sinusoid_widget(example).data
    assert len(data["tables"]) == len(data["variants"]) * len(WIDTHS) == 12
    for name, matrix in data["tables"].items():
        variant, width = name.split("-")
        rows = SinusoidalPositionalEmbedding(128, int(width), variant=variant)(128)
        np.testing.assert_allclose(unpacked(matrix), rows.numpy(), atol=1e-4)


def test_every_method_s_weights_give_its_table(example):
    data = extend_widget(example).data
    rows = example.table[:SHORT].astype(float)
    assert set(data["methods"]) == LINEAR
    for name, method in data["methods"].items():
        for length in LONGER:
            options = {"keep": 8} if name == "stretch" else {}
            wanted = extend_table(rows, length, method=name, **options)
            got = unpacked(method["weights"][str(length)]) @ unpacked(data["rows"])
            np.testing.assert_allclose(got, wanted, atol=1e-3 * np.abs(rows).max(), err_msg=f"{name} {length}")
    assert data["methods"]["tile"]["kept"]["128"] == SHORT
    assert data["methods"]["linear"]["kept"]["128"] == 1


def test_controls_are_named_and_not_rated(example):
    widget = extend_widget(example)
    controls = {m.name for m in BUILT_IN if m.kind == "sequence" and m.source.startswith("control")} - {"random"}
    assert {name for name, method in widget.data["methods"].items() if method["control"]} == controls
    assert {row[0] for row in widget.words.rows if "(a control)" in row[0]} == {f"{n} (a control)" for n in controls}
    assert not any("cosine" in name for name in widget.words.header)


def test_formulas_say_what_they_are_of(example):
    widget = extend_widget(example)
    makes = {name: method["makes"] for name, method in widget.data["methods"].items()}
    whole = {name for name, text in makes.items() if text.startswith("the new table: P")}
    assert whole == {"stretch", "mean", "zeros"}
    assert all(makes[name].startswith("new row t is ") for name in set(makes) - whole)
    assert [row[1] for row in widget.words.rows] == list(makes.values())


def test_options_are_shown_and_symbols_explained(example):
    widget = extend_widget(example)
    options = {row[0].removesuffix(" (a control)"): row[2] for row in widget.words.rows}
    assert options["stretch"] == f"keep=8, range={SHORT}, kernel=linear"
    assert options["hierarchical"] == "alpha=0.4"
    assert options["zeros"] == "–"
    assert options["mean"] == f"keep={SHORT}, range={SHORT}"
    for name, text in options.items():
        assert widget.data["methods"][name]["options"] == text.replace("–", "")
    for symbol in ("P: ", f"L: their number, here {SHORT};", "N: ", "t counts", "keep: ", "range: ", "alpha (α): "):
        assert symbol in widget.note
    assert widget.words.title.endswith(widget.note)  # the terminal shows the words alone


def test_a_reader_s_own_method_does_not_break_it(example):
    register_method("squares", lambda rows, new: np.resize(rows**2, (new, rows.shape[1])), formula="P²")
    try:
        assert "squares" in METHODS["sequence"]
        assert "squares" not in extend_widget(example).data["methods"]
    finally:
        del registry._REGISTRY["sequence"]["squares"]


def test_the_generator_is_left_alone(example):
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    sinusoid_widget(example)
    torch.testing.assert_close(torch.rand(3), wanted)
