"""Where the training of an embedding model's table begins, for each of its goals."""

from types import SimpleNamespace

import pytest

from posembed.errors import WorkFailedError
from posembed.observer import SILENT
from posembed.quality.calibrate import goals
from posembed.quality.calibrate.embedding import EmbeddingStrategy
from posembed.quality.calibrate.goals import FindHidden, LikeChunks, goal_of
from posembed.quality.calibrate.target import USUAL
from posembed.quality.models.embedding import EMBEDDING
from posembed.records.behavior import EffectiveRange
from tests.fixtures.calibrations import request_of

STRATEGY = EmbeddingStrategy(EMBEDDING)
ALL, KEEPING = ("tile", "stretch", "mean"), ("tile", "stretch")


def test_only_made_documents_alone_are_another_goal():
    assert isinstance(goal_of(1), FindHidden)
    assert isinstance(goal_of(0.5), LikeChunks)
    assert isinstance(goal_of(0), LikeChunks)


@pytest.mark.parametrize(
    ("options", "method", "chosen", "keep", "period"),
    [
        ({"range": 32}, "tile", {"range": 32}, 32, 32),
        ({"range": 32, "keep": 16}, "tile", {"range": 32}, 16, 32),
        ({"range": 32, "keep": 0}, "mean", {"range": 32, "keep": 1}, 0, 32),
        ({"range": 32, "length_aware": True}, "mean", {"range": 32, "keep": 1}, 32, 32),
        ({"range": 32, "keep": 48, "length_aware": True}, "mean", {"range": 32, "keep": 1}, 48, 32),
    ],
)
def test_a_range_that_is_given_is_begun_with(options, method, chosen, keep, period):
    start = STRATEGY.choose_start(request_of(length=128, **options), SILENT)
    assert (start.method, start.options, start.keep, start.period) == (method, chosen, keep, period)
    assert len(start.why) == 1


@pytest.mark.parametrize(
    ("options", "methods", "method", "chosen", "short", "keep", "period"),
    [
        ({}, KEEPING, "tile", {"range": 40}, None, 40, 40),
        ({}, KEEPING, "stretch", {"range": 40, "keep": 5}, None, 5, 128),
        ({}, KEEPING, "stretch", {"range": 40}, None, 0, 128),
        ({"keep": 16}, KEEPING, "tile", {"range": 40}, None, 16, 40),
        ({"keep": 0}, ALL, "mean", {"range": 40, "keep": 1}, None, 0, 40),
        ({"length_aware": True}, ALL, "mean", {"range": 40, "keep": 1}, 32, 32, 40),
        ({"length_aware": True}, ALL, "tile", {"range": 40}, 64, 64, 40),
        ({"length_aware": True, "keep": 48}, ALL, "mean", {"range": 40, "keep": 1}, 32, 48, 40),
    ],
)
def test_a_range_that_is_left_out_is_searched(monkeypatch, options, methods, method, chosen, short, keep, period):
    calls = []
    choice = SimpleNamespace(method=method, options=chosen, why=("why",), short=short)
    monkeypatch.setattr(goals, "search_method", lambda *given, **named: calls.append((given, named)) or choice)
    start = STRATEGY.choose_start(request_of(length=128, seed=3, **options), SILENT)
    assert (start.method, start.options, start.why) == (method, chosen, ("why",))
    assert (start.keep, start.period) == (keep, period)
    ((checkpoint, length), named) = calls.pop()
    assert (checkpoint.root, length) == ("a/checkpoint", 128)
    assert (named["methods"], named["length_aware"]) == (methods, options.get("length_aware", False))
    assert (named["data"], named["device"], named["precision"], named["seed"]) == ("texts", "cpu", "fp32", 3)
    assert named["must_be_better"] is False  # it is trained after all


@pytest.mark.parametrize(
    ("options", "found", "size", "kept"),
    [
        ({"range": 32}, None, 32, 32),
        ({"range": 32, "keep": 16, "length_aware": True}, None, 32, 16),
        ({}, EffectiveRange("ends", 40, 38, 44, ("because",), 16), 40, 40),
        ({"keep": 8}, EffectiveRange("ends", 40, 38, 44, ("because",), 16), 40, 8),
        ({}, EffectiveRange("no end", None, None, None, ("flat",), 16), 64, 64),
        ({}, EffectiveRange("unknown", None, None, None, ("few",), 16), 64, 64),
        ({}, None, 64, 64),
    ],
)
def test_distillation_begins_with_the_rows_that_work_alike(monkeypatch, options, found, size, kept):
    probed = []

    def shown(checkpoint, table, data, seed, observer, device):
        probed.append((checkpoint.root, [table.key], data, seed, device))
        if found is None:
            raise WorkFailedError("it does not run")
        return found

    monkeypatch.setattr(goals, "working_range", shown)
    monkeypatch.setattr(goals, "choose_target", lambda *_: (USUAL, "found most titles"))
    start = STRATEGY.choose_start(request_of(length=128, hidden=0.0, seed=3, **options), SILENT)
    assert (start.method, start.options, start.keep) == ("tile", {"range": size}, kept)
    assert probed == ([] if "range" in options else [("a/checkpoint", ["positions"], "texts", 3, "cpu")])
    assert start.why[-2:] == (f"the first {size} rows, repeated", "found most titles")
    assert start.target == USUAL


def test_a_table_that_does_not_grow_has_a_target_too(monkeypatch):
    monkeypatch.setattr(goals, "choose_target", lambda *_: (USUAL, "found most titles"))
    start = STRATEGY.choose_start(request_of(length=None, hidden=0.0, keep=8), SILENT)
    assert (start.method, start.target) == ("as it is", USUAL)
    assert STRATEGY.choose_start(request_of(length=None, keep=8), SILENT).target is None
