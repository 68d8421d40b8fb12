"""The operator in compilers, exporters, autocast, DDP and FSDP2. On the CPU it runs the reference."""

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.export import Dim, export
from torch.nn.parallel import DistributedDataParallel

from posembed.nn import TokenPositionEmbedding
from posembed.nn.kernels import operator, reference
from tests.nn.kernels.kernel_inputs import SHAPES, WAYS, dropout, make, tables, with_tables

IDS = torch.tensor([[1, 2, 3], [4, 2, 2]])
POSITIONS = torch.tensor([[0, 5, 0]])


@pytest.fixture(autouse=True)
def anywhere(monkeypatch):
    """Let ``backend="triton"`` take the operator on the CPU, whose kernel there is the reference."""
    monkeypatch.setattr("posembed.nn.kernels.choose.why_not_triton", lambda *_: "")
    torch._dynamo.reset()


def build(**arguments):
    torch.manual_seed(1)
    shape = {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "init_std": 1.0, "reserved": 1, "dtype": torch.float64}
    return TokenPositionEmbedding(7, 8, 6, **{"backend": "triton", **shape, **arguments})


def step(embed, call, **options):
    """The output, and the gradients of the parameters."""
    output = call(IDS, **options)
    embed.zero_grad()
    (output * torch.arange(1, 7)).square().sum().backward()
    return [output, *(parameter.grad for parameter in embed.parameters())]


def require_same(got, expected):
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def expected_step(**options):
    embed = build(backend="cpu")
    return step(embed, embed, **options)


@pytest.mark.parametrize(("way", "changes"), [("consecutive", dropout()), ("explicit", {"weight": None, "bias": None})])
def test_the_checks_of_pytorch(way, changes):
    inputs = make((2, 3, 5), way, torch.float64, **changes)
    values = {name: table.requires_grad_() for name, table in tables(inputs).items()}
    torch.library.opcheck(operator._forward, tuple(with_tables(inputs, values)))


@pytest.mark.parametrize("way", WAYS)
def test_gradients(way):
    for shape in SHAPES:
        inputs = make(shape, way, torch.float64, **dropout())
        values = {name: table.requires_grad_() for name, table in tables(inputs).items()}
        got, expected = operator.fused_embedding(inputs), reference.forward(inputs)
        cotangent = torch.randn_like(got)
        require_same([got], [expected])
        require_same(*(torch.autograd.grad(each, list(values.values()), cotangent) for each in (got, expected)))


def test_finite_differences_of_both_orders():
    inputs = make((2, 2, 3), "one row", torch.float64, vocab=3, rows=4, token_padding=-1, position_padding=-1)
    values = {name: table.requires_grad_() for name, table in tables(inputs).items()}

    def embed(*changed):
        return operator.fused_embedding(with_tables(inputs, dict(zip(values, changed, strict=True))))

    assert torch.autograd.gradcheck(embed, list(values.values()))
    assert torch.autograd.gradgradcheck(embed, list(values.values()))


def test_frozen_tables_get_no_gradient():
    embed = build()
    embed.token.weight.requires_grad_(False)
    embed.norm.bias.requires_grad_(False)
    embed(IDS).sum().backward()
    assert {name for name, parameter in embed.named_parameters() if parameter.grad is not None} == {
        "position.weight",
        "segment.weight",
        "norm.weight",
    }


@pytest.mark.parametrize("options", [{}, {"position_ids": POSITIONS}, {"start": 4, "token_type_ids": IDS % 2}])
def test_compiled_in_one_graph(options):
    embed = build()
    compiled = torch.compile(embed, backend="aot_eager", fullgraph=True)
    require_same(step(embed, compiled, **options), expected_step(**options))


def test_a_compiled_graph_draws_another_mask_at_each_call():
    embed = build(dropout=0.5)
    compiled = torch.compile(embed, backend="aot_eager", fullgraph=True)
    first, second = compiled(IDS), compiled(IDS)
    assert not torch.equal(first == 0, second == 0)
    torch.manual_seed(4)
    third = compiled(IDS)
    torch.manual_seed(4)
    assert torch.equal(third, compiled(IDS))


@pytest.mark.parametrize("strict", [False, True])
def test_exported_as_one_call(strict):
    embed = build()
    sizes = {"input_ids": {0: Dim.AUTO, 1: Dim.AUTO}}
    program = export(embed, (IDS,), dynamic_shapes=sizes, strict=strict)
    targets = [node.target for node in program.graph.nodes if node.op == "call_function"]
    assert torch.ops.posembed.fused_embedding.default in targets
    assert torch.ops.aten.embedding.default not in targets
    for ids in (IDS, torch.tensor([[0, 1, 2, 3, 4]] * 3)):
        torch.testing.assert_close(program.module()(ids), build(backend="cpu")(ids))


def test_autocast_does_not_change_float32_tables():
    embed = build(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = embed(IDS)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, build(backend="cpu", dtype=torch.float32)(IDS))


@pytest.fixture
def one_process(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_distributed_data_parallel(one_process):
    embed = build()
    require_same(
        step(embed, DistributedDataParallel(embed), position_ids=POSITIONS), expected_step(position_ids=POSITIONS)
    )


def test_fully_sharded(one_process):
    embed = fully_shard(build(), mesh=init_device_mesh("cpu", (1,)))
    output, *gradients = step(embed, embed, position_ids=POSITIONS)
    require_same([output, *(each.full_tensor() for each in gradients)], expected_step(position_ids=POSITIONS))
