"""The saved state: read as it was written, also by 0.1; refused where it belongs to other work or is damaged."""

import struct

import pytest
import torch

from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.observer import SILENT, Callbacks
from posembed.quality.calibrate.state import SavedState
from posembed.records.calibration import CurvePoint, RequestedSizes, TimeBudget
from tests.fixtures.calibrations import configured, identity
from tests.quality.calibrate.test_trainer import restored, trainer_of

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
    restored(trainer, saved(tmp_path / "state"))
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
        "configuration", "about", "start", "step", "seconds", "table", "best", "optimizer", "curve", "recent", "sealed",
    ]  # fmt: skip
    later = {
        "hidden": 1.0,
        "knots": 0,
        "asked": 0.0,
    }  # fields that were added: their defaults are what the first version did
    assert list(plain["configuration"].items()) == list((CONFIGURATION | later).items())
    assert plain["about"] == ABOUT
    assert plain["curve"] == [{"step": 0, "train": None, "validation": 2.0}]
    assert (plain["step"], plain["seconds"], plain["recent"]) == (0, 0.0, [])
    assert list(plain["table"]) == list(plain["best"]) == ["shift", "rows"]


def test_the_time_budget_is_kept_with_it(tmp_path):
    timed = ABOUT | {"timed": {"minutes": 2.0, "steps": 30}}
    state = SavedState.read(saved(tmp_path / "state", about=timed)).value
    assert state.identity.timed == TimeBudget(2.0, 30)
    assert state.identity.asked == RequestedSizes(128, 32, None)
    assert state.identity.to_dict() == timed
    assert SavedState.read(saved(tmp_path / "state")).value.identity.timed is None


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
    state = SavedState.read(file).value
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
    with pytest.raises(WorkFailedError, match=r"state is damaged \(.+\), so .* cannot be resumed: delete .*state to"):
        SavedState.read(file)


def test_tensors_of_another_shape_are_damage(tmp_path):
    file = saved(tmp_path / "state", table={"shift": torch.zeros(5), "rows": torch.zeros(6, 3)})
    with pytest.raises(WorkFailedError, match=r"is damaged \(its tables differ in shape\)"):
        SavedState.read(file)
    wide = {"shift": torch.zeros(5), "rows": torch.zeros(6, 5)}
    file = saved(tmp_path / "state", table=wide, best=wide)
    with pytest.raises(WorkFailedError, match=r"is damaged \(its tables have the shapes .*\), so .*delete .*state to"):
        restored(trainer_of(), file)


def flipped(file, bit):
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def saved_twice(path, *, step=12, earlier=5):
    """A state saved at two steps."""
    trainer = trainer_of()
    for stop in (earlier, step):
        with pytest.raises(WorkInterruptedError):
            trainer.train(path, Callbacks(should_stop=lambda stop=stop: trainer.step == stop))
    return path


def test_a_flipped_bit_leads_to_the_state_before(tmp_path):
    file = saved_twice(tmp_path / "state")
    assert SavedState.read(file).value.step == 12
    flipped(file, 8 * 1000)
    found = SavedState.read(file)
    assert (found.value.step, found.path) == (5, tmp_path / "state.previous")
    assert found.warning == (
        f"{file} is damaged (its checksum differs): resuming from {file}.previous, saved at step 5; 7 steps are done "
        "again"
    )


def test_resumed_from_the_state_before_the_rows_are_the_same(tmp_path):
    whole = trainer_of()
    whole.train(tmp_path / "whole", SILENT)
    file = saved_twice(tmp_path / "state")
    file.write_bytes(b"")
    resumed = trainer_of()
    restored(resumed, file)
    assert resumed.step == 5
    resumed.train(file, SILENT)
    assert torch.equal(resumed.table(), whole.table())
    assert resumed.curve == whole.curve


def test_the_good_state_survives_a_save_over_the_damaged_one(tmp_path):
    """The next save must not put the damaged state in the place of the good one."""
    file = saved_twice(tmp_path / "state")
    good = (tmp_path / "state.previous").read_bytes()
    flipped(file, 8 * 1000)
    resumed = trainer_of()
    restored(resumed, file)
    resumed.save(file)
    assert (tmp_path / "state.previous").read_bytes() == good
    assert SavedState.read(file).value.step == 5


def test_a_state_without_a_checksum_is_checked_entry_by_entry(tmp_path):
    file = saved(tmp_path / "state")
    assert not SavedState.read(file).sealed
    whole = file.read_bytes()
    bit = 8 * whole.index(struct.pack("<f", 0.25) * 3)
    flipped(file, bit)
    assert torch.load(file, weights_only=True)["table"]["shift"].tolist() != [0.25] * 3  # PyTorch does not notice
    with pytest.raises(WorkFailedError, match=r"is damaged \(the checksum of its entry '.*/data/\d' differs\)"):
        SavedState.read(file)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"step": 41}, "it was saved at step 41 of 40"),
        ({"step": "7"}, "it was saved at step '7' of 40"),
        ({"recent": [None]}, "its seconds or losses are not numbers"),
        ({"step": 4}, "it has evaluations after its last step"),
    ],
)
def test_what_no_training_leaves_is_damage(tmp_path, changed, fault):
    with pytest.raises(WorkFailedError, match=f"is damaged .{fault}"):
        SavedState.read(saved(tmp_path / "state", **changed))
