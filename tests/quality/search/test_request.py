"""What a search is asked for."""

from types import SimpleNamespace

from posembed.quality.search.request import SearchRequest
from posembed.records.search import SearchOptions


def test_the_model_is_loaded_as_its_kind_does():
    asked = []
    kind = SimpleNamespace(load=lambda *given, **named: asked.append((given, named)) or "model")
    checkpoint, table = SimpleNamespace(root="a"), SimpleNamespace(usable_length=64)
    request = SearchRequest(
        kind, checkpoint, table, 128, SearchOptions(precision="bf16", device="cuda:1", trust_remote_code=True)
    )
    assert (request.load(), request.old) == ("model", 64)
    assert asked == [(("a", "bf16"), {"device": "cuda:1", "trust_remote_code": True})]
