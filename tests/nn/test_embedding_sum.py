"""Shortcuts that save time must not be seen: whatever watches, it sees what a plain implementation would show."""

import functools
from contextlib import ExitStack, contextmanager

import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from tests.nn.embedding_reference import IDS, WAYS, WIDTH, Kept, build, plain, require_as_plain, ways


@contextmanager
def module_hooks(embed, kept):
    with ExitStack() as stack:
        for name, module in embed.named_children():
            handle = module.register_forward_hook(lambda _, __, value, name=name: kept.keep(name, value))
            stack.callback(handle.remove)
        yield


@contextmanager
def global_hooks(embed, kept):
    names = {module: name for name, module in embed.named_children()}
    handle = torch_module.register_module_forward_hook(
        lambda module, _, value: kept.keep(names.get(module, "itself"), value)
    )
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def forward_pre_hooks(embed, kept):
    with ExitStack() as stack:
        for name, module in embed.named_children():
            handle = module.register_forward_pre_hook(
                lambda _, given, name=name: kept.keep(name, torch.as_tensor(given[0]))
            )
            stack.callback(handle.remove)
        yield


@contextmanager
def global_pre_hooks(embed, kept):
    names = {module: name for name, module in embed.named_children()}
    handle = torch_module.register_module_forward_pre_hook(
        lambda module, given: kept.keep(names.get(module, "itself"), torch.as_tensor(given[0]))
    )
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def replaced_forwards(embed, kept):
    """As accelerate's hooks do."""

    def record(name, forward, *given, **named):
        value = forward(*given, **named)
        kept.keep(name, value)
        return value

    for name, module in embed.named_children():
        module.forward = functools.partial(record, name, module.forward)
    yield
    for module in embed.children():
        del module.__dict__["forward"]


class KeepOperators(TorchDispatchMode):
    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        value = function(*args, **(kwargs or {}))
        self.kept.keep(str(function), value)
        return value


class KeepFunctions(TorchFunctionMode):
    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def __torch_function__(self, function, types, args=(), kwargs=None):
        value = function(*args, **(kwargs or {}))
        self.kept.keep(getattr(function, "__name__", str(function)), value)
        return value


OBSERVERS = {
    "module hooks": module_hooks,
    "global hooks": global_hooks,
    "forward pre-hooks": forward_pre_hooks,
    "global forward pre-hooks": global_pre_hooks,
    "replaced forwards": replaced_forwards,
    "dispatch mode": lambda _, kept: KeepOperators(kept),
    "function mode": lambda _, kept: KeepFunctions(kept),
}


@ways
@pytest.mark.parametrize("observer", OBSERVERS)
def test_no_observer_changes_a_value_or_sees_one_change(observer, way):
    embed, kept = build(), Kept()
    require_as_plain(embed, way, observer=lambda: OBSERVERS[observer](embed, kept))
    kept.require_unchanged()
    if "mode" not in observer:
        assert {"token", "position", "segment", "norm"} <= set(kept.names)  # all are called, and seen


@ways
def test_without_an_observer(way):
    require_as_plain(build(), way)


@ways
@pytest.mark.parametrize("scope", ["module", "global"])
@pytest.mark.parametrize("kind", ["full", "full pre"])
# integers have no gradient, which the hook tells of
@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
def test_backward_hooks_see_the_gradient_of_their_module(kind, scope, way):
    embed, seen = build(), {}
    names = {module: name for name, module in embed.named_children()}

    def hook(module, *gradients):
        if module in names:
            seen[names[module]] = gradients[-1][0]

    if scope == "global":
        register = {"full": torch_module.register_module_full_backward_hook,
                    "full pre": torch_module.register_module_full_backward_pre_hook}[kind]  # fmt: skip
        handles = [register(hook)]
    else:
        method = {"full": "register_full_backward_hook", "full pre": "register_full_backward_pre_hook"}[kind]
        handles = [getattr(module, method)(hook) for module in embed.children()]
    try:
        require_as_plain(embed, way)
    finally:
        for handle in handles:
            handle.remove()
    assert set(seen) == {"token", "position", "segment", "norm"}
    assert all(seen[name].shape[-1] == WIDTH for name in seen)


@ways
def test_a_hook_may_replace_what_a_submodule_returned(way):
    embed = build(layer_norm_eps=1e-5)
    expected = plain(embed, way)
    for module in (embed.token, embed.position, embed.segment):
        module.register_forward_hook(lambda *call: call[-1] * 0)
    got = embed(IDS, **WAYS[way])
    assert torch.equal(got, embed.norm.bias.expand_as(got))
    assert not torch.equal(got, expected)


@ways
def test_selective_checkpointing_may_keep_the_gathered_rows(way):
    """It keeps operators' outputs, and refuses one that was written to."""

    def policy(context, operator, *arguments, **named):
        keep = "embedding" in str(operator)
        return CheckpointPolicy.MUST_SAVE if keep else CheckpointPolicy.PREFER_RECOMPUTE

    contexts = functools.partial(create_selective_checkpoint_contexts, policy)
    embed = build()
    require_as_plain(
        embed, way, lambda ids, **options: checkpoint(embed, ids, use_reentrant=False, context_fn=contexts, **options)
    )


@ways
@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing(reentrant, way):
    embed = build()
    expected = plain(embed, way)
    weight = torch.ones(1, requires_grad=True)  # the reentrant form wants an input with a gradient

    def run(scale):
        return embed(IDS, **WAYS[way]) * scale

    got = checkpoint(run, weight, use_reentrant=reentrant)
    torch.testing.assert_close(got, expected)
    got.square().sum().backward()
    for parameter, wanted in zip(
        embed.parameters(), torch.autograd.grad(expected.square().sum(), list(embed.parameters())), strict=True
    ):
        torch.testing.assert_close(parameter.grad, wanted)


@pytest.mark.parametrize("owner", [nn.Module, nn.Embedding])
def test_a_method_replaced_for_all_modules_is_seen(owner, monkeypatch):
    """As tracers and profilers do."""
    name = "__call__" if owner is nn.Module else "forward"
    before, kept, embed = getattr(owner, name), Kept(), build()

    def record(self, *given, **named):
        value = before(self, *given, **named)
        kept.keep(type(self).__name__, value)
        return value

    monkeypatch.setattr(owner, name, record)
    require_as_plain(embed, "types of every row")
    kept.require_unchanged()
    assert kept.names.count("Embedding") == 2
