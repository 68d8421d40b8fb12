"""The rules by which a verdict is reached, each at its border; whole tables are in test_detect_tables.py."""

import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.tables.trained_range import detect
from posembed.tables.trained_range.change_point import ChangePoint
from posembed.tables.trained_range.detect import (
    first_match,
    is_end,
    last_part,
    range_of,
    trained_range,
    usable_length,
)
from posembed.tables.trained_range.outlier_rows import outlier_rows
from posembed.tables.trained_range.tail_tests import tail_tests


def p_values(*values):
    """The p-values given, and four tails that are too short."""
    return np.array([*values, *[np.nan] * 4])


@pytest.mark.parametrize(
    ("p", "first"),
    [
        (p_values(0.5, 0.5, 0.5), 0),
        (p_values(1e-9, 1e-9, 0.5, 0.5), 2),
        (p_values(1e-9, 9e-4, 1.1e-3, 0.5), 2),  # one in a thousand
        (p_values(1e-9, 1.9e-3, 0.5), 1),
        (p_values(1e-9, 0.6e-3, 0.5), 2),
        (p_values(1e-9, 1e-3, 0.5), 2),
        (p_values(0.5, 1e-4), None),
        (p_values(1e-9, 1e-9), None),
        (p_values(0.5, 1e-9), None),  # the last tail fails
        (p_values(0.5, 1.1e-4), 0),  # later tails may fall to one in ten thousand
        (p_values(0.5, 0.9e-4), None),
        (p_values(1e-9, 0.5, 2e-4, 0.5), 1),
        (p_values(1e-9, 0.5, 0.5e-4, 0.5), 3),
        (p_values(0.5), 0),
        (p_values(1e-5), None),
    ],
)
def test_the_first_match(p, first):
    assert first_match(p) == first


@pytest.mark.parametrize(("tails", "first"), [(33, 2), (34, 0), (40, 0), (20, 2)])
def test_ninety_seven_of_a_hundred_later_tails_must_match(tails, first):
    """One failing tail in 33 is more than 3 %; one in 34 is less."""
    p = np.full(tails, 0.5)
    p[1] = 1e-9
    assert first_match(p_values(*p)) == first


def test_exactly_ninety_seven_of_a_hundred_are_too_few():
    p = np.full(100, 0.5)
    p[1:4] = 1e-9
    assert first_match(p_values(*p)) == 4


def test_the_change_point_is_sought_behind_the_last_surely_trained_tail(monkeypatch):
    seen = []
    monkeypatch.setattr(detect, "find_change_point", lambda *given: seen.append(given))
    table = np.random.default_rng(0).standard_normal((10, 4))
    p = p_values(1e-12, 1e-12, 1e-12, 1e-6, 0.5, 0.5)
    assert detect._end(table, p, 4) is None
    p[3] = 1e-12
    assert detect._end(table, p, 4) is None
    assert [trained for _, trained, *_ in seen] == [3, 4]
    variance = (table[4:] ** 2).mean()
    assert seen[0][2:] == pytest.approx((variance, (table[4:] ** 4).mean() / variance**2 - 1))


P = np.concatenate((np.full(80, 1e-12), np.full(20, 0.5)))  # 100 tails, trained up to position 80


def end(place=80, low=80, high=80, gain=100.0):
    return ChangePoint(place, low, high, gain)


def test_a_clear_sharp_and_narrow_end():
    assert is_end(end(), P)


@pytest.mark.parametrize(("gain", "clear"), [(9.9, False), (10.0, True), (11.0, True), (5.0, False)])
def test_an_end_gains_ten_nats(gain, clear):
    assert is_end(end(gain=gain), P) == clear


@pytest.mark.parametrize(("place", "long_enough"), [(95, True), (96, False), (99, False)])
def test_five_rows_are_past_an_end(place, long_enough):
    p = np.concatenate((np.full(90, 1e-12), np.full(10, 0.5)))
    assert is_end(end(place, place, place), p) == long_enough


