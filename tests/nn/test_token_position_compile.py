"""The bounds hold inside a compiled and an exported graph, too."""

import shutil

import pytest
import torch
import torch._inductor.config
from torch.export import Dim, export

from posembed.errors import PositionOutOfRangeError
from posembed.nn import TokenPositionEmbedding, check_positions

USABLE = 8
NO_ROW = "position 8 has no row: the table has 10 rows, 2 of them reserved, so its usable length is 8 "
IN_GRAPH = "a position is outside 0 to 7: the table has 10 rows, 2 of them reserved, so its usable length is 8"
BACKENDS = pytest.mark.parametrize("backend", ["eager", "aot_eager"])
FULLGRAPH = pytest.mark.parametrize("fullgraph", [False, True], ids=["graph breaks", "fullgraph"])


@pytest.fixture(autouse=True)
def fresh_compiler():
    torch._dynamo.reset()  # PyTorch stops compiling a function after eight variants


def build(**arguments) -> TokenPositionEmbedding:
    return TokenPositionEmbedding(20, USABLE, 4, reserved=2, init_std=1.0, **arguments)


def ids(seq: int, batch: int = 2) -> torch.Tensor:
    return torch.randint(0, 20, (batch, seq))


WAYS = {
    "default": lambda _: {},
    "start": lambda n: {"start": USABLE - n},
    "one row of position_ids": lambda n: {"position_ids": torch.arange(n).flip(0)},
    "position_ids": lambda n: {"position_ids": torch.arange(n).expand(2, n).contiguous()},
    "mask": lambda n: {"attention_mask": (torch.arange(n) < torch.tensor([[n], [2]])).long()},
    "mask of a cache": lambda n: {"attention_mask": torch.ones(2, USABLE), "start": USABLE - n},
}


@pytest.mark.parametrize("way", WAYS)
def test_compiled_equals_eager_in_one_graph_at_any_length(way):
    embed = build(type_vocab_size=2, layer_norm_eps=1e-5, position_padding_idx=1)
    compiled = torch.compile(embed, backend="aot_eager", fullgraph=True)  # the graph of "eager", and its gradients
    for n in (5, 6, 3, USABLE):  # the second length makes the sizes symbolic
        tokens, options = ids(n), WAYS[way](n)
        expected, got = embed(tokens, **options), compiled(tokens, **options)
        torch.testing.assert_close(got, expected)
        cotangent = torch.randn(expected.shape)
        wanted = torch.autograd.grad(expected, list(embed.parameters()), cotangent)
        for gradient, target in zip(torch.autograd.grad(got, list(embed.parameters()), cotangent), wanted, strict=True):
            torch.testing.assert_close(gradient, target)


def test_packed_in_one_graph():
    embed = build()
    compiled = torch.compile(embed, backend="aot_eager", fullgraph=True)
    for lengths in ([2, 3], [4, 2], [1, 8]):
        tokens, options = ids(sum(lengths), 1), {"cu_seqlens": torch.tensor([0, *lengths]).cumsum(0), "max_seqlen": 8}
        torch.testing.assert_close(compiled(tokens, **options), embed(tokens, **options))


WRONG_LENGTHS = [
    ([0, 1, 5], 3, "max_seqlen is below the longest sequence in cu_seqlens"),
    ([1, 3, 5], 8, "cu_seqlens must begin with 0 and never decrease"),
    ([0, 4, 3, 5], 8, "cu_seqlens must begin with 0 and never decrease"),
    ([0, 2, 4], 8, "cu_seqlens does not end at the number of packed tokens"),
    ([0, 2, 6], 8, "cu_seqlens does not end at the number of packed tokens"),
]


@pytest.mark.parametrize(("backend", "dtype"), [("eager", torch.uint8), ("aot_eager", torch.int64)])
def test_cumulative_lengths_are_asserted_in_the_graph(backend, dtype):
    embed = build()
    compiled = torch.compile(embed, backend=backend, fullgraph=True)
    tokens = ids(5, 1)
    right = {"cu_seqlens": torch.tensor([0, 2, 5], dtype=dtype), "max_seqlen": 3}
    assert torch.equal(compiled(tokens, **right), embed(tokens, **right))
    for lengths, maximum, message in WRONG_LENGTHS:
        with pytest.raises(RuntimeError, match=message):
            compiled(tokens, cu_seqlens=torch.tensor(lengths, dtype=dtype), max_seqlen=maximum)


