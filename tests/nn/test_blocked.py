"""The blocked form of inference against the plain one, which is the reference."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from posembed import TokenPositionEmbedding
from posembed.nn import token_position
from posembed.nn.blocked import can_embed_blocked


@pytest.fixture
def blocked_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often the blocked form ran, at sizes that a test can afford."""
    calls: list[int] = []
    original = token_position.embed_blocked

    def counted(*arguments, **keywords):
        calls.append(1)
        return original(*arguments, **keywords)

    monkeypatch.setattr(token_position, "embed_blocked", counted)
    monkeypatch.setattr("posembed.nn.blocked._WORTH_IT", 1)
    monkeypatch.setattr("posembed.nn.blocked._BUFFER_BYTES", 4 * 13 * 20 * 4)  # four sequences a block, or two
    return calls


def make(**settings) -> TokenPositionEmbedding:
    torch.manual_seed(0)
    defaults = {"type_vocab_size": 3, "layer_norm_eps": 1e-12, "init_std": 0.5}
    return TokenPositionEmbedding(50, 16, 20, **(defaults | settings)).eval()


INPUTS = {
    "default": {},
    "types": {"token_type_ids": torch.randint(0, 3, (7, 13))},
    "one row of types": {"token_type_ids": torch.randint(0, 3, (13,))},
    "narrow types": {"token_type_ids": torch.randint(0, 3, (7, 13), dtype=torch.uint8)},
    "start": {"start": 3},
    "mask": {"attention_mask": (torch.arange(13) >= torch.arange(7)[:, None]).long()},
    "position_ids": {"position_ids": torch.randint(0, 16, (7, 13))},
    "one row of position_ids": {"position_ids": torch.randint(0, 16, (1, 13))},
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize(
    "settings", [{}, {"type_vocab_size": 0}, {"position": "sinusoidal"}, {"dtype": torch.bfloat16}]
)
def test_the_same_numbers_as_the_plain_form(name, settings, blocked_calls):
    inputs = dict(INPUTS[name])
    if settings.get("type_vocab_size") == 0:
        inputs.pop("token_type_ids", None)
    embed = make(**settings)
    ids = torch.randint(0, 50, (7, 13))
    plain = embed(ids, **inputs)  # gradients are on: the plain form
    assert not blocked_calls
    with torch.no_grad():
        blocked = embed(ids, **inputs)
    assert blocked_calls
    assert torch.equal(blocked, plain)


def test_a_bad_input_is_refused_as_in_the_plain_form(blocked_calls):
    embed = make()
    with torch.no_grad(), pytest.raises(IndexError, match="usable length is 16"):
        embed(torch.zeros(2, 17, dtype=torch.long))
    with torch.no_grad(), pytest.raises(IndexError, match="token_type_ids contains 3"):
        embed(torch.zeros(2, 4, dtype=torch.long), token_type_ids=torch.full((2, 4), 3))
    assert not blocked_calls


def test_not_where_somebody_watches_or_the_modules_are_not_plain(blocked_calls):
    ids = torch.randint(0, 50, (7, 13))
    embed = make()
    handle = embed.token.register_forward_hook(lambda *_: None)
    wider = make()
    wider.token = type("Watched", (nn.Embedding,), {})(50, 20)
    renormed = make()
    renormed.token.max_norm = 1.0
    with torch.no_grad():
        for module in (embed, wider, renormed, make().double().requires_grad_(False)):
            module.position.to(torch.float32)
            module(ids)
        assert not blocked_calls
        handle.remove()
        embed(ids)
    assert len(blocked_calls) == 1


def test_not_while_gradients_are_recorded_or_small():
    embed = make()
    ids, rows = torch.zeros(7, 13, dtype=torch.long), embed.position(13)
    modules = (embed.token, embed.norm)
    with torch.no_grad():
        assert not can_embed_blocked(ids, rows, modules)  # too small to be worth it
        assert can_embed_blocked(ids.repeat(1000, 1), rows, modules)
    assert not can_embed_blocked(ids.repeat(1000, 1), rows, modules)


def test_results_do_not_share_the_buffer_and_modes_mix(blocked_calls):
    embed = make()
    ids = torch.randint(0, 50, (3, 13))
    with torch.inference_mode():
        first = embed(ids)
    kept = first.clone()
    with torch.no_grad():
        second = embed(ids.flip(0))
        wide = make(dtype=torch.float64)(ids)
    assert len(blocked_calls) == 3
    assert torch.equal(first, kept)
    assert torch.equal(second, kept.flip(0))
    assert wide.dtype == torch.float64


def test_threads_have_buffers_of_their_own(blocked_calls):
    embed = make()
    batches = [torch.randint(0, 50, (7, 13)) for _ in range(16)]
    plain = [embed(ids) for ids in batches]

    def run(ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return embed(ids)

    with ThreadPoolExecutor(4) as pool:
        for ours, reference in zip(pool.map(run, batches), plain, strict=True):
            assert torch.equal(ours, reference)
    assert len(blocked_calls) == len(batches)
