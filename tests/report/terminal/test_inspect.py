"""The tables printed for `posembed inspect`: every fact once, names as text."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from posembed.layout import TableLayout
from posembed.records.card import TablesCompared
from posembed.report.printable import printable
from posembed.report.terminal.inspect import MOST_REFUSED, agreement, facts, measured, print_card, print_pair
from posembed.tables.measures.brief import BriefAnalysis, brief_of
from posembed.tables.measures.norms import NeighborSummary
from tests.fixtures.cards import KEY, checkpoint_card, measured_card, pair_card, table_card, with_history


def printed(function, content):
    out = io.StringIO()
    function(content, Console(file=out, width=160, emoji=False))
    return out.getvalue()


def lines(text):
    """Cells of each line, without frames."""
    return [
        tuple(cell.strip() for cell in line.strip("│┃┏┓└┘").split("│")) for line in text.splitlines() if "│" in line
    ]


def test_facts_of_a_table():
    rows = lines(printed(print_card, checkpoint_card(table_card())))
    assert rows == [
        ("kind", "sequence (roberta)"),
        ("shape", "18 × 8, F32: 144 numbers, 576 bytes"),
        ("rows", "2 reserved + 16 positions"),
        ("usable length", "16"),
        ("file", "dir/model.safetensors"),
        ("sized by", "max_position_embeddings"),
        ("evidence", "first reason"),
        ("", "second reason"),
    ]
    assert dict(facts(table_card(fields=()))).keys() == {"kind", "shape", "rows", "usable length", "file"}


@pytest.mark.parametrize(
    ("shape", "dtype", "size"),
    [
        ((1, 1023), "U8", "1023 bytes"),
        ((16, 64), "U8", "1.0 KiB"),
        ((512, 768), "BF16", "768.0 KiB"),
        ((8192, 4096), "F32", "128.0 MiB"),
        ((65536, 4096), "F64", "2.0 GiB"),
        ((16, 16), "F8_E4M3", "256 bytes"),
    ],
)
def test_sizes(shape, dtype, size):
    card = table_card(shape=shape, dtype=dtype)
    assert dict(facts(card))["shape"].endswith(f"numbers, {size}")


def test_measures_of_a_table():
    brief = BriefAnalysis((NeighborSummary(0.25, 0.875),), ("one note", "another"))
    text = printed(print_card, checkpoint_card(table_card(analysis=brief)))
    assert lines(text)[6:9] == [
        ("roughness", "0.250 (random rows 1.22); cosine to the next row 0.875"),
        ("notes", "one note; another"),
        ("evidence", "first reason"),
    ]
    assert measured(table_card()) == []
    text = printed(print_card, checkpoint_card(table_card(not_measured="row 3 is [not] finite")))
    assert ("not measured", "row 3 is [not] finite") in lines(text)


def test_a_whole_analysis_shows_what_a_brief_one_does():
    card = measured_card(40, 8)
    assert measured(card) == brief_of(card.analysis).lines()
    assert [name for name, _ in measured(card) if name] == [
        *("norms", "effective rank", "translation invariance", "roughness", "trained range")
    ]


def test_limits_stand_under_the_tables():
    limits = [(128, "tokenizer.json: [x]", "cut"), (2048, "k", "no row")]
    found = lines(printed(print_card, checkpoint_card(table_card(), limits=limits)))
    assert found[-2:] == [("128", "tokenizer.json: [x]", "cut"), ("2,048", "k", "no row")]
    nothing = printed(print_card, checkpoint_card(limits=limits))
    assert nothing == "No learned position table was found.\n"


def table_pair(**changes):
    pair = TablesCompared(KEY, KEY, 16, 4, 3, 0.125, (1.0, None, 0.5), (0.0, None, 1.0), 0.75, ("16 and 20 positions",))
    return replace(pair, **changes)


def test_agreement_in_sentences():
    assert agreement(table_pair()) == [
        "16 and 20 positions.",
        "4 of 16 common positions have equal rows (the first 3 without a gap); the largest absolute difference is "
        "0.125.",
        "Cosine of the two rows of a position: 0.750 on average, 0.500 at least.",
        "Similarity of their geometries (linear CKA, 1 is the same): 0.750.",
    ]
    nothing = TablesCompared(KEY, KEY, 0, 0, 0, None, None, None, None, ("widths",))
    assert agreement(nothing) == ["widths."]
    assert agreement(table_pair(equal_positions=0))[1].startswith("0 of 16 common positions have equal rows; the ")
    assert "without a gap" not in agreement(table_pair(equal_positions=16))[1]
    assert len(agreement(table_pair(row_cosine=(None,)))) == 3


def test_two_checkpoints_side_by_side():
    longer = table_card(TableLayout(length=32, reserved=2))
    first, second = checkpoint_card(table_card()), checkpoint_card(longer, name="[other]")
    pair = pair_card(first, second, table_pair(), alone=(("b[x]",), ()))
    text = printed(print_pair, pair)
    found = lines(text)
    assert ("usable length", "16", "32") in found
    assert ("rows", "2 reserved + 16 positions", "2 reserved + 32 positions") in found
    assert text.splitlines()[0].strip() == KEY
    assert text.splitlines()[-1] == "Only in dir: b[x]"
    assert "[other]" in text
    assert "4 of 16 common positions have equal rows" in text
    other = checkpoint_card(replace(longer, key="wpe"))
    text = printed(print_pair, pair_card(first, other, table_pair(second="wpe")))
    assert text.splitlines()[0].strip() == f"{KEY} and wpe"


def test_grids_and_doubts():
    table = table_card(TableLayout(grid=(4, 6), prefix=1, suffix=5), uncertain=True)
    text = printed(print_card, checkpoint_card(table))
    assert ("rows", "1 prefix + 4 × 6 grid + 5 suffix") in lines(text)
    assert text.splitlines()[0].split() == [KEY, "uncertain"]


def test_look_alikes_are_grouped_by_reason():
    refused = [table_card(key=f"layer.{n}", refused="distances") for n in range(5)]
    text = printed(print_card, checkpoint_card(*refused, table_card(key="x", refused="sinusoid")))
    assert lines(text) == [("layer.0 and 4 more", "distances"), ("x", "sinusoid")]
    assert text.splitlines()[0] == "No learned position table was found."
    many = [table_card(key=f"k{n}", refused=f"reason {n}") for n in range(MOST_REFUSED + 5)]
    assert len(lines(printed(print_card, checkpoint_card(*many)))) == MOST_REFUSED


def test_names_are_text():
    odd = "[red]x[/] <b> :smile: \x1b[1m\n"
    shown = "[red]x[/] <b> :smile: \\x1b[1m\\n"
    assert printable(odd) == shown
    assert shown in printed(print_card, checkpoint_card(table_card(key=odd)))
    assert shown in printed(print_card, checkpoint_card(table_card(key=odd, refused="why")))


def test_printable():
    assert printable("é 日本 × …") == "é 日本 × …"
    assert printable("\ud800\u202e\x9b\0") == "\\ud800\\u202e\\x9b\\x00"
    assert printable(3) == "3"


def test_history_and_notes():
    text = printed(print_card, with_history(checkpoint_card(table_card())))
    assert f"History: {KEY}: extended from 16 to 32 positions by tile, from the/<old> one (posembed 0.3.0)\n" in text
    assert "Note: it brings code\n" in text
    assert "History" not in printed(print_card, checkpoint_card(table_card()))
