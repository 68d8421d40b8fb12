"""The kernels of the CPU inside a layer: autograd, kept gradients, and what training loops do with them."""

import copy
import threading

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from posembed.nn import TokenPositionEmbedding

pytest.importorskip("numba", reason="numba is not installed (pip install 'posembed[cpu]')")

IDS = torch.tensor([[1, 2, 3, 2], [4, 2, 0, 6]])
TYPES = torch.tensor([[0, 1, 1, 0], [1, 1, 0, 0]])
MASK = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 0]])


def build(**arguments):
    shape = {"type_vocab_size": 2, "layer_norm_eps": 1e-5, "padding_idx": 0, "reserved": 2, "position_padding_idx": 1}
    torch.manual_seed(0)
    embed = TokenPositionEmbedding(9, 8, 6, **{"backend": "cpu", "init_std": 1.0, **shape, **arguments})
    if embed.norm is not None:
        torch.nn.init.normal_(embed.norm.weight)
    return embed


def twin(embed):
    """The same layer, by its modules."""
    other = copy.deepcopy(embed)
    other.backend = "modules"
    return other


def cotangent(output, step=0):
    return torch.randn(output.shape, dtype=output.dtype, generator=torch.Generator().manual_seed(step))


def gradients(embed):
    return {name: parameter.grad for name, parameter in embed.named_parameters()}


