"""The saved state: read as it was written, also by 0.1; refused where it belongs to other work or is damaged."""

import pytest
import torch

from posembed.errors import ResultsConflictError, WorkFailedError
from posembed.quality.calibrate.state import SavedState
from posembed.records.calibration import CurvePoint, RequestedSizes, TimeBudget
from tests.fixtures.calibrations import configured, identity
from tests.quality.calibrate.test_trainer import trainer_of

# What version 0.1 wrote, key by key.
CONFIGURATION = {
    "kind": "embedding", "data": "", "length": 8, "keep": 2, "period": 8, "document": 8, "trained_whole": False,
    "above": 0, "queries_trained": False, "spread": False, "batch": 16, "steps": 40, "shift_rate": 0.05,
    "row_rate": 0.01, "every": 5, "patience": 3, "held_out": 64, "facts": 0.5, "precision": "fp32", "seed": 0,
}  # fmt: skip
ABOUT = {
    "sha256": "a", "model_sha256": "m", "asked": {"length": 128, "range": 32, "keep": None},
    "start": {"method": "tile", "options": {"range": 32}, "keep": 32, "period": 32, "why": ["because"]},
}  # fmt: skip


def saved(path, **changed):
    """A state of 0.1, some of its entries changed."""
    trainer = trainer_of()
    state = {
        "configuration": CONFIGURATION,
        "about": ABOUT,
        "start": trainer.table.start,
        "step": 7,
        "seconds": 1.5,
        "table": {"shift": torch.full((3,), 0.25), "rows": torch.ones(6, 3)},
        "best": {"shift": torch.full((3,), 0.5), "rows": torch.zeros(6, 3)},
        "optimizer": trainer.optimizer.state_dict(),
        "curve": [{"step": 0, "train": None, "validation": 2.0}, {"step": 5, "train": 1.5, "validation": 1.0}],
        "recent": [0.5, 0.25],
    } | changed
    torch.save(state, path)
    return path


def test_a_state_of_the_first_version_is_resumed(tmp_path):
    trainer = trainer_of()
    trainer.restore(saved(tmp_path / "state"))
    assert (trainer.step, trainer.seconds) == (7, 1.5)
    assert trainer.tokens == sum(8 + step for step in range(7))
    assert trainer.curve == [CurvePoint(0, None, 2.0), CurvePoint(5, 1.5, 1.0)]
    assert trainer._recent == [0.5, 0.25]
    assert trainer.table.shift.tolist() == [0.25] * 3
    assert trainer.best["shift"].tolist() == [0.5] * 3


def test_a_state_is_written_as_the_first_version_wrote_it(tmp_path):
    trainer = trainer_of()
    trainer.curve.append(CurvePoint(0, None, 2.0))
    trainer.save(tmp_path / "state")
    plain = torch.load(tmp_path / "state", weights_only=True)
    assert list(plain) == [
        "configuration", "about", "start", "step", "seconds", "table", "best", "optimizer", "curve", "recent",
    ]  # fmt: skip
    assert list(plain["configuration"].items()) == list(CONFIGURATION.items())
    assert plain["about"] == ABOUT
    assert plain["curve"] == [{"step": 0, "train": None, "validation": 2.0}]
    assert (plain["step"], plain["seconds"], plain["recent"]) == (0, 0.0, [])
    assert list(plain["table"]) == list(plain["best"]) == ["shift", "rows"]


def test_the_time_budget_is_kept_with_it(tmp_path):
    timed = ABOUT | {"timed": {"minutes": 2.0, "steps": 30}}
    state = SavedState.read(saved(tmp_path / "state", about=timed))
    assert state.identity.timed == TimeBudget(2.0, 30)
    assert state.identity.asked == RequestedSizes(128, 32, None)
    assert state.identity.to_dict() == timed
    assert SavedState.read(saved(tmp_path / "state")).identity.timed is None


@pytest.mark.parametrize(
    ("config", "other", "start", "sentence"),
    [
        ({"seed": 1}, {}, 0.0, "seed: 0 there, 1 here"),
        ({}, {"sha256": "b"}, 0.0, "the texts have changed"),
        ({}, {"model_sha256": "b"}, 0.0, "the model's weights, its tokenizer or its pooling have changed"),
        ({}, {}, 1.0, "the checkpoint's table has changed"),
    ],
)
def test_other_work_is_refused(tmp_path, config, other, start, sentence):
    file = saved(tmp_path / "state")
    state = SavedState.read(file)
    mine = state.configuration
    state.require_same(file, mine, identity(), torch.zeros(8, 3))
    changed = configured(**{name: getattr(mine, name) for name in mine.__dataclass_fields__} | config)
    with pytest.raises(ResultsConflictError, match=rf"another calibration \({sentence}\): delete it to start over"):
        state.require_same(file, changed, identity(**other), torch.zeros(8, 3) + start)


@pytest.mark.parametrize("content", [b"", b"no state", {"step": 1}, [1, 2], {"configuration": [], "about": 1}])
def test_a_damaged_state_is_named(tmp_path, content):
    file = tmp_path / "state"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(WorkFailedError, match=r"state is damaged \(.+\): delete it to start over"):
        SavedState.read(file)


def test_tensors_of_another_shape_are_damage(tmp_path):
    file = saved(tmp_path / "state", table={"shift": torch.zeros(5), "rows": torch.zeros(6, 3)})
    with pytest.raises(WorkFailedError, match=r"is damaged \(RuntimeError\)"):
        trainer_of().restore(file)
