"""Made sentences: different people, forms that no split shares, nothing of the evaluation's."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.quality.calibrate.sentences import FACTS, FIRST, LAST, facts, filler
from posembed.quality.tasks import names


def numbered():
    count = itertools.count()
    return lambda: f"word{next(count)}"


@given(st.integers(0, 10**9), st.integers(1, 40), st.sampled_from(["train", "validation"]))
def test_no_two_facts_have_one_question(seed, count, split):
    rng = np.random.default_rng(seed)
    found = facts(count, split, lambda: f"word{rng.integers(100)}", rng)
    assert len(found) == len({evidence for evidence, _ in found}) == len({question for _, question in found}) == count


@pytest.mark.parametrize("split", list(FACTS))
def test_every_form_can_be_asked(split):
    for evidence, question in FACTS[split]:
        values = {"p": "Agnes Wolf", "n": 123, "w": "tree"}
        assert evidence.format(**values) != evidence
        shared = {name for name in ("{p}", "{w}") if name in question}
        assert shared
        assert all(name in evidence for name in shared)


def test_fillers_differ_and_hold_the_text_s_words():
    made = [filler(numbered(), np.random.default_rng(seed)) for seed in range(300)]
    assert len(set(made)) > 250
    assert all("ord0" in text for text in made)  # Word0 with a capital
    assert all("{" not in text for text in made)


def test_nothing_is_shared_with_evaluation():
    assert not set(FIRST) & set(names.FIRST)
    assert not set(LAST) & set(names.LAST)
    assert len(set(FIRST)) == len(FIRST)
    assert len(set(LAST)) == len(LAST)
    assert not {form for form, _ in FACTS["train"]} & {form for form, _ in FACTS["validation"]}
    forms = [words.lower() for split in FACTS.values() for form in split for words in form]
    assert not any(words in form for form in forms for words in ("pass key", "passkey", "remember it", "keeps the"))
    plain = {sentence for split in names.FILLERS.values() for filler in split for sentence in filler.split(". ")}
    made = {words for seed in range(500) for words in filler(numbered(), np.random.default_rng(seed)).split(". ")}
    assert not plain & made
