"""Learned compared with sinusoidal: every number is the comparison's own."""

import pytest

from posembed.lesson.versus import ask_past_the_table, beyond_words, quality_words, versus_table
from posembed.presets import PRESETS
from posembed.records.comparison import Comparison
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table


@pytest.fixture
def edited(measured):
    """Makes a comparison from the kept one by a function that changes its plain values."""

    def edit(change):
        plain = measured.results.to_dict()
        change(plain)
        return Comparison.from_dict(plain)

    return edit


def test_the_comparison_s_numbers_are_read_from_it(edited):
    def change(plain):
        learned = next(arm for arm in plain["arms"] if arm["encoding"] == "learned")
        learned["cost"] |= {"parameters": 1234567, "parameter_bytes": 4938268}
        learned["quality"]["mean"] = 9.876

    table = versus_table(edited(change))
    shown = {row[0]: row[1:] for row in table.rows}
    assert shown["parameters of the positions"] == ("1,234,567", "0")
    assert shown["memory, float32"][0] == "4,938,268 bytes"
    assert shown["memory of gradient and Adam's state"] == ("14,814,804 bytes", "0 bytes")  # three times as much
    quality = next(cells for name, cells in shown.items() if name.startswith("quality"))
    assert quality[0].startswith("9.876 ±")
    beyond = next(cells for name, cells in shown.items() if name.startswith("generalization"))
    assert beyond[0] == "an error: there are no rows"
    assert float(beyond[1].split()[0]) > 0
    assert shown["the same, the table extended (linear)"][1] == "nothing to extend"


def test_a_preset_s_family_is_shown_whatever_its_name(measured, monkeypatch):
    import dataclasses

    bert = PRESETS["bert-base"]
    monkeypatch.setitem(PRESETS, "my-model", dataclasses.replace(bert, name="my-model", family="My Model"))
    monkeypatch.setitem(PRESETS, "yours", dataclasses.replace(bert, name="yours", family=""))
    users = versus_table(measured.results).rows[-1][1]
    assert users.startswith("BERT, DistilBERT, ELECTRA, RoBERTa, XLM-R, MPNet, GPT-1, GPT-2, GPT-3, OPT, BART, ")
    assert users.endswith("CLIP, My Model, yours, Whisper's decoder")


def test_ways_past_the_length_are_in_order(measured):
    (sentence,) = beyond_words(measured.results)
    listed = sentence.split("order of their means: ")[1].split(". Nothing")[0].split(", ")
    losses = [float(part.split(" ± ")[0].rsplit(" ", 1)[1]) for part in listed]
    assert losses == sorted(losses)
    assert {part.split(" ± ")[0].rsplit(" ", 1)[0] for part in listed} >= {
        "learned + tile",
        "learned + linear",
        "sinusoidal",
    }


def test_flexibility_measures_the_sinusoid_too(measured):
    (cells,) = (row[1:] for row in versus_table(measured.results).rows if row[0].startswith("flexibility"))
    own = explained_share(sinusoidal_table(128, 128), sinusoidal_basis(128, 16))
    assert cells[1].startswith(f"{own:.0%};")


def difference(second, low):
    values = {"first": "learned", "second": second, "mean": low + 0.05, "low": low, "high": low + 0.1}
    return values | {"documents": 9, "seeds": 1, "verdict": f"as measured with {second}"}


@pytest.mark.parametrize(("low", "side"), [(-0.1, 0), (0.1, 1)])
def test_quality_stands_where_the_run_puts_it(edited, low, side):
    results = edited(lambda plain: plain.update(differences=[difference("sinusoidal", low)]))
    sides = quality_words(results)
    assert "as measured with sinusoidal" in sides[side][0]
    assert sides[1 - side] == []


def test_newer_encodings_are_named_only_where_they_are_better(edited):
    pairs = [difference("rope", 0.1), difference("alibi", -0.02), difference("none", 0.1)]
    good, bad = quality_words(edited(lambda plain: plain.update(differences=pairs)))
    assert (good, bad) == ([], ["Newer encodings can be better: as measured with rope."])


def test_a_run_without_longer_texts(edited):
    results = edited(lambda plain: [arm.update(beyond=[]) for arm in plain["arms"]])
    assert beyond_words(results) == []
    assert not any(row[0].startswith("generalization") for row in versus_table(results).rows)


def test_the_error_is_the_library_s_own():
    assert ask_past_the_table().startswith("IndexError: position 512 has no row: the table has 512 rows")
