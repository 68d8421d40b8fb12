import copy
import dataclasses
import pickle

import pytest
import torch

from posembed.errors import InvalidArgumentError, PositionOutOfRangeError
from posembed.lab.config import UnitConfig
from posembed.lab.encodings import ENCODINGS as STRATEGIES
from posembed.lab.model import LabModel
from posembed.nn import sinusoidal_rows
from posembed.records.compare import ENCODINGS

TRAINABLE = {name for name, each in STRATEGIES.items() if each.trainable}
SMALL = UnitConfig(train_length=24, d_model=24, layers=2, heads=3)  # three heads: no power of two for ALiBi


def model(encoding, kind="decoder", **changes):
    config = dataclasses.replace(SMALL, encoding=encoding, model=kind, **changes)
    return LabModel(config, vocab_size=30)


def lively(encoding, kind="decoder", **changes):
    """A model with weights large enough that every part shows in the output."""
    made = model(encoding, kind, **changes)
    with torch.no_grad():
        for parameter in made.blocks.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8)
        made.embed.token.weight.mul_(30)
    return made


IDS = torch.randint(0, 30, (3, 24), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_all_other_weights_start_alike(kind):
    reference = dict(model("none", kind).named_parameters())
    for encoding in ENCODINGS:
        own = dict(model(encoding, kind).named_parameters())
        extra = {"embed.position.weight"} if encoding in TRAINABLE else set()
        assert set(own) == set(reference) | extra
        for name, parameter in reference.items():
            assert torch.equal(own[name], parameter), (encoding, name)


def test_the_initial_weights_are_those_of_the_seed():
    first, again, other = model("learned"), model("learned"), model("learned", seed=1)
    torch.manual_seed(7)
    for name, parameter in model("learned").named_parameters():
        assert torch.equal(parameter, first.get_parameter(name))
        assert torch.equal(parameter, again.get_parameter(name))
        if parameter.dim() > 1:
            assert not torch.equal(parameter, other.get_parameter(name))
    matrices = [p.flatten()[:9].tolist() for p in first.parameters() if p.dim() > 1]
    assert len({tuple(values) for values in matrices}) == len(matrices)  # no two share a draw


def test_initial_scales():
    large = LabModel(UnitConfig(d_model=128, heads=4, layers=2), vocab_size=300)
    for name, parameter in large.named_parameters():
        if parameter.dim() == 1:
            is_scale = "norm" in name and name.endswith("weight")
            assert (parameter == (1.0 if is_scale else 0.0)).all(), name
        else:
            residual = name.endswith((".out.weight", ".down.weight"))
            assert parameter.std().item() == pytest.approx(0.01 if residual else 0.02, rel=0.05), name


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_decoder_does_not_see_the_future(encoding):
    made = lively(encoding)
    changed = IDS.clone()
    changed[:, 15:] = (changed[:, 15:] + 7) % 30
    with torch.no_grad():
        before, after = made(IDS), made(changed)
    assert torch.equal(before[:, :15], after[:, :15])
    assert (before[:, 15:] - after[:, 15:]).abs().amax(dim=-1).min() > 1e-3


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoder_sees_both_sides(encoding):
    made = lively(encoding, "encoder")
    for place in (0, 23):
        changed = IDS.clone()
        changed[:, place] = (changed[:, place] + 7) % 30
        with torch.no_grad():
            assert (made(IDS) - made(changed)).abs().amax(dim=-1).min() > 1e-5


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_only_an_encoder_without_positions_ignores_order(encoding):
    made = lively(encoding, "encoder")
    order = torch.randperm(24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        difference = (made(IDS[:, order]) - made(IDS)[:, order]).abs().max().item()
    if encoding == "none":
        assert difference < 1e-5
    else:
        assert difference > 1e-3


@pytest.mark.parametrize("share", [0.0, 0.15, 1.0])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_logits_of_some_positions_alone(encoding, share):
    """Against all logits, of which the same are taken: values and every gradient."""
    whole, some = lively(encoding, "encoder"), lively(encoding, "encoder")
    only = torch.rand(IDS.shape, generator=torch.Generator().manual_seed(2)) < share
    expected, found = whole(IDS)[only], some(IDS, only.flatten().nonzero()[:, 0])
    assert found.shape == (int(only.sum()), expected.shape[1])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))
    for logits in (expected, found):
        (logits * weight).sum().backward()
    for name, parameter in some.named_parameters():
        torch.testing.assert_close(parameter.grad, whole.get_parameter(name).grad, rtol=1e-4, atol=1e-5)


