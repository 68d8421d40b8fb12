"""Every kind provides what the others do."""

import pytest

from posembed.quality.models.kinds import KINDS
from posembed.quality.models.model_kind import ModelKind


def test_a_kind_must_be_whole():
    class Half(ModelKind):
        name = "causal"

    with pytest.raises(TypeError, match="abstract"):
        Half()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_descriptions_have_their_article(kind):
    assert kind.description.startswith("a ")
    assert kind.description.endswith("model")
