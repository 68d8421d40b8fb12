import copy
import pickle

import pytest
import torch

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.layout import TableLayout
from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding
from posembed.nn.learned import consecutive_rows


def test_row_is_reserved_plus_position():
    pe = LearnedPositionalEmbedding(6, 4, reserved=2)
    assert pe.weight.shape == (8, 4)
    assert torch.equal(pe(3), pe.weight[2:5])
    assert torch.equal(pe(3, start=3), pe.weight[5:8])
    assert torch.equal(pe(torch.tensor([[5, 0], [1, 1]])), pe.weight[torch.tensor([[7, 2], [3, 3]])])
    assert torch.equal(pe(torch.tensor(4)), pe.weight[6])


def test_no_rows():
    pe = LearnedPositionalEmbedding(6, 4, reserved=2)
    assert pe(0).shape == (0, 4)
    assert pe(0, start=6).shape == (0, 4)
    assert pe(torch.zeros(2, 0, dtype=torch.long)).shape == (2, 0, 4)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("context", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("padding_idx", [None, 0, 2])
def test_rows_are_a_copy_of_the_table(frozen, context, padding_idx):
    pe = LearnedPositionalEmbedding(6, 4, reserved=1, padding_idx=padding_idx)
    pe.weight.requires_grad_(not frozen)
    before = pe.weight.detach().clone()
    for positions in (3, torch.arange(3)):
        with context():
            rows = pe(positions)
            assert torch.equal(rows, before[1:4])
            rows.mul_(10)
        with torch.no_grad():
            pe(positions).zero_()
            pe(positions).detach().fill_(7)
        assert torch.equal(pe.weight, before)


def test_kept_rows_do_not_follow_a_training_step():
    pe = LearnedPositionalEmbedding(6, 4)
    kept = pe(3)
    before = kept.detach().clone()
    pe(6).sum().backward()
    torch.optim.SGD(pe.parameters(), lr=1.0).step()
    assert torch.equal(kept, before)
    assert not torch.equal(pe(3), before)


def test_only_readers_get_a_view():
    pe = LearnedPositionalEmbedding(6, 4, reserved=2)
    rows = consecutive_rows(pe, 3, 1, as_view=True)
    assert rows.data_ptr() == pe.weight[3:].data_ptr()
    assert torch.equal(rows, pe(3, start=1))


def test_padding_reads_the_padding_row():
    positions, padding = torch.tensor([[0, 1, 0]]), torch.tensor([[False, False, True]])
    with_row = LearnedPositionalEmbedding(6, 4, reserved=2, padding_idx=1)
    assert torch.equal(with_row(positions, padding_mask=padding), with_row.weight[torch.tensor([[2, 3, 1]])])
    without = LearnedPositionalEmbedding(6, 4, reserved=2)
    assert torch.equal(without(positions, padding_mask=padding), without.weight[torch.tensor([[2, 3, 2]])])


@pytest.mark.parametrize("padding", [torch.zeros(3, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.bool)])
def test_a_padding_mask_is_never_broadcast(padding):
    pe = LearnedPositionalEmbedding(6, 4, padding_idx=1)
    with pytest.raises(InvalidArgumentError, match=r"padding_mask has dtype torch.bool and shape .* shape \[1, 3\]"):
        pe(torch.tensor([[0, 1, 2]]), padding_mask=padding)


def test_a_padding_mask_is_bool():
    pe = LearnedPositionalEmbedding(6, 4, padding_idx=1)
    with pytest.raises(InvalidArgumentError, match=r"padding_mask has dtype torch\.int64"):
        pe(torch.tensor([0, 1]), padding_mask=torch.tensor([0, 1]))


@pytest.mark.parametrize("init", ["normal", "truncated_normal"])
@pytest.mark.parametrize("std", [0.02, 1.0])
def test_the_initial_rows(init, std):
    pe = LearnedPositionalEmbedding(512, 256, reserved=2, padding_idx=1, init_std=std, init=init)
    drawn = torch.cat((pe.weight[:1], pe.weight[2:]))
    # Cutting a normal distribution at two standard deviations leaves 0.880 of its standard deviation.
    assert drawn.std().item() == pytest.approx(std * (0.880 if init == "truncated_normal" else 1), rel=0.01)
    assert abs(drawn.mean().item()) < 0.01 * std
    assert (drawn.abs().max().item() <= 2 * std) == (init == "truncated_normal")
    assert pe.weight[1].abs().max() == 0


@pytest.mark.parametrize("init", ["normal", "truncated_normal"])
def test_a_standard_deviation_of_zero(init):
    assert not LearnedPositionalEmbedding(4, 4, init_std=0.0, init=init).weight.any()


def test_drawing_again():
    pe = LearnedPositionalEmbedding(16, 8, padding_idx=3)
    first = pe.weight.detach().clone()
    torch.manual_seed(1)
    pe.reset_parameters()
    second = pe.weight.detach().clone()
    torch.manual_seed(1)
    pe.reset_parameters()
    assert torch.equal(pe.weight, second)
    assert not torch.equal(first, second)
    assert not pe.weight[3].any()


def test_from_meta_to_values():
    torch.manual_seed(1)
    expected = LearnedPositionalEmbedding(16, 8, reserved=2, padding_idx=1)
    pe = LearnedPositionalEmbedding(16, 8, reserved=2, padding_idx=1, device="meta")
    assert pe.weight.is_meta
    pe.to_empty(device="cpu")
    torch.manual_seed(1)
    pe.reset_parameters()
    assert torch.equal(pe.weight, expected.weight)


def test_sizes_follow_a_replaced_table():
    pe = LearnedPositionalEmbedding(6, 4, reserved=2)
    pe.weight = torch.nn.Parameter(torch.ones(12, 4))
    assert (pe.rows, pe.usable_length, pe.max_len, pe.d_model) == (12, 10, 10, 4)
    assert pe.layout == TableLayout(length=10, reserved=2)
    assert pe(10).shape == (10, 4)
    pe.weight.data = torch.ones(3, 4)
    with pytest.raises(PositionOutOfRangeError, match="the table has 3 rows, 2 of them reserved"):
        pe(2)


def test_copies():
    pe = LearnedPositionalEmbedding(6, 4, reserved=2, padding_idx=1, init_std=0.1, init="truncated_normal")
    for copied in (copy.deepcopy(pe), pickle.loads(pickle.dumps(pe))):
        assert torch.equal(copied.weight, pe.weight)
        assert copied.weight.data_ptr() != pe.weight.data_ptr()
        assert (copied.reserved, copied.padding_idx, copied.init_std, copied.init) == (2, 1, 0.1, "truncated_normal")
        assert repr(copied) == repr(pe)
    assert list(pe.state_dict()) == ["weight"]


def test_repr_is_the_call_that_makes_it():
    for text in ("(6, 4)", "(6, 4, reserved=2)", "(6, 4, reserved=2, padding_idx=1)", "(6, 4, padding_idx=0)"):
        text = "LearnedPositionalEmbedding" + text
        assert repr(eval(text)) == text


def test_dtype_and_values():
    pe = LearnedPositionalEmbedding(6, 4, dtype=torch.bfloat16)
    assert pe.weight.dtype == torch.bfloat16
    positions = torch.tensor([0, 5])
    assert pe(positions).dtype == torch.bfloat16
    assert torch.equal(pe(positions), pe.weight[positions])  # the gradient's detour changes no value
    with torch.no_grad():
        assert torch.equal(pe(positions), pe.weight[positions])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"max_len": 0}, InvalidArgumentError, "max_len=0 must be at least 1"),
        ({"max_len": 2.0}, ArgumentTypeError, "max_len must be a Python int, got float"),
        ({"d_model": 0}, InvalidArgumentError, "d_model=0 must be at least 1"),
        ({"d_model": None}, ArgumentTypeError, "d_model must be a Python int"),
        ({"reserved": -1}, InvalidArgumentError, "reserved=-1 must be at least 0"),
        ({"padding_idx": -1}, InvalidArgumentError, "padding_idx=-1 must be at least 0"),
        ({"padding_idx": 8, "reserved": 2}, InvalidArgumentError, "padding_idx=8 .* position table, which has 8 rows"),
        ({"init_std": -0.1}, InvalidArgumentError, "init_std=-0.1 must not be negative"),
        ({"init_std": float("nan")}, InvalidArgumentError, "init_std=nan"),
        ({"init": "uniform"}, InvalidArgumentError, "init='uniform' must be 'normal' or 'truncated_normal'"),
        ({"dtype": torch.int64}, InvalidArgumentError, "dtype=torch.int64 must be a floating-point type"),
    ],
)
def test_what_cannot_be_built(arguments, error, message):
    with pytest.raises(error, match=message):
        LearnedPositionalEmbedding(**({"max_len": 6, "d_model": 4} | arguments))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda pe: pe(-1), InvalidArgumentError, "positions=-1 must be at least 0"),
        (lambda pe: pe(2, start=-1), InvalidArgumentError, "start=-1 must be at least 0"),
        (lambda pe: pe(2.0), ArgumentTypeError, "positions must be a Python int, got float"),
        (lambda pe: pe(True), ArgumentTypeError, "positions must be a Python int, got bool"),
        (lambda pe: pe([0, 1]), ArgumentTypeError, "positions must be a Python int, got list"),
        (lambda pe: pe(2, torch.tensor(1)), ArgumentTypeError, "start must be a Python int, got Tensor: reading"),
        (lambda pe: pe(torch.arange(2), 1), InvalidArgumentError, "start=1 goes with a number of positions"),
        (lambda pe: pe(torch.arange(2), torch.tensor(0)), InvalidArgumentError, "goes with a number of positions"),
        (lambda pe: pe(torch.zeros(2)), ArgumentTypeError, "positions has dtype torch.float32"),
        (lambda pe: pe(2, padding_mask=torch.zeros(2)), ArgumentTypeError, "padding_mask goes with a tensor"),
    ],
)
def test_what_cannot_be_called(call, error, message):
    with pytest.raises(error, match=message):
        call(LearnedPositionalEmbedding(6, 4, padding_idx=1))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(("count", "start", "last"), [(7, 0, 6), (1, 6, 6), (6, 1, 6), (100, 50, 149)])
