"""Every kind provides what the others do."""

import pytest

from posembed.quality.models.kinds import KINDS
from posembed.quality.models.language import LanguageKind
from posembed.quality.models.model_kind import ModelKind


def test_a_kind_must_be_whole():
    assert ModelKind.__abstractmethods__ == {"read_texts", "load"}
    assert LanguageKind.__abstractmethods__ == {
        "choose", "choose_from", "inputs", "losses", "continue_with", "predictable", "context",
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_descriptions_have_their_article(kind):
    assert kind.description.startswith("a ")
    named = ("model", "(a CrossEncoder)", "(SparseEncoder, SPLADE)", "(ColBERT)")
    assert kind.description.split(", w")[0].endswith(named)
