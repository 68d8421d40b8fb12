"""The tables printed for `posembed inspect`: every fact once, names as text."""

import io
from dataclasses import replace

from rich.console import Console

from posembed.records.card import CheckpointCard, PairCard, TablesCompared, Unpaired
from posembed.report.printable import printable
from posembed.report.terminal.inspect import (
    MOST_REFUSED,
    agreement,
    print_card,
    print_pair,
    sparkline,
    trained_sentence,
)

TABLE = {
    "key": "a.position_embeddings.weight", "shape": [18, 8], "dtype": "F32", "file": "dir/model.safetensors",
    "family": "roberta", "kind": "sequence", "rows": 18, "d_model": 8, "reserved": 2, "prefix": 0, "suffix": 0,
    "length": 16, "grid": None, "usable_length": 16, "uncertain": False, "refused": None,
    "evidence": ["first reason", "second reason"], "fields": ["max_position_embeddings"],
}  # fmt: skip


ANALYSIS = {
    "norm": [9.0, 9.0, *range(1, 17)], "effective_rank": 3.25, "largest_rank": 8, "toeplitz_r2": 0.5,
    "roughness": 0.25, "neighbour_cosine": 0.875, "notes": ["one note", "another"],
    "trained_range": {
        "verdict": "ends", "end": 12, "low": 11, "high": 13, "confidence": 0.95, "evidence": ["why so"],
        "odd_rows": [0], "suggested_usable_length": 12,
    },
}  # fmt: skip


def card(*tables, limits=()):
    return CheckpointCard.from_dict({"checkpoint": "dir", "tables": list(tables), "limits": list(limits)})


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
    rows = lines(printed(print_card, card(TABLE)))
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


def test_measures_of_a_table():
    text = printed(print_card, card(TABLE | {"analysis": ANALYSIS}))
    assert lines(text)[6:14] == [
        ("norms", "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██  1 to 16, median 8.5"),
        ("effective rank", "3.2 of at most 8"),
        ("translation invariance", "50.0% of the cosines' variance is a matter of distance alone"),
        ("roughness", "0.250 (random rows 1.22); cosine to the next row 0.875"),
        (
            "trained range",
            "positions below 12 (between 11 and 13) (confidence 0.95); suggested usable length 12; odd rows at 0",
        ),
        ("", "why so"),
        ("notes", "one note; another"),
        ("evidence", "first reason"),
    ]
    bare = ANALYSIS | {"toeplitz_r2": None, "roughness": None, "notes": []}
    names = [row[0] for row in lines(printed(print_card, card(TABLE | {"analysis": bare})))]
    assert not {"translation invariance", "roughness", "notes"} & set(names)
    text = printed(print_card, card(TABLE | {"not_measured": "row 3 is [not] finite", "analysis": None}))
    assert ("not measured", "row 3 is [not] finite") in lines(text)


def test_limits_stand_under_the_tables():
    limits = [
        {"limit": 128, "what": "tokenizer.json: [x]", "why": "cut"},
        {"limit": 2048, "what": "k", "why": "no row"},
    ]
    found = lines(printed(print_card, card(TABLE, limits=limits)))
    assert found[-2:] == [("128", "tokenizer.json: [x]", "cut"), ("2,048", "k", "no row")]


def test_sparklines():
    assert sparkline([]) == ""
    assert sparkline([2.0]) == "▄"
    assert sparkline([1.0, 1.0 + 1e-9]) == "▄▄"
    assert sparkline(list(range(80)), width=8) == "▁▂▃▄▅▆▇█"
    assert len(sparkline([float(n % 7) for n in range(1000)])) == 40


def test_the_trained_range_in_a_line():
    found = ANALYSIS["trained_range"] | {
        "odd_rows": list(range(20)),
        "suggested_usable_length": None,
        "confidence": None,
    }
    assert trained_sentence(found) == ("positions below 12 (between 11 and 13); odd rows at 0, 1, 2, 3, 4, 5, 6, 7 …")
    unknown = found | {"verdict": "unknown", "odd_rows": []}
    assert trained_sentence(unknown) == "unknown: the table alone does not tell"


def pair(**changes):
    one = {
        "first": "a.position_embeddings.weight", "second": "a.position_embeddings.weight", "positions": 16,
        "equal_positions": 4, "equal_from_start": 3, "largest_difference": 0.125, "row_cosine": [1.0, None, 0.5],
        "row_difference": [0.0, None, 1.0], "cka": 0.75, "remarks": ["16 and 20 positions"],
    }  # fmt: skip
    return TablesCompared.from_dict(one | changes)


def test_agreement_in_sentences():
    assert agreement(pair()) == [
        "16 and 20 positions.",
        "4 of 16 common positions have equal rows (the first 3 without a gap); the largest difference of a number is "
        "0.125.",
        "Cosine of the two rows of a position: 0.750 on average, 0.500 at least.",
        "Similarity of their geometries (linear CKA, 1 is the same): 0.750.",
    ]
    nothing = pair(largest_difference=None, row_cosine=None, cka=None, remarks=["widths"])
    assert agreement(nothing) == ["widths."]


def test_two_checkpoints_side_by_side():
    other = replace(card(TABLE | {"shape": [34, 8], "length": 32, "usable_length": 32}), checkpoint="[other]")
    text = printed(print_pair, PairCard(card(TABLE), other, (pair(),), Unpaired(("b[x]",), ())))
    found = lines(text)
    assert ("usable length", "16", "32") in found
    assert ("rows", "2 reserved + 16 positions", "2 reserved + 32 positions") in found
    assert text.splitlines()[-1] == "Only in dir: b[x]"
    assert "[other]" in text
    assert "4 of 16 common positions have equal rows" in text


def test_grids_and_doubts():
    text = printed(
        print_card,
        card(TABLE | {"grid": [4, 6], "length": None, "prefix": 1, "suffix": 5, "reserved": 0, "uncertain": True}),
    )
    assert ("rows", "1 prefix + 4 × 6 grid + 5 suffix") in lines(text)
    assert text.splitlines()[0].split() == [TABLE["key"], "uncertain"]


def test_refused_ones_are_grouped_by_reason():
    refused = [TABLE | {"key": f"layer.{n}", "refused": "distances"} for n in range(5)] + [
        TABLE | {"key": "x", "refused": "sinusoid"}
    ]
    text = printed(print_card, card(*refused))
    assert lines(text) == [("layer.0 and 4 more", "distances"), ("x", "sinusoid")]
    assert text.splitlines()[0] == "No learned position table was found."
    many = [TABLE | {"key": f"k{n}", "refused": f"reason {n}"} for n in range(MOST_REFUSED + 5)]
    assert len(lines(printed(print_card, card(*many)))) >= MOST_REFUSED


def test_names_are_text():
    odd = "[red]x[/] <b> :smile: \x1b[1m\n"
    shown = "[red]x[/] <b> :smile: \\x1b[1m\\n"
    assert printable(odd) == shown
    assert shown in printed(print_card, card(TABLE | {"key": odd}))
    assert shown in printed(print_card, card(TABLE | {"key": odd, "refused": "why"}))


def test_printable():
    assert printable("é 日本 × …") == "é 日本 × …"
    assert printable("\ud800\u202e\x9b\0") == "\\ud800\\u202e\\x9b\\x00"
    assert printable(3) == "3"
