"""Results of language models that earlier versions stored have no choices."""

from posembed.records import evaluation
from posembed.records.language_results import LanguageResults


def test_results_without_choices_are_read():
    found = LanguageResults.from_dict({"cells": [], "context_gain": [], "shuffled": []})
    assert (found.choices, found.choice_gain, found.shortages) == ((), (), ())
    assert set(found.to_dict()) == {"cells", "context_gain", "shuffled", "choices", "choice_gain"}


def test_they_are_found_beside_the_evaluation():
    assert evaluation.LanguageResults is LanguageResults
