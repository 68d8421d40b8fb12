import math

import numpy as np
import pytest

from posembed.lab.results import build_arm, build_difference, verdict, with_perplexity
from posembed.statistics import mean_interval


def unit(seed, documents, status="finished", message=""):
    """A unit's result as ``run_unit`` writes it, with numbers chosen here."""
    done = status == "finished"
    base = float(seed)
    direct = {"factor": 1.0, "length": 4, "method": "direct", "documents": documents, "per_position": [base, None]}
    further = {"factor": 2.0, "length": 8, "method": "tile", "documents": documents, "per_position": [base, base + 4]}
    return {
        "configuration": {"seed": seed},
        "status": status,
        "message": message,
        "curve": [{"step": 1, "train": 2.0, "validation": 3.0}],
        "speed": {"seconds": 1.0 + seed, "tokens_per_second": None if seed == 0 else 50.0},
        "cost": {"parameters": 8, "parameter_bytes": 32, "fixed_bytes": 0},
        "parameters": 99,
        "in_range": {
            "documents": documents,
            "per_position": {"mean": [base, None, base + 1], "standard_error": [0.5, None, base]},
        }
        if done
        else None,
        "beyond": [
            direct,
            {"factor": 2.0, "length": 8, "method": "direct", "message": "no row"},
            further | {"documents_beyond": [None if value is None else 2 * value for value in documents]},
        ]
        if done
        else [],
        "flexibility": {"rows": 4, "explained_share": None if seed == 0 else 0.25} if done else None,
    }


def test_an_arm_over_its_seeds():
    a, b = [1.0, 2.0, 3.0], [1.5, 2.0, 4.0]
    arm = build_arm("learned", [unit(0, a), unit(2, b)], {})
    assert (arm["encoding"], arm["status"], arm["messages"], arm["seeds"]) == ("learned", "finished", [], [0, 2])
    assert arm["quality"] == with_perplexity(mean_interval([a, b]))
    assert arm["per_position"] == {"mean": [1.0, None, 2.0], "standard_error": [0.5, None, 1.0]}
    assert (arm["cost"]["parameters"], arm["parameters"]) == (8, 99)
    assert arm["speed"] == {"seconds": 2.0, "tokens_per_second": 50.0}
    assert arm["flexibility"] == {"rows": 4.0, "explained_share": 0.25}
    assert [curve["seed"] for curve in arm["curves"]] == [0, 2]
    one, error, tiled = arm["beyond"]
    assert one["loss"] == mean_interval([a, b])
    assert (one["loss_beyond"], one["per_position"], one["message"]) == (None, [1.0, None], None)
    assert error == {
        "factor": 2.0,
        "length": 8,
        "method": "direct",
        "message": "no row",
        "loss": None,
        "loss_beyond": None,
        "per_position": None,
    }
    assert tiled["loss_beyond"]["mean"] == pytest.approx(2 * tiled["loss"]["mean"])


def test_arms_that_did_not_finish():
    good, bad = unit(0, [1.0, 2.0]), unit(1, [], "non-finite", "the loss became nan")
    arm = build_arm("rope", [good, bad], {"rope-seed2": "was killed"})
    assert arm["status"] == "incomplete"
    assert arm["messages"] == ["seed 1: the loss became nan", "rope-seed2: was killed"]
    assert arm["seeds"] == [0]
    assert arm["quality"]["seeds"] == 1
    assert [curve["seed"] for curve in arm["curves"]] == [0, 1]
    arm = build_arm("rope", [bad], {})
    assert (arm["status"], arm["quality"], arm["beyond"], arm["speed"]) == ("failed", None, [], None)
    assert arm["cost"] is not None
    arm = build_arm("rope", [], {"rope-seed0": "was killed"})
    assert (arm["status"], arm["messages"], arm["cost"]) == ("failed", ["rope-seed0: was killed"], None)
    assert arm["curves"] == []


def test_a_difference_is_paired_by_seed_and_document():
    units = {
        "learned": [unit(0, [1.0, 2.0, None]), unit(1, [3.0, 4.0, 9.0]), unit(2, [], "non-finite")],
        "rope": [unit(1, [3.5, 4.0, 9.0]), unit(0, [1.5, 1.0, 7.0]), unit(2, [5.0, 5.0, 5.0])],
    }
    found = build_difference("learned", "rope", units)
    # seed 2 is missing on one side; the third document has no loss in one seed
    expected = mean_interval(np.array([[1.0 - 1.5, 2.0 - 1.0], [3.0 - 3.5, 4.0 - 4.0]]))
    assert found == {"first": "learned", "second": "rope"} | expected | {
        "verdict": verdict("learned", "rope", expected)
    }
    assert (found["mean"], found["documents"], found["seeds"]) == (0.0, 2, 2)
    units["rope"] = [unit(2, [5.0, 5.0, 5.0])]
    assert build_difference("learned", "rope", units) is None


def interval(mean, half):
    return {"mean": mean, "low": mean - half, "high": mean + half}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (interval(-0.25, 0.125), "a − b = −0.250 ± 0.125 nats: a is better than b here"),
        (interval(0.25, 0.125), "a − b = 0.250 ± 0.125 nats: b is better than a here"),
        (interval(0.25, 0.25), "a − b = 0.250 ± 0.250 nats: no difference that this run can show"),
        (interval(-0.25, 0.5), "a − b = −0.250 ± 0.500 nats: no difference that this run can show"),
        (interval(0.0, 0.0), "a − b = 0.000 ± 0.000 nats: no difference that this run can show"),
        (interval(0.0002, 0.0001), "a − b = 0.000200 ± 0.000100 nats: b is better than a here"),
        ({"mean": 1.0, "low": None, "high": None}, "a − b: too few documents for an interval; this run shows nothing"),
        ({"mean": None, "low": None, "high": None}, "a − b: too few documents for an interval; this run shows nothing"),
    ],
)
def test_verdicts(given, sentence):
    assert verdict("a", "b", given) == sentence


def test_perplexity():
    found = with_perplexity({"mean": math.log(8), "low": math.log(4), "high": 1e5})
    assert (found["perplexity"], found["perplexity_low"]) == pytest.approx((8.0, 4.0))
    assert found["perplexity_high"] is None  # no float holds it
    assert found["bits_per_token"] == pytest.approx(3.0)
    nothing = with_perplexity({"mean": None, "low": None, "high": None})
    assert {nothing[name] for name in ("perplexity", "perplexity_low", "perplexity_high", "bits_per_token")} == {None}
