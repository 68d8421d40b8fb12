import numpy as np
import pytest

from posembed.lab.arms import build_arm, build_difference, verdict
from posembed.lab.unit_result import InRange, UnitBeyond, UnitResult
from posembed.records.comparison import Cost, CurvePoint, Flexibility, PositionLosses, Speed
from posembed.records.interval import Interval, Quality
from posembed.records.unit import UnitConfig
from posembed.statistics import mean_interval


def unit(seed, documents, status="finished", message=""):
    """The result of a unit, with numbers chosen here."""
    done = status == "finished"
    base = float(seed)
    twice = tuple(None if value is None else 2 * value for value in documents)
    share = None if seed == 0 else 0.25
    return UnitResult(
        configuration=UnitConfig(seed=seed),
        environment=None,
        status=status,
        message=message,
        curve=(CurvePoint(1, 2.0, 3.0),),
        speed=Speed(1.0 + seed, None if seed == 0 else 50.0),
        cost=Cost(8, 32, 0),
        parameters=99,
        in_range=InRange(documents, PositionLosses((base, None, base + 1), (0.5, None, base))) if done else None,
        beyond=(
            UnitBeyond(1.0, 4, "direct", None, documents, (base, None)),
            UnitBeyond(2.0, 8, "direct", "no row"),
            UnitBeyond(2.0, 8, "tile", None, documents, (base, base + 4), twice),
        )
        if done
        else (),
        flexibility=Flexibility(2, 2, 4, share, 0.5, 1.0 + seed, 3.0) if done else None,
    )


def test_an_arm_over_its_seeds():
    a, b = [1.0, 2.0, 3.0], [1.5, 2.0, 4.0]
    arm = build_arm("learned", [unit(0, a), unit(2, b)], {})
    assert (arm.encoding, arm.status, arm.messages, arm.seeds) == ("learned", "finished", (), (0, 2))
    assert arm.quality == Quality.of(mean_interval([a, b]))
    assert arm.per_position == PositionLosses((1.0, None, 2.0), (0.5, None, 1.0))
    assert (arm.cost.parameters, arm.parameters) == (8, 99)
    assert arm.speed == Speed(2.0, 50.0)
    assert arm.flexibility == Flexibility(2.0, 2.0, 4.0, 0.25, 0.5, 2.0, 3.0)
    assert [curve.seed for curve in arm.curves] == [0, 2]
    one, error, tiled = arm.beyond
    assert one.loss == Interval(**mean_interval([a, b]))
    assert (one.loss_beyond, one.per_position, one.message) == (None, (1.0, None), None)
    assert (one.ended, error.ended, tiled.ended) == (False, True, False)
    assert error.to_dict() == {
        "factor": 2.0,
        "length": 8,
        "method": "direct",
        "message": "no row",
        "loss": None,
        "loss_beyond": None,
        "per_position": None,
    }
    assert tiled.loss_beyond.mean == pytest.approx(2 * tiled.loss.mean)
    assert (one.shown, tiled.shown) == (one.loss, tiled.loss_beyond)
    assert (arm.label("direct"), arm.label("tile")) == ("learned", "learned + tile")


def test_arms_that_did_not_finish():
    good, bad = unit(0, [1.0, 2.0]), unit(1, [], "non-finite", "the loss became nan")
    arm = build_arm("rope", [good, bad], {"rope-seed2": "was killed"})
    assert arm.status == "incomplete"
    assert arm.messages == ("seed 1: the loss became nan", "rope-seed2: was killed")
    assert arm.seeds == (0,)
    assert arm.quality.seeds == 1
    assert [curve.seed for curve in arm.curves] == [0, 1]
    arm = build_arm("rope", [bad], {})
    assert (arm.status, arm.quality, arm.beyond, arm.speed) == ("failed", None, (), None)
    assert arm.cost is not None
    arm = build_arm("rope", [], {"rope-seed0": "was killed"})
    assert (arm.status, arm.messages, arm.cost) == ("failed", ("rope-seed0: was killed",), None)
    assert arm.curves == ()


def test_a_difference_is_paired_by_seed_and_document():
    units = {
        "learned": [unit(0, [1.0, 2.0, None]), unit(1, [3.0, 4.0, 9.0]), unit(2, [], "non-finite")],
        "rope": [unit(1, [3.5, 4.0, 9.0]), unit(0, [1.5, 1.0, 7.0]), unit(2, [5.0, 5.0, 5.0])],
    }
    difference = build_difference("learned", "rope", units)
    # seed 2 is missing on one side; the third document has no loss in one seed
    expected = mean_interval(np.array([[1.0 - 1.5, 2.0 - 1.0], [3.0 - 3.5, 4.0 - 4.0]]))
    assert difference.to_dict() == {"first": "learned", "second": "rope"} | expected | {
        "verdict": verdict("learned", "rope", Interval(**expected))
    }
    assert (difference.mean, difference.documents, difference.seeds) == (0.0, 2, 2)
    units["rope"] = [unit(2, [5.0, 5.0, 5.0])]
    assert build_difference("learned", "rope", units) is None


def interval(mean, half):
    return Interval(mean, mean - half, mean + half, 9, 1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (interval(-0.25, 0.125), "a − b = −0.250 ± 0.125 nats: a is better than b here"),
        (interval(0.25, 0.125), "a − b = 0.250 ± 0.125 nats: b is better than a here"),
        (interval(0.25, 0.25), "a − b = 0.250 ± 0.250 nats: no significant difference"),
        (interval(-0.25, 0.5), "a − b = −0.250 ± 0.500 nats: no significant difference"),
        (interval(0.0, 0.0), "a − b = 0.000 ± 0.000 nats: no significant difference"),
        (interval(0.0002, 0.0001), "a − b = 0.000200 ± 0.000100 nats: b is better than a here"),
        (Interval(1.0, None, None, 1, 1), "a − b: too few documents for an interval; nothing can be concluded"),
        (Interval(None, None, None, 0, 1), "a − b: too few documents for an interval; nothing can be concluded"),
    ],
)
def test_verdicts(given, sentence):
    assert verdict("a", "b", given) == sentence
