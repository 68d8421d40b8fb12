"""Training states on disk: sealed, loadable by PyTorch, and checked as far as possible where they have no checksum."""

import pytest
import torch

from posembed.errors import ResultsConflictError
from posembed.generations import DamagedError, previous
from posembed.torch_state import load_optimizer, load_state, save_state, unchecked

PLAIN = {"step": 3, "weights": torch.arange(40.0), "losses": [1.5, 2.5]}


def test_a_state_is_read_as_it_was_written(tmp_path):
    save_state(tmp_path / "state", PLAIN, 3)
    found = load_state(tmp_path / "state", dict)
    assert (found.sealed, found.warning) == (True, "")
    assert torch.equal(found.value["weights"], PLAIN["weights"])
    assert torch.load(tmp_path / "state", weights_only=True)["losses"] == [1.5, 2.5]  # the seal is not in the way


def test_no_flipped_bit_changes_what_is_read(tmp_path):
    """Every tenth bit of the whole file, and every bit of the seal."""
    file = tmp_path / "state"
    save_state(file, PLAIN, 3)
    whole = file.read_bytes()
    last = 8 * len(whole)
    for bit in sorted({*range(0, last, 97), *range(last - 8 * 120, last)}):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        with pytest.raises(DamagedError):
            load_state(file, dict)


def test_a_state_without_a_seal_is_one_of_an_older_version(tmp_path):
    torch.save(PLAIN, tmp_path / "state")
    found = load_state(tmp_path / "state", lambda plain: plain["step"])
    assert (found.value, found.sealed) == (3, False)
    assert unchecked(tmp_path / "state").startswith(f"{tmp_path / 'state'} was written by posembed 0.2 or older")
    torch.save({**PLAIN, "sealed": True}, tmp_path / "state")  # somebody saved one of this version again
    with pytest.raises(DamagedError, match="its checksum is missing"):
        load_state(tmp_path / "state", dict)


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (lambda plain: plain["stop"], "it has no entry 'stop'"),
        (lambda plain: int(plain["losses"]), "TypeError"),
        (lambda plain: torch.zeros(2).copy_(plain["weights"]), "RuntimeError"),
        (lambda _: float("one"), "could not convert string to float"),
    ],
)
def test_wrong_content_is_damage(tmp_path, read, fault):
    save_state(tmp_path / "state", PLAIN, 3)
    with pytest.raises(DamagedError, match=fault):
        load_state(tmp_path / "state", read)


def test_content_of_another_kind_is_damage(tmp_path):
    torch.save([1], tmp_path / "state")
    with pytest.raises(DamagedError, match="it holds a list"):
        load_state(tmp_path / "state", dict)


def test_other_work_is_not_damage(tmp_path):
    """The state before it would be of that other work too."""
    save_state(tmp_path / "state", PLAIN, 1)
    save_state(tmp_path / "state", PLAIN, 3)
    assert previous(tmp_path / "state").exists()

    def refuse(_):
        raise ResultsConflictError("seed: 0 there, 1 here")

    with pytest.raises(ResultsConflictError, match="seed: 0 there"):
        load_state(tmp_path / "state", refuse)


def test_moments_of_another_shape_are_refused():
    """PyTorch loads them, and fails at the next step or broadcasts."""
    one, other = (torch.nn.Parameter(torch.zeros(size)) for size in (3, 4))
    trained, fresh = torch.optim.Adam([one]), torch.optim.Adam([other])
    one.sum().backward()
    trained.step()
    with pytest.raises(DamagedError, match=r"the optimizer's exp_avg is \[3\], not \[4\]"):
        load_optimizer(fresh, trained.state_dict())