@pytest.mark.parametrize(
    ("value", "matches"), [(1.1e-3, True), (1e-3, False), (0.9e-3, False), (0.6e-3, False), (1.9e-3, True)]
)
def test_the_rows_past_an_end_match(value, matches):
    p = P.copy()
    p[80] = value
    assert is_end(end(), p) == matches


@pytest.mark.parametrize(
    ("at", "value", "sharp"),
    [(60, 1e-8, False), (60, 0.9e-8, True), (60, 1.5e-8, False), (59, 0.5, True), (61, 0.5, True)],
)
def test_the_rows_from_three_quarters_of_an_end_do_not(at, value, sharp):
    p = P.copy()
    p[at] = value
    assert is_end(end(), p) == sharp


@pytest.mark.parametrize(
    ("place", "low", "high", "narrow"),
    [
        (80, 72, 88, True),  # 16 positions, a fifth of 80
        (80, 72, 89, False),
        (80, 71, 88, False),
        (16, 14, 18, True),  # four positions of few rows
        (16, 14, 19, False),
        (24, 22, 26, True),
        (24, 22, 27, False),
    ],
)
def test_the_interval_of_an_end_is_narrow(place, low, high, narrow):
    p = np.concatenate((np.full(place, 1e-12), np.full(100 - place, 0.5)))
    assert is_end(end(place, low, high), p) == narrow


@pytest.mark.parametrize(("rows", "place"), [(24, 16), (63, 55), (64, 56), (72, 63), (80, 70), (512, 448)])
def test_the_last_part_is_an_eighth_and_eight_rows_at_least(rows, place):
    assert last_part(rows) == place


@pytest.mark.parametrize(
    ("rows", "unusual", "usable"),
    [
        (512, (), 512),
        (512, (300,), 512),
        (512, (511,), 511),
        (512, (300, 510, 511), 510),
        (512, (510,), 512),  # not at the very end
        (512, tuple(range(490, 512)), 496),  # at most a 32nd
        (96, (93, 94, 95), 93),
        (96, (92, 93, 94, 95), 93),
        (64, (63,), 63),
        (40, (38, 39), 39),
        (31, (30,), 31),
    ],
)
def test_unusual_rows_at_the_edge_are_not_suggested(rows, unusual, usable):
    assert usable_length(rows, unusual) == usable


def test_a_grid_has_no_end():
    found = range_of(np.eye(36), TableLayout(grid=(6, 6)))
    assert (found.verdict, found.end) == ("unknown", None)
    assert "a grid has no end" in found.evidence[0]
    assert range_of(np.zeros((36, 4)), TableLayout(length=36)).evidence[0].startswith("all rows are equal")


def trained(rows, width, end, strength, seed=0):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((rows, width))
    table[:end] += strength * rng.standard_normal(width)
    return table


@pytest.mark.parametrize("rows", [23, 24])
def test_twenty_four_positions_are_needed(rows):
    found = trained_range(trained(rows, 256, 12, 2.0))
    if rows == 23:
        assert found.evidence == ("23 positions are too few to judge: 24 are needed",)
    else:
        assert (found.verdict, found.end) == ("ends", 12)


def test_an_end_of_fewer_than_five_positions_is_not_claimed():
    for end, verdict in ((4, "unknown"), (5, "ends")):
        table = trained(40, 16, 40, 1.0)
        table[end:] = 0
        found = trained_range(table)
        assert found.verdict == verdict
        assert found.evidence == (f"the {40 - end} rows from position {end} on are all zero",)
        assert found.confidence == (None if end == 4 else 0.99)


def test_the_evidence_of_an_end():
    found = trained_range(trained(200, 64, 120, 1.0))
    assert (found.verdict, found.end, found.low, found.high, found.confidence) == ("ends", 120, 120, 120, 0.95)
    assert found.suggested_usable_length == 120
    match, mismatch, gain = found.evidence
    assert match.startswith(
        "the 80 rows from position 120 on match the initial distribution: mean zero, uncorrelated, "
    )
    assert float(match.split("p = ")[1].rstrip(")")) > 1e-3
    tests = tail_tests(trained(200, 64, 120, 1.0))
    place = max(np.flatnonzero(tests.combined()[:120] < 1e-8))
    assert mismatch.startswith(
        f"with the rows from {place} on they do not: the norms vary more than random rows', p = "
    )
    assert float(mismatch.split("p = ")[1]) == pytest.approx(tests.norms[place], rel=0.1)
    assert gain.startswith("row by row, those from 120 on are likelier untrained than trained like those before, by ")
    assert float(gain.split()[-2]) > 10


