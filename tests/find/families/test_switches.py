"""The laws about tables that no code reads."""

import re

import pytest

from posembed.find import families


@pytest.mark.parametrize("law", families.SWITCHES)
def test_a_switch_has_values_and_a_key(law):
    re.compile(law.key)
    re.compile(law.beside)
    assert law.read
    assert law.field.isidentifier()
    if "*" in law.families:  # any model may have the field: without it, the table is read
        assert law.default in law.read


@pytest.mark.parametrize("law", families.UNREAD)
def test_a_reason_is_a_sentence(law):
    re.compile(law.key)
    assert len(law.reason) > 15
    assert not law.reason.endswith(".")
