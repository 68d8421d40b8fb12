"""Units that are stopped, killed, damaged or diverge."""

import pytest
import torch

from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.lab.model import LabModel
from posembed.lab.train import run_unit
from posembed.lab.trainer import Trainer
from posembed.storage import read_sealed_json
from posembed.torch_state import unchecked


@pytest.fixture
def stop_at(monkeypatch):
    """Makes a ``should_stop`` that says yes once that many steps were made in all."""
    done = [0]
    update = Trainer.update

    def counted(trainer):
        loss = update(trainer)
        done[0] = trainer.step
        return loss

    monkeypatch.setattr(Trainer, "update", counted)
    return lambda step: lambda: done[0] >= step


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """A unit that was never stopped, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return run_unit(config(), folder), folder


def table(folder):
    return (folder / "table.safetensors").read_bytes()


@pytest.mark.parametrize("step", range(1, 13))
def test_stopped_at_any_step_the_numbers_are_the_same(config, whole, tmp_path, untimed, stop_at, step):
    with pytest.raises(WorkInterruptedError, match=f"stopped at step {step} of 12; the work so far is saved"):
        run_unit(config(), tmp_path, should_stop=stop_at(step))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    steps = []
    result = run_unit(config(), tmp_path, report=lambda message: steps.append(message.step))
    assert steps[0] > step or step == 12  # it went on, and did not begin again
    assert untimed(result.to_dict()) == untimed(whole[0].to_dict())
    assert table(tmp_path) == table(whole[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "table.safetensors"]


def test_stopped_after_every_step(config, whole, tmp_path, untimed, stop_at):
    for step in range(1, 13):
        with pytest.raises(WorkInterruptedError):
            run_unit(config(), tmp_path, should_stop=stop_at(step))
    assert untimed(run_unit(config(), tmp_path).to_dict()) == untimed(whole[0].to_dict())


def test_every_weight_and_moment_is_restored(config, corpus, tmp_path, stop_at):
    def make():
        return Trainer(config(), corpus, LabModel(config(), corpus.vocab_size))

    file = tmp_path / "checkpoint.pt"
    straight, first, second = make(), make(), make()
    straight.train(file, lambda _: None, lambda: False, 1e9)
    assert not file.exists()
    with pytest.raises(WorkInterruptedError):
        first.train(file, lambda _: None, stop_at(5), 1e9)
    second.restore(file)
    assert second.step == 5
    second.train(file, lambda _: None, lambda: False, 1e9)
    for name, value in straight.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], value)
    for key, state in straight.optimizer.state_dict()["state"].items():
        for name, value in state.items():
            assert torch.equal(
                torch.as_tensor(second.optimizer.state_dict()["state"][key][name]), torch.as_tensor(value)
            )
    assert second.curve == straight.curve


def test_a_unit_that_dies_goes_on_from_its_last_save(config, whole, tmp_path, untimed, monkeypatch):
    update = Trainer.update

    def dies(trainer):
        if trainer.step == 7:
            raise RuntimeError("power cut")
        return update(trainer)

    monkeypatch.setattr(Trainer, "update", dies)
    with pytest.raises(RuntimeError, match="power cut"):
        run_unit(config(), tmp_path, save_seconds=0.0)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["step"] == 4  # the last look before it
    monkeypatch.setattr(Trainer, "update", update)
    assert untimed(run_unit(config(), tmp_path).to_dict()) == untimed(whole[0].to_dict())


@pytest.mark.parametrize("damage", [slice(0, 0), slice(0, 9000), slice(9000, None)])
def test_a_damaged_checkpoint(config, whole, tmp_path, untimed, stop_at, damage):
    with pytest.raises(WorkInterruptedError):
        run_unit(config(), tmp_path, should_stop=stop_at(5))
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(file.read_bytes()[damage])
    with pytest.raises(WorkFailedError, match=r"checkpoint.pt is damaged \(it.+\); delete .*pt to train this unit"):
        run_unit(config(), tmp_path)
    file.unlink()
    assert untimed(run_unit(config(), tmp_path).to_dict()) == untimed(whole[0].to_dict())


@pytest.mark.parametrize("damage", [b"", b"not a state", None])
def test_a_damaged_checkpoint_leads_to_the_one_before(config, whole, tmp_path, untimed, stop_at, damage):
    for step in (4, 9):
        with pytest.raises(WorkInterruptedError):
            run_unit(config(), tmp_path, should_stop=stop_at(step))
    file = tmp_path / "checkpoint.pt"
    if damage is None:  # one bit in the middle, which torch.load does not notice
        damage = bytearray(file.read_bytes())
        damage[len(damage) // 2] ^= 4
    file.write_bytes(damage)
    told = []
    result = run_unit(config(), tmp_path, report=told.append)
    assert untimed(result.to_dict()) == untimed(whole[0].to_dict())
    assert table(tmp_path) == table(whole[1])
    (warning,) = [each for each in told if each.phase == "warning"]
    assert warning.message.startswith(f"{file} is damaged (")
    assert f"): resuming from {file}.previous, saved at step 4; " in warning.message
    assert warning.step == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "table.safetensors"]


def test_a_checkpoint_without_a_checksum_is_resumed_and_said(config, whole, tmp_path, untimed, stop_at):
    with pytest.raises(WorkInterruptedError):
        run_unit(config(), tmp_path, should_stop=stop_at(5))
    file = tmp_path / "checkpoint.pt"
    state = torch.load(file, weights_only=True)
    del state["sealed"]
    torch.save(state, file)  # as version 0.2 did
    told = []
    assert untimed(run_unit(config(), tmp_path, report=told.append).to_dict()) == untimed(whole[0].to_dict())
    assert [each.message for each in told if each.phase == "warning"] == [unchecked(file)]


@pytest.mark.parametrize("changed", [{"step": 13}, {"step": "5"}, {"rates": [None]}, {"model": {}}, {"curve": [{}]}])
def test_what_no_training_leaves_is_damage(config, tmp_path, stop_at, changed):
    with pytest.raises(WorkInterruptedError):
        run_unit(config(), tmp_path, should_stop=stop_at(5))
    file = tmp_path / "checkpoint.pt"
    state = torch.load(file, weights_only=True) | changed
    del state["sealed"]
    torch.save(state, file)
    with pytest.raises(WorkFailedError, match=r"checkpoint.pt is damaged \(.+\); delete .*checkpoint.pt to train"):
        run_unit(config(), tmp_path)


def test_a_checkpoint_of_another_configuration(config, tmp_path, stop_at):
    with pytest.raises(WorkInterruptedError):
        run_unit(config(), tmp_path, should_stop=stop_at(5))
    with pytest.raises(ResultsConflictError, match=r"another configuration \(learning_rate: 0.001 there, 0.002 here\)"):
        run_unit(config(learning_rate=2e-3), tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        # the weights break at the first update; who sees it first: the next loss, the curve, the last evaluation
        ({"evaluations": 0}, "the loss became nan at step 2 of 12"),
        ({"evaluations": 1}, "the loss became nan at step 2 of 12"),
        ({"evaluations": 12}, "the loss of held-out tokens became non-finite at step 1 of 12"),
        ({"steps": 1, "evaluations": 1}, "the loss of held-out tokens became non-finite at step 1 of 1"),
        ({"steps": 1, "evaluations": 0}, "the loss of held-out tokens became non-finite at step 1 of 1"),
    ],
)
@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_a_loss_that_is_not_finite(config, tmp_path, kind, settings, message):
    result = run_unit(config(model=kind, learning_rate=1e30, **settings), tmp_path)
    assert (result.status, result.message) == ("non-finite", message)
    assert (result.in_range, result.beyond, result.flexibility) == (None, (), None)
    assert read_sealed_json(tmp_path / "result.json") == result.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
