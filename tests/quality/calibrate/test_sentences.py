"""Made sentences: different people, forms that no split shares, nothing of the evaluation's."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.quality.calibrate.sentences import FACTS, FIRST, LAST, facts, filler
from posembed.quality.tasks import names
from tests.fixtures.plain_rng import PlainRng, digest


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


def test_fillers_are_those_that_published_tables_were_trained_with():
    made = [filler(numbered(), PlainRng("filler", seed)) for seed in range(400)]
    assert made[2:4] == [
        "Is it a word0? No, a word1. They word3 all day.",
        "Word0: word1, word2. Word3 = 18; Word6 54, word7 56.",
    ]
    assert digest(made) == "3198062ede9f"


def test_facts_are_those_that_published_tables_were_trained_with():
    made = [facts(7, split, numbered(), PlainRng(split, seed)) for split in FACTS for seed in range(200)]
    assert made[0][0] == (
        "Magnus Sharma's ticket number is 11334. Please note the ticket number 11334 for Magnus Sharma.",
        "What is Magnus Sharma's ticket number?",
    )
    assert digest(made) == "52e721ddae71"


def test_shares_of_the_fillers():
    """A fifth has words without order, a tenth mixes plain and listed sentences, and many have few forms."""
    made = [filler(numbered(), PlainRng("shares", seed)) for seed in range(2000)]
    without = [text for text in made if all(word.startswith("word") and word[4:].isdigit() for word in text.split())]
    assert len(without) / 2000 == pytest.approx(0.2, abs=0.03)
    assert max(len(text.split()) for text in without) == 29
    assert min(len(text.split()) for text in without) == 1


def test_names_of_few_people_are_met_again():
    """Half a name is not enough: as many first names as 4 and the root of the count may be all that there are."""
    fewest = len(FIRST)
    for seed in range(300):
        made = facts(30, "train", numbered(), PlainRng("few", seed))
        people = {name for _, question in made for name in FIRST if name in question}
        fewest = min(fewest, len(people) or fewest)
    assert fewest <= 4 + 5 + 1


def test_a_text_of_few_words_has_facts_all_the_same():
    """Four words make 16 names and 20 things: where they can differ no more, usual names take their place."""
    for seed in range(40):
        rng = PlainRng("few words", seed)
        made = facts(18, "train", lambda rng=rng: ("tree", "house", "river", "stone")[rng.integers(4)], rng)
        assert len({question for _, question in made}) == 18