@BACKENDS
@FULLGRAPH
def test_masks_are_asserted_in_the_graph(backend, fullgraph):
    compiled = torch.compile(build(), backend=backend, fullgraph=fullgraph)
    mask = torch.ones(2, 5)
    compiled(ids(5), attention_mask=mask)
    for value in (2, -1, float("-inf"), float("nan"), 0.5):
        mask[1, 2] = value
        with pytest.raises(RuntimeError, match="attention_mask contains another value than 0 and 1; allowed are"):
            compiled(ids(5), attention_mask=mask)


@pytest.mark.parametrize("options", [{}, {"token_type_ids": torch.tensor([[0, 1, 0]])}])
def test_hooks_inside_a_compiled_graph(options):
    embed = build(type_vocab_size=2, layer_norm_eps=1e-5)
    expected = embed(ids(3), **options)
    for module in embed.children():
        module.register_forward_hook(lambda *call: call[-1] * 0)
    for fullgraph in (False, True):
        torch._dynamo.reset()
        got = torch.compile(embed, backend="aot_eager", fullgraph=fullgraph)(ids(3), **options)
        assert got.shape == expected.shape
        assert not got.any()


def test_a_static_row_beside_a_symbolic_length():
    # Sizes that are equal but known in different ways must compare as equal inside the graph.
    embed = build()
    compiled = torch.compile(embed, backend="eager", fullgraph=True)
    compiled(ids(5)), compiled(ids(7))
    tokens = ids(6)
    for options in ({"position_ids": torch.arange(6)}, {"attention_mask": torch.ones(2, 6)}):
        torch.testing.assert_close(compiled(tokens, **options), embed(tokens, **options))


def test_decoding_token_by_token_compiles_twice_at_most():
    embed, graphs = build(), []

    def backend(graph, example_inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(embed, backend=backend, fullgraph=True)
    tokens = ids(USABLE)
    for start in range(USABLE):
        torch.testing.assert_close(compiled(tokens[:, start : start + 1], start=start), embed(tokens)[:, [start]])
    assert len(graphs) <= 3  # 0, 1 and every other start


PAST_THE_END = {
    "default": lambda: (ids(9), {}),
    "start": lambda: (ids(5), {"start": 4}),
    "mask": lambda: (ids(9), {"attention_mask": torch.ones(2, 9)}),
    "mask of a cache": lambda: (ids(5), {"attention_mask": torch.ones(2, 9), "start": 4}),
    "max_seqlen": lambda: (ids(9, 1), {"cu_seqlens": torch.tensor([0, 9]), "max_seqlen": 9}),
}


@BACKENDS
@pytest.mark.parametrize("way", PAST_THE_END)
def test_past_the_end_with_graph_breaks_is_our_exception(backend, way):
    compiled = torch.compile(build(), backend=backend)
    tokens, options = PAST_THE_END[way]()
    with pytest.raises(PositionOutOfRangeError, match=NO_ROW):
        compiled(tokens, **options)


@pytest.mark.parametrize("way", PAST_THE_END)
@pytest.mark.parametrize("warm", [False, True], ids=["first call", "after other lengths"])
def test_past_the_end_in_one_graph_says_the_sentence(way, warm):
    compiled = torch.compile(build(), backend="eager", fullgraph=True)
    if warm:
        compiled(ids(5)), compiled(ids(7))
    tokens, options = PAST_THE_END[way]()
    # PyTorch wraps what a traced function raises; the sentence stands in its text
    with pytest.raises(torch._dynamo.exc.Unsupported, match=NO_ROW):
        compiled(tokens, **options)


@BACKENDS
@FULLGRAPH
@pytest.mark.parametrize("value", [USABLE, 99, -1])
def test_values_are_asserted_in_the_graph(backend, fullgraph, value):
    compiled = torch.compile(build(), backend=backend, fullgraph=fullgraph)
    positions = torch.arange(5)
    compiled(ids(5), position_ids=positions)
    positions[3] = value
    with pytest.raises(RuntimeError, match=IN_GRAPH):
        compiled(ids(5), position_ids=positions)
    tokens = ids(5)
    tokens[0, 0] = 20
    with pytest.raises(RuntimeError, match=r"input_ids outside \[0, 20\)"):
        compiled(tokens, position_ids=torch.arange(5))


@pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++", "cl"))), reason="PyTorch's code generator needs a C++ compiler"
)
# PyTorch's own code generator still imports a deprecated part of PyTorch
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
# Plain code is enough here: trying out each vector extension and precompiling headers takes fifteen seconds of g++.
@torch._inductor.config.patch({"cpp.vec_isa_ok": False, "cpp_cache_precompile_headers": False})
def test_with_the_code_generator():
    embed = build(layer_norm_eps=1e-5)
    compiled = torch.compile(embed, backend="inductor", fullgraph=True)
    tokens, positions = ids(USABLE), torch.arange(USABLE)
    torch.testing.assert_close(compiled(tokens, position_ids=positions), embed(tokens))
    with pytest.raises(RuntimeError, match=IN_GRAPH):
        compiled(tokens, position_ids=positions + 1)