def require_same_gradients(embed, other):
    for name, expected in gradients(other).items():
        torch.testing.assert_close(
            gradients(embed)[name], expected, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


CALLS = {
    "plain": {},
    "types": {"token_type_ids": TYPES},
    "start": {"start": 3},
    "mask": {"attention_mask": MASK},
    "positions": {"position_ids": torch.tensor([[7, 0, 3, 3]]), "token_type_ids": TYPES[0]},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("arguments", [{}, {"layer_norm_eps": None}, {"type_vocab_size": 0, "layer_norm_eps": None}])
def test_output_and_gradients_are_those_of_the_modules(call, arguments):
    given = {
        name: value
        for name, value in CALLS[call].items()
        if arguments.get("type_vocab_size") != 0 or "type" not in name
    }
    embed = build(**arguments)
    other = twin(embed)
    here, there = embed(IDS, **given), other(IDS, **given)
    assert here.grad_fn.name() != there.grad_fn.name()
    torch.testing.assert_close(here, there)
    for output in (here, there):
        output.backward(cotangent(output))
    require_same_gradients(embed, other)


def test_packed_input_and_no_batch():
    embed = build()
    cu = torch.tensor([0, 3, 8])
    torch.testing.assert_close(embed(IDS.flatten(), cu_seqlens=cu), twin(embed)(IDS.flatten(), cu_seqlens=cu))
    torch.testing.assert_close(embed(IDS[0]), twin(embed)(IDS[0]))
    assert embed(IDS[:, :0]).shape == (2, 0, 6)


def test_a_norm_without_bias():
    embed = build()
    embed.norm = torch.nn.LayerNorm(6, bias=False)
    other = twin(embed)
    embed(IDS).sum().backward()
    other(IDS).sum().backward()
    require_same_gradients(embed, other)


def test_dropout_is_that_of_the_module():
    embed = build(dropout=0.5)
    other = twin(embed)
    torch.manual_seed(3)
    here = embed(IDS)
    torch.manual_seed(3)
    torch.testing.assert_close(here, other(IDS))
    assert (here == 0).any()
    assert (embed.eval()(IDS) != 0).all()


def test_frozen_tables_and_no_grad():
    embed = build()
    for name, parameter in embed.named_parameters():
        parameter.requires_grad_("position" in name)
    embed(IDS).sum().backward()
    assert [name for name, gradient in gradients(embed).items() if gradient is not None] == ["position.weight"]
    embed.requires_grad_(False)
    assert not embed(IDS).requires_grad
    with torch.no_grad():
        assert build()(IDS).grad_fn is None
    with torch.inference_mode():
        torch.testing.assert_close(embed(IDS), twin(embed)(IDS))


@pytest.mark.parametrize("call", ["plain", "mask", "positions"])
def test_derivatives_are_those_of_finite_differences(call):
    # A padding row has a value and no gradient, which finite differences do not know.
    embed = build(dtype=torch.float64, padding_idx=None, position_padding_idx=None)
    names, values = zip(*embed.named_parameters(), strict=True)

    def run(*given):
        return torch.func.functional_call(embed, dict(zip(names, given, strict=True)), (IDS,), CALLS[call])

    assert run(*values).grad_fn.name() == "_EmbeddingBackward"
    assert gradcheck(run, values)


def test_second_derivatives():
    embed = TokenPositionEmbedding(3, 2, 2, layer_norm_eps=1e-2, init_std=1.0, dtype=torch.float64, backend="cpu")
    names, values = zip(*embed.named_parameters(), strict=True)

    def run(*given):
        return torch.func.functional_call(embed, dict(zip(names, given, strict=True)), (torch.tensor([[2, 0]]),))

    assert gradgradcheck(run, values)


def test_batched_gradients():
    embed = build(dtype=torch.float64)
    output = embed(IDS)
    both = torch.stack([cotangent(output), cotangent(output, 1)])
    tables = list(embed.parameters())
    batched = torch.autograd.grad(output, tables, both, is_grads_batched=True, retain_graph=True)
    for index in range(2):
        for table, one in zip(
            batched, torch.autograd.grad(output, tables, both[index], retain_graph=True), strict=True
        ):
            torch.testing.assert_close(table[index], one)


def test_a_table_that_changes_before_the_backward_pass_is_an_error():
    embed = build()
    output = embed(IDS)
    with torch.no_grad():
        embed.token.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def train(embed, steps, *, clear, accumulate=1, change=None):
    """A loop that returns every gradient of the token table that an optimizer would have seen."""
    seen = []
    optimizer = torch.optim.SGD(embed.parameters(), lr=0.1)
    for step in range(steps):
        optimizer.zero_grad(set_to_none=clear)
        for part in range(accumulate):
            ids = torch.randint(0, 9, (2, 4), generator=torch.Generator().manual_seed(10 * step + part))
            output = embed(ids)
            output.backward(cotangent(output, step))
        if change is not None:
            change(embed.token.weight.grad)
        seen.append(embed.token.weight.grad.clone())
        optimizer.step()
    return seen


CHANGES = {
    "nothing": None,
    "clipping": lambda g: g.mul_(0.5),
    "weight decay behind PyTorch's back": lambda g: g.data.add_(0.25),
}


@pytest.mark.parametrize("clear", [True, False])
@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("keep", [True, False])
def test_gradients_of_a_loop_are_those_of_the_modules(keep, clear, accumulate, change):
    embed = build(keep_gradients=keep)
    how = {"clear": clear, "accumulate": accumulate, "change": CHANGES[change]}
    expected = train(twin(embed), 4, **how)
    for mine, theirs in zip(train(embed, 4, **how), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("keep", "clear"), [(True, True), (True, False), (False, False)])
def test_the_memory_of_a_gradient_is_used_again(keep, clear):
    embed, places = build(keep_gradients=keep), set()
    for _ in range(3):
        embed.zero_grad(set_to_none=clear)
        embed(IDS).sum().backward()
        places.add(embed.token.weight.grad.data_ptr())
    assert len(places) == 1


def test_a_pass_that_adds_in_place_is_counted_as_a_change():
    embed = build()
    embed(IDS).sum().backward()
    gradient = embed.token.weight.grad
    before = gradient._version
    embed(IDS).sum().backward()
    assert embed.token.weight.grad is gradient
    assert gradient._version > before


@pytest.mark.parametrize(
    "held", [lambda w: torch.ones_like(w).to_sparse(), lambda w: torch.ones_like(w.T).T, lambda w: torch.ones_like(w)]
)
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.filterwarnings("ignore:grad and param do not obey the gradient layout contract")
def test_a_gradient_of_the_callers_is_added_to(held, keep):
    embed = build(keep_gradients=keep)
    other = twin(embed)
    for layer in (embed, other):
        layer.token.weight.grad = held(layer.token.weight.detach())
        layer(IDS).sum().backward()
    torch.testing.assert_close(embed.token.weight.grad.to_dense(), other.token.weight.grad.to_dense())


def test_a_gradient_that_is_held_stays():
    embed = build(keep_gradients=True)
    embed(IDS).sum().backward()
    first = embed.token.weight.grad
    before = first.clone()
    embed.zero_grad()
    embed(IDS.flip(0) + 1).sum().backward()
    assert torch.equal(first, before)
    assert embed.token.weight.grad.data_ptr() != first.data_ptr()


def test_asking_for_a_gradient_leaves_the_kept_one_alone():
    embed = build(keep_gradients=True)
    embed(IDS).sum().backward()
    before = embed.token.weight.grad.clone()
    asked, again = (torch.autograd.grad(embed(IDS).sum(), embed.token.weight)[0] for _ in range(2))
    assert torch.equal(embed.token.weight.grad, before)
    assert torch.equal(asked, before)
    assert torch.equal(again, before)


def test_gradients_of_other_parameters_only():
    embed = build(keep_gradients=True)
    embed(IDS).sum().backward()
    before = embed.token.weight.grad.clone()
    embed(IDS).sum().backward(inputs=[embed.position.weight])
    assert torch.equal(embed.token.weight.grad, before)


@pytest.mark.parametrize("register", ["register_hook", "register_post_accumulate_grad_hook"])
def test_hooks_of_the_table_see_every_gradient(register):
    embed, seen = build(keep_gradients=True), []
    getattr(embed.token.weight, register)(lambda tensor: seen.append(tensor.shape))
    for _ in range(3):
        embed.zero_grad(set_to_none=False)
        embed(IDS).sum().backward()
    assert seen == [(9, 6)] * 3


def test_a_table_that_the_output_layer_shares():
    embed = build(keep_gradients=True)
    other = twin(embed)
    for layer in (embed, other):
        for clear in (True, False, True):
            layer.zero_grad(set_to_none=clear)
            (layer(IDS) @ layer.token.weight.T).square().sum().backward()
    require_same_gradients(embed, other)


def test_a_layer_that_is_called_twice():
    embed = build(keep_gradients=True)
    other = twin(embed)
    for layer in (embed, other):
        for clear in (True, False, True):
            layer.zero_grad(set_to_none=clear)
            output = layer(IDS) + layer(IDS.flip(1))
            output.backward(cotangent(output), retain_graph=True)
            output.backward(cotangent(output, 1))
    require_same_gradients(embed, other)


def test_two_threads():
    embed = build(keep_gradients=True)
    found = [None] * 8

    def run(index):
        ids = (IDS + index) % 9
        found[index] = torch.autograd.grad(embed(ids).square().sum(), embed.token.weight)[0]

    running = [threading.Thread(target=run, args=(index,)) for index in range(len(found))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    other = twin(embed)
    for index, gradient in enumerate(found):
        expected = torch.autograd.grad(other((IDS + index) % 9).square().sum(), other.token.weight)[0]
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


def test_a_layer_with_kept_gradients_is_copied_and_moved():
    embed = build(keep_gradients=True)
    embed(IDS).sum().backward()
    other = copy.deepcopy(embed)
    other.zero_grad()
    other.double()(IDS).sum().backward()
    assert other.token.weight.grad.dtype == torch.float64
    torch.testing.assert_close(other.token.weight.grad.float(), embed.token.weight.grad, rtol=1e-4, atol=1e-5)
