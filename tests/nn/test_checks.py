import os
import subprocess
import sys

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding, check_positions
from posembed.nn.checks import check_ids, check_position_values, readable_values, require_count, require_integers


class OnAccelerator(torch.Tensor):
    """CPU values that say they are on a GPU: what the checks decide by can be seen without one."""

    @property
    def device(self) -> torch.device:
        return torch.device("cuda")


def readable(tensor) -> bool:
    return readable_values(tensor) is not None


def on_accelerator(*values: int) -> torch.Tensor:
    return torch.tensor(values).as_subclass(OnAccelerator)


def test_values_are_read_on_the_cpu_whatever_the_switch_says():
    with check_positions(False):
        assert readable(torch.tensor([1]))
    with check_positions():
        assert readable(torch.tensor([1]))


def test_values_are_read_on_an_accelerator_only_when_switched_on():
    ids = on_accelerator(1)
    assert ids.device.type == "cuda"
    assert not readable(ids)
    with check_positions():
        assert readable(ids)
        with check_positions(False):
            assert not readable(ids)
        assert readable(ids)
    assert not readable(ids)


def test_the_switch_goes_back_after_an_error():
    with pytest.raises(KeyError), check_positions():
        raise KeyError
    assert not readable(on_accelerator(1))


def test_the_switch_finds_the_fault():
    ids = on_accelerator(3, 99)
    check_position_values(ids, 10, 2)  # not looked at
    check_ids("input_ids", ids, 10, "no other rows")
    with check_positions():
        check_position_values(on_accelerator(3, 7), 10, 2)
        with pytest.raises(PositionOutOfRangeError, match="position 99 has no row: the table has 10 rows, 2 of them"):
            check_position_values(ids, 10, 2)
        with pytest.raises(PositionOutOfRangeError, match="input_ids contains 99, but allowed are 0 to 9"):
            check_ids("input_ids", ids, 10, "no other rows")


@pytest.mark.parametrize("switched_on", [False, True])
def test_what_has_no_values_is_never_read(switched_on):
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(torch.tensor([1]))
    seen = []
    with check_positions(switched_on):
        assert not readable(torch.tensor([1], device="meta"))
        assert not readable(torch.tensor([], dtype=torch.long))
        assert not readable(fake)
        torch.func.functionalize(lambda x: seen.append(readable(x)) or x)(torch.tensor([1, 2]))
    assert seen == [False]


def test_values_are_read_below_the_wrappers_of_transforms():
    seen = []
    values = torch.tensor([[1, 2], [3, 4]])
    torch.vmap(lambda x: seen.append(readable_values(x)) or x)(values)
    torch.vmap(torch.vmap(lambda x: seen.append(readable_values(x)) or x))(values)
    torch.func.grad(lambda w, x: seen.append(readable_values(x)) or w)(torch.tensor(1.0), values)
    assert len(seen) == 3
    assert all(torch.equal(each, values) for each in seen)


def test_reading_anywhere():
    assert readable_values(on_accelerator(1)) is None
    assert readable_values(on_accelerator(1), anywhere=True) is not None
    assert readable_values(torch.tensor([1], device="meta"), anywhere=True) is None


def test_the_environment_variable():
    # One process for all values: importing torch is what takes the time.
    program = """
import importlib, os, torch
import posembed.nn.checks as checks
class OnAccelerator(torch.Tensor):
    device = torch.device("cuda")
for value in (None, "0", "", "yes"):
    if value is not None:
        os.environ["POSEMBED_CHECK_POSITIONS"] = value
        importlib.reload(checks)
    try:
        checks.check_position_values(torch.tensor([9]).as_subclass(OnAccelerator), 4, 0)
    except IndexError as error:
        print(value, type(error).__name__)
    else:
        print(value, "not looked at")
"""
    environment = os.environ | {"POSEMBED_CHECK_POSITIONS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=500, check=True
    )
    found = "PositionOutOfRangeError"
    assert done.stdout.splitlines() == [f"None {found}", "0 not looked at", " not looked at", f"yes {found}"]


def test_vmap_over_samples():
    embed = TokenPositionEmbedding(20, 8, 4, reserved=2, position_padding_idx=1)
    ids, mask = torch.randint(0, 20, (3, 5)), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
    one_by_one = torch.vmap(lambda i, m: embed(i[None], attention_mask=m[None])[0])(ids, mask)
    assert torch.equal(one_by_one, embed(ids, attention_mask=mask))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, InvalidArgumentError, "n=0 must be at least 1"),
        (-3, InvalidArgumentError, "n=-3 must be at least 1"),
        (2.0, ArgumentTypeError, "n must be a Python int, got float$"),
        ("2", ArgumentTypeError, "n must be a Python int, got str$"),
        (None, ArgumentTypeError, "got NoneType"),
        (True, ArgumentTypeError, "got bool"),
        (torch.tensor(2), ArgumentTypeError, "got Tensor: reading a tensor would make the host wait for the device"),
    ],
)
def test_what_is_no_count(value, error, message):
    with pytest.raises(error, match=message):
        require_count("n", value, minimum=1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64])
def test_ids_must_be_integers(dtype):
    with pytest.raises(ArgumentTypeError, match=rf"ids has dtype {dtype}; ids must be integers .* with .long\(\)"):
        require_integers("ids", torch.ones(2).to(dtype))


def test_ids_must_be_tensors():
    with pytest.raises(ArgumentTypeError, match="ids must be an integer tensor, got list"):
        require_integers("ids", [1, 2])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_every_integer_dtype_is_checked_and_looked_up(dtype):
    pe = LearnedPositionalEmbedding(6, 4, reserved=1)
    assert torch.equal(pe(torch.tensor([0, 5]).to(dtype)), pe.weight[[1, 6]])
    with pytest.raises(PositionOutOfRangeError, match="position 6 has no row"):
        pe(torch.tensor([0, 6]).to(dtype))
    embed = TokenPositionEmbedding(6, 4, 4, type_vocab_size=2)
    ids, types = torch.tensor([[1, 5]]), torch.tensor([[1, 0]])
    assert torch.equal(embed(ids.to(dtype), token_type_ids=types.to(dtype)), embed(ids, token_type_ids=types))


@pytest.mark.parametrize(("low", "message"), [(-1, "position -1 is negative: .* need 2 subtracted"), (-9, "-9 is neg")])
def test_negative_positions(low, message):
    with pytest.raises(PositionOutOfRangeError, match=message):
        check_position_values(torch.tensor([[0, low]]), 10, 2)


@pytest.mark.parametrize(("value", "said"), [(-1, "-1"), (6, "6")])
def test_ids_outside_their_table(value, said):
    with pytest.raises(PositionOutOfRangeError, match=rf"input_ids contains {said}, but allowed are 0 to 5: the token"):
        TokenPositionEmbedding(6, 4, 4)(torch.tensor([[0, value]]))