def test_the_switch_for_accelerators_reaches_the_graph():
    # The meta device stands for an accelerator: its values are not looked at unless that is switched on.
    embed = build(device="meta")
    tokens, assertions = torch.zeros(2, 5, dtype=torch.long, device="meta"), []

    def backend(graph, example_inputs):
        assertions.append(sum("_assert_async" in str(node.target) for node in graph.graph.nodes))
        return graph.forward

    compiled = torch.compile(embed, backend=backend, fullgraph=True)
    compiled(tokens, position_ids=tokens)
    with check_positions():
        compiled(tokens, position_ids=tokens)
    compiled(tokens, position_ids=tokens)
    assert assertions == [0, 2]  # token ids and positions; the third call finds the first graph again


EXPORTS = pytest.mark.parametrize("strict", [False, True], ids=["non-strict", "strict"])


@EXPORTS
@pytest.mark.parametrize("seq", [Dim.DYNAMIC, Dim("seq", max=USABLE)], ids=["dynamic", "with a maximum"])
def test_an_exported_program_keeps_the_usable_length(strict, seq):
    embed = build(type_vocab_size=2, layer_norm_eps=1e-5)
    program = export(embed, (ids(5),), dynamic_shapes=({1: seq},), strict=strict).module()
    for n in (1, 2, 5, USABLE):
        tokens = ids(n)
        torch.testing.assert_close(program(tokens), embed(tokens))
    with pytest.raises((RuntimeError, AssertionError), match=rf"input_ids.*\[1\].*<= {USABLE}"):
        program(ids(USABLE + 1))
    with pytest.raises(RuntimeError, match=r"input_ids outside \[0, 20\)"):
        program(ids(5) + 20)


def test_an_exported_dimension_may_not_pass_the_usable_length():
    with pytest.raises(Exception, match=f"max={USABLE}"):  # PyTorch's own message, with the remedy
        export(build(), (ids(5),), dynamic_shapes=({1: Dim("seq", max=USABLE + 1)},))


@EXPORTS
def test_an_exported_program_asserts_positions(strict):
    embed = build(position_padding_idx=1)
    shapes = {"input_ids": {1: Dim.DYNAMIC}, "position_ids": {0: Dim.DYNAMIC}}
    program = export(embed, (ids(5),), {"position_ids": torch.arange(5)}, dynamic_shapes=shapes, strict=strict).module()
    for n in (2, 5, USABLE, 20):  # with explicit positions there may be more tokens than rows
        tokens, positions = ids(n), torch.randint(0, USABLE, (n,))
        torch.testing.assert_close(program(tokens, position_ids=positions), embed(tokens, position_ids=positions))
    for wrong in (torch.arange(5) + 4, torch.arange(5) - 1):
        with pytest.raises(RuntimeError, match=IN_GRAPH):
            program(ids(5), position_ids=wrong)


@EXPORTS
def test_an_exported_program_counts_a_mask(strict):
    embed = build(position_padding_idx=1)
    shapes = {"input_ids": {1: Dim.DYNAMIC}, "attention_mask": {1: Dim.DYNAMIC}}
    mask = torch.ones(2, 5, dtype=torch.long)
    program = export(embed, (ids(5),), {"attention_mask": mask}, dynamic_shapes=shapes, strict=strict).module()
    for n in (2, 5, USABLE):
        tokens, mask = ids(n), (torch.arange(n) >= torch.tensor([[0], [1]])).long()
        torch.testing.assert_close(program(tokens, attention_mask=mask), embed(tokens, attention_mask=mask))
    with pytest.raises((RuntimeError, AssertionError), match=f"<= {USABLE}"):
        program(ids(USABLE + 1), attention_mask=torch.ones(2, USABLE + 1, dtype=torch.long))
