"""Every kind of model that is not only evaluated has a search."""

from posembed.quality.models.kinds import KINDS
from posembed.quality.search.searches import SEARCHES


def test_every_kind_has_a_search():
    assert set(SEARCHES) == {kind.name for kind in KINDS if not kind.only_evaluated}
    assert SEARCHES["causal"] is SEARCHES["masked"] is not SEARCHES["embedding"]
