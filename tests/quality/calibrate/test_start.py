"""Where a calibration begins, by what its caller says."""

import pytest

from posembed.quality.calibrate import start
from posembed.quality.calibrate.start import choose_start
from posembed.quality.search.search import Choice

ALL, STAYING = ("tile", "stretch", "mean"), ("tile", "stretch")


def begun(checkpoint, kind="embedding", repeated=None, keep=None, length_aware=False):
    return choose_start(checkpoint, kind, 64, 128, repeated, keep, "stdlib", "fp32", 0, length_aware, lambda _: None)


@pytest.mark.parametrize(
    ("said", "method", "options", "keep", "period"),
    [
        ({"repeated": 32}, "tile", {"range": 32}, 32, 32),
        ({"repeated": 32, "keep": 16}, "tile", {"range": 32}, 16, 32),
        ({"repeated": 32, "keep": 0}, "mean", {"range": 32, "keep": 1}, 0, 32),
        ({"repeated": 32, "length_aware": True}, "mean", {"range": 32, "keep": 1}, 32, 32),
        ({"repeated": 32, "keep": 48, "length_aware": True}, "mean", {"range": 32, "keep": 1}, 48, 32),
        ({"kind": "causal", "repeated": 32, "keep": 0}, "tile", {"range": 32}, 0, 128),
        ({"kind": "causal", "repeated": 32, "length_aware": True}, "tile", {"range": 32}, 32, 128),
        ({"kind": "masked"}, "tile", {"range": 64}, 64, 128),
        ({"kind": "masked", "keep": 0}, "stretch", {"keep": 0}, 0, 128),
    ],
)
def test_what_is_said_is_begun_with(said, method, options, keep, period):
    found = begun("unread", **said)
    assert (found.method, found.options, found.keep, found.period) == (method, options, keep, period)
    assert len(found.why) == 1


@pytest.mark.parametrize(
    ("said", "methods", "chosen", "keep", "period"),
    [
        ({}, STAYING, Choice("tile", {"range": 40}, ("why",), (), {}), 40, 40),
        ({}, STAYING, Choice("stretch", {"range": 40, "keep": 5}, ("why",), (), {}), 5, 128),
        ({"keep": 0}, ALL, Choice("mean", {"range": 40, "keep": 1}, ("why",), (), {}), 0, 40),
        ({"length_aware": True}, ALL, Choice("mean", {"range": 40, "keep": 1}, ("why",), (), {}, short=32), 32, 40),
        ({"length_aware": True}, ALL, Choice("tile", {"range": 40}, ("why",), (), {}, short=64), 64, 40),
        (
            {"length_aware": True, "keep": 48},
            ALL,
            Choice("mean", {"range": 40, "keep": 1}, ("why",), (), {}, short=32),
            48,
            40,
        ),
    ],
)
def test_what_is_left_out_is_chosen(monkeypatch, said, methods, chosen, keep, period):
    asked = {}
    monkeypatch.setattr(start, "choose_method", lambda *_, **named: asked.update(named) or chosen)
    found = begun("unread", **said)
    assert (found.method, found.options, found.why) == (chosen.method, chosen.options, ("why",))
    assert (found.keep, found.period) == (keep, period)
    assert (asked["methods"], asked["length_aware"]) == (methods, said.get("length_aware", False))