def test_past_the_end_is_said_before_anything_runs(device, count, start, last):
    pe = LearnedPositionalEmbedding(6, 4, reserved=2, padding_idx=1, device=device)
    message = (
        f"position {last} has no row: the table has 8 rows, 2 of them reserved, so its usable length is 6 "
        r"\(positions 0 to 5\)\. Truncate the input to 6 tokens, .*extend_table .*extend_model .*posembed extend"
    )
    with pytest.raises(PositionOutOfRangeError, match=message):
        pe(count, start=start)
    with pytest.raises(IndexError):  # what code written for nn.Embedding catches
        pe(count, start=start)


def test_from_preset():
    pe = LearnedPositionalEmbedding.from_preset("opt-125m", d_model=8, dtype=torch.bfloat16)
    assert (pe.rows, pe.d_model, pe.reserved, pe.padding_idx, pe.weight.dtype) == (2050, 8, 2, None, torch.bfloat16)


def test_without_gradients_a_slice_is_the_callers_own():
    pe = LearnedPositionalEmbedding(8, 4)
    before = pe.weight.detach().clone()
    with torch.no_grad():
        pe(3).add_(100.0)
    assert torch.equal(pe.weight, before)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("position", ["learned", "sinusoidal"])
def test_jit_trace_sees_a_size_as_a_number_of_positions(position):
    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = TokenPositionEmbedding(20, 8, 4, position=position)

        def forward(self, ids):
            return self.embed(ids) + self.embed.position(ids.shape[1])

    model = Both().eval()
    traced = torch.jit.trace(model, (torch.randint(0, 20, (2, 5)),), check_trace=False)
    other = torch.randint(0, 20, (2, 5))
    torch.testing.assert_close(traced(other), model(other))
    torch.testing.assert_close(model(other), model.embed(other) + model.embed.position(5))
