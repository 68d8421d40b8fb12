"""TokenPositionEmbedding on several processes: what it refuses, and parity with one process, by gloo on the CPU."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate
from torch.distributed.tensor.parallel import parallelize_module

from benchmarks import parallel_parity
from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding
from posembed.nn.parallel import tensor_parallel_plan

IDS = torch.tensor([[1, 2, 3], [4, 2, 2]])
FORMS = {
    "DDP",
    "FSDP2, the layer",
    "FSDP2, each part",
    *(
        f"tensor parallel, positions {positions}{sequence}, {given}"
        for positions in ("whole", "columns")
        for sequence in ("", ", sequence")
        for given in ("ids", "types", "start", "mask", "position_ids", "packed", "embeds")
    ),
    *(
        f"context parallel, {order}, {kind}"
        for order in ("consecutive", "zigzag")
        for kind in ("padded", "packed")
    ),
    "zigzag of PyTorch",
    *(f"rows of {form}, drawn again" for form in ("whole", "columns", "fsdp")),
}  # fmt: skip


def require_parity(results):
    assert {name.removesuffix(" (float64)") for name in results} >= FORMS
    wrong = {
        name: value
        for name, value in results.items()
        if not value <= parallel_parity.BOUNDS[torch.float64 if "(float64)" in name else torch.float32]
    }
    assert wrong == {}


def require_loads_alone(folder):
    with pytest.warns(UserWarning, match="load in a single process"):
        assert parallel_parity.difference(parallel_parity.load(folder / "saved")) == 0


def test_two_processes_and_a_checkpoint_of_them_on_one(tmp_path):
    require_parity(parallel_parity.run(2, tmp_path))
    require_loads_alone(tmp_path)


@pytest.mark.slow
def test_four_processes_and_a_checkpoint_of_them_on_two_and_one(tmp_path):
    results = parallel_parity.run(4, tmp_path)
    require_parity(results)
    assert "FSDP2 of tensor parallel (float64)" in results
    assert parallel_parity.run(2, tmp_path, load_only=True) == {"loaded": 0}
    require_loads_alone(tmp_path)


def test_a_difference_is_seen():
    ones = torch.ones(3)
    assert parallel_parity.difference([(ones, ones)]) == 0
    assert parallel_parity.difference([(ones, ones), (ones + 1e-3, ones)]) == pytest.approx(1e-3, rel=1e-3)
    assert parallel_parity.difference([(ones, 0 * ones)]) > 1


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"positions": "rows"}, "positions='rows' must be 'whole' or 'columns'"),
        ({"position": "sinusoidal"}, {"positions": "columns"}, "sinusoids have none"),
        ({"position": "none"}, {"positions": "columns"}, "this layer has none"),
        ({"position": nn.Embedding(8, 6)}, {}, "position is a Embedding; the plan knows LearnedPositionalEmbedding"),
    ],
)
def test_plans_that_cannot_be_made(change, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        tensor_parallel_plan(TokenPositionEmbedding(7, 8, 6, **change), **options)


@pytest.mark.parametrize(
    ("option", "value"), [("max_norm", 1.0), ("scale_grad_by_freq", True), ("sparse", True)]
)  # fmt: skip
def test_tables_that_do_more_than_look_rows_up(option, value):
    for name in ("token", "segment"):
        embed = TokenPositionEmbedding(7, 8, 6, type_vocab_size=2)
        setattr(embed.get_submodule(name), option, value)
        with pytest.raises(InvalidArgumentError, match=f"{name} has max_norm, scale_grad_by_freq or sparse"):
            tensor_parallel_plan(embed)


def test_other_modules():
    with pytest.raises(ArgumentTypeError, match="must be a TokenPositionEmbedding, got LearnedPositionalEmbedding"):
        tensor_parallel_plan(LearnedPositionalEmbedding(8, 6))
    embed = TokenPositionEmbedding(7, 8, 6)
    embed.token = nn.EmbeddingBag(7, 6)
    with pytest.raises(InvalidArgumentError, match=r"token is a EmbeddingBag; only an nn\.Embedding"):
        tensor_parallel_plan(embed)


@pytest.fixture
def mesh(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


def sharded(mesh, **options):
    embed = TokenPositionEmbedding(7, 8, 6, **options)
    return parallelize_module(embed, mesh, tensor_parallel_plan(embed))


def test_dropout_on_processors(mesh):
    with pytest.raises(InvalidArgumentError, match=r"dropout=0\.1 on a mesh of CPUs.*use dropout=0\.0"):
        sharded(mesh, dropout=0.1)


@pytest.mark.parametrize("backend", ["cpu", "reference", "triton"])
def test_backends_that_read_whole_tables(mesh, backend):
    embed = sharded(mesh, backend=backend)
    with pytest.raises(InvalidArgumentError, match=f"backend='{backend}' cannot run here, because"):
        embed(IDS)


def test_inputs_without_a_row(mesh):
    embed = sharded(mesh)
    with pytest.raises(PositionOutOfRangeError, match="input_ids contains 7, but allowed are 0 to 6"):
        embed(IDS + 3)
    with pytest.raises(PositionOutOfRangeError, match="position 8 has no row"):
        embed(IDS, position_ids=IDS + 4)
    with pytest.raises(PositionOutOfRangeError, match="position 8 has no row"):
        embed(IDS, start=6)


def test_inputs_that_are_sharded_themselves(mesh):
    embed = sharded(mesh)
    ids = DTensor.from_local(IDS, mesh, [Replicate()])
    result = embed(ids, position_ids=ids)
    assert type(result) is torch.Tensor
    assert torch.equal(result, embed(IDS, position_ids=IDS))
    assert torch.equal(embed(input_ids=ids), embed(IDS))


def test_frozen_tables(mesh):
    embed = TokenPositionEmbedding(7, 8, 6)
    embed.token.weight.requires_grad_(False)
    parallelize_module(embed, mesh, tensor_parallel_plan(embed))
    embed(IDS).sum().backward()
    assert embed.token.weight.grad is None
    assert embed.position.weight.grad.full_tensor().sum() == 36


def test_the_padding_row_of_positions_that_is_a_position(mesh):
    embed = sharded(mesh, position_padding_idx=2)
    table = embed.position.weight.full_tensor()
    assert torch.equal(embed.position(3, 1).full_tensor(), table[1:4])
    assert torch.equal(embed.position(3).full_tensor(), table[:3])
    with pytest.raises(PositionOutOfRangeError, match="position 8 has no row"):
        embed.position(3, 6)