def test_the_evidence_of_a_whole_table():
    table = trained(400, 64, 400, 1.0)
    table[150:] *= 3
    table[399] *= 3
    found = trained_range(table)
    assert (found.verdict, found.confidence, found.suggested_usable_length) == ("whole", 0.95, 399)
    last, step, cannot, edge = found.evidence
    assert last.startswith("the last 50 rows do not match the initial distribution: the rows have a common mean, p = ")
    assert "their roughness is " in last
    assert last.endswith("(untrained: 1.22)")
    assert step.startswith("the rows change abruptly at position 153: norms go from 0.")
    assert step.endswith("much of the training may have ended there, but both sides are trained")
    assert cannot.startswith("how often each position was seen")
    assert edge == "the last 1 rows stand out: few inputs reach them, so they are not suggested"


def test_a_p_value_that_is_nearly_zero():
    table = trained(400, 64, 400, 8.0)
    assert "p = below 1e-99" in trained_range(table).evidence[0]


def test_the_roughness_is_that_of_the_last_rows():
    table = trained(400, 64, 400, 0.5)
    table[350:] = table[350] + np.linspace(0, 1, 50)[:, None] * table[340]  # a straight line
    assert "their roughness is 0.00 (untrained: 1.22)" in trained_range(table).evidence[0]


def test_an_untrained_table():
    found = trained_range(np.random.default_rng(0).standard_normal((100, 16)))
    assert found.verdict == "unknown"
    sentence = found.evidence[0]
    tests = tail_tests(np.random.default_rng(0).standard_normal((100, 16)))
    assert sentence.startswith("the whole table matches its initial distribution (strictest test: ")
    assert float(sentence.split("p = ")[1].split(")")[0]) == pytest.approx(tests.weakest(0)[1], rel=0.1)
    assert sentence.endswith("it was not trained, or too little to show")


def test_between_trained_and_untrained_nothing_is_claimed():
    """The last eighth fails ``MATCHES`` but not ``TRAINED``."""
    verdicts = {}
    for strength in np.linspace(0.2, 1.5, 14):
        table = trained(64, 16, 64, strength, seed=3)
        found = trained_range(table)
        verdicts.setdefault(found.verdict, []).append(found.evidence[0])
    assert any(s == "the last rows are neither clearly trained nor clearly untrained" for s in verdicts["unknown"])
    assert "whole" in verdicts
    assert "ends" not in verdicts


def test_a_step_is_told_where_nothing_is_claimed():
    table = trained(64, 64, 64, 0.3, seed=3)
    table[30:] *= 4
    found = trained_range(table)
    assert found.verdict == "unknown"
    assert found.evidence[0].startswith(
        "the last rows are neither clearly trained nor clearly untrained; the rows change abruptly at position 30: "
    )


def test_unusual_rows_past_an_end_are_not_listed():
    period = trained(60, 64, 60, 1.0)
    period[[0, 30]] *= 2
    table = period[np.arange(180) % 60]
    assert outlier_rows(table) == (0, 30, 60, 90, 120, 150)
    found = trained_range(table)
    assert (found.end, found.low, found.high, found.odd_rows) == (60, 60, 60, (0, 30))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_scale_does_not_matter(scale):
    table = trained(200, 64, 120, 1.0)
    assert trained_range(table * scale).end == 120


def test_the_record_of_a_range():
    found = trained_range(trained(200, 64, 120, 1.0))
    plain = found.to_dict()
    assert list(plain) == [
        *("verdict", "end", "low", "high", "confidence", "evidence", "odd_rows", "suggested_usable_length")
    ]
    assert isinstance(plain["evidence"], list)
    assert isinstance(plain["odd_rows"], list)
    assert plain["end"] == 120
