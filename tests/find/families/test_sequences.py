"""Fields that count rows, and the row of the first position."""

import re

import pytest

from posembed.find import families


@pytest.mark.parametrize("law", [*families.OFFSETS, *families.LOOK_AHEAD])
def test_keys_are_patterns(law):
    re.compile(law.key)


def test_fields_are_said_once():
    assert len(set(families.LENGTH_FIELDS)) == len(families.LENGTH_FIELDS)


@pytest.mark.parametrize("law", families.OFFSETS)
def test_offsets_are_rows_or_the_pads(law):
    assert law.reserved == "pad" or law.reserved in (0, 2)
    assert law.default_pad in (0, 1)
    assert law.source


def test_the_line_for_any_family_is_the_last():
    (general,) = (law for law in families.OFFSETS if "*" in law.families)
    assert general is families.OFFSETS[-1]
    assert general.reserved == families.weights.FAIRSEQ_RESERVED


@pytest.mark.parametrize(
    ("name", "counts"),
    [("my_max_len", True), ("pos_count", True), ("context", True), ("n_ctx", True), ("hidden_size", False)],
)
def test_words_of_other_fields(name, counts):
    assert bool(re.search(families.LENGTH_WORD, name)) is counts