def test_learned_from_sinusoid_starts_as_the_sinusoid():
    trainable, fixed = model("learned-from-sinusoid"), model("sinusoidal")
    rows = sinusoidal_rows(torch.arange(24), 24) * 0.02 * 2**0.5
    torch.testing.assert_close(trainable.table.double(), rows, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(fixed.embed.position(24).double(), rows, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(trainable(IDS), fixed(IDS))
    assert trainable.table.requires_grad
    assert rows.square().mean().sqrt().item() == pytest.approx(0.02, rel=1e-6)
    wide = model("sinusoidal", sinusoid_rms=0.5).embed.position(torch.tensor([[3, 30]]))
    torch.testing.assert_close(wide.double()[0], sinusoidal_rows(torch.tensor([3, 30]), 24) * 0.5 * 2**0.5)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_set_table_is_the_one_that_is_read(encoding):
    made = lively(encoding)
    longer = torch.cat((IDS, IDS), dim=1)
    if encoding not in TRAINABLE:
        assert made.table is None
        with pytest.raises(InvalidArgumentError, match=f"encoding '{encoding}' has no trainable table to replace"):
            made.set_table(torch.zeros(48, 24))
        assert made(longer).shape == (3, 48, 30)  # has a value for every position
        return
    with torch.no_grad():
        before = made(IDS)
        with pytest.raises(PositionOutOfRangeError, match="position 47 has no row: the table has 24 rows"):
            made(longer)
        table = torch.cat((made.table, made.table.flip(0)))
        made.set_table(table)
        after = made(longer)
        assert made.table.shape == (48, 24)
        assert torch.equal(made.table, table)
        assert made.table is not table
        torch.testing.assert_close(after[:, :24], before)
        made.table[24:] += torch.randn(24, 24)
        assert (made(longer)[:, 24:] - after[:, 24:]).abs().max() > 1e-2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cost_counts_what_is_there(encoding):
    config = dataclasses.replace(SMALL, encoding=encoding)
    cost = STRATEGIES[encoding].cost(config)
    with_it, without = LabModel(config, 30), LabModel(dataclasses.replace(config, encoding="none"), 30)
    extra = sum(p.numel() for p in with_it.parameters()) - sum(p.numel() for p in without.parameters())
    assert cost.parameters == extra == (24 * 24 if encoding in TRAINABLE else 0)
    assert cost.parameter_bytes == 4 * extra
    fixed = {"sinusoidal": 24 * 24, "rope": 2 * 24 * 8, "alibi": 3 * 24 * 24}
    assert cost.fixed_bytes == 4 * fixed.get(encoding, 0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_model_that_was_evaluated_first_can_be_trained_copied_and_stored(encoding):
    """Attention keeps tables between calls."""
    evaluated, fresh = model(encoding), model(encoding)
    with torch.inference_mode():
        evaluated(IDS)
    copies = [evaluated, copy.deepcopy(evaluated), pickle.loads(pickle.dumps(evaluated))]
    expected = torch.autograd.grad(fresh(IDS).square().sum(), list(fresh.parameters()))
    for each in copies:
        got = torch.autograd.grad(each(IDS).square().sum(), list(each.parameters()))
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(got, expected, strict=True))
