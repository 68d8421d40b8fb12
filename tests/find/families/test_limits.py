"""What a model's code forbids."""

import re

import pytest

from posembed.find import families


@pytest.mark.parametrize("law", families.LIMITS)
def test_limits_are_sentences_about_keys(law):
    re.compile(law.key)
    assert len(law.reason) > 15
    assert not law.reason.endswith(".")
    assert not law.power or law.multiple_of


@pytest.mark.parametrize(
    ("family", "multiple_of", "power"),
    [("led", "attention_window", 0), ("big_bird", "block_size", 0), ("hiera", "num_query_pool", 2), ("canine", 0, 0)],
)
def test_multiples(family, multiple_of, power):
    (law,) = (law for law in families.LIMITS if family in law.families)
    assert (law.multiple_of, law.power) == (multiple_of, power)


def test_a_limit_forbids_everything_unless_it_says_more():
    law = families.Limit(("new",), "its rows are hash buckets")
    assert (law.multiple_of, law.power, law.key) == (0, 0, ".")
