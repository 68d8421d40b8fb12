"""The input embedding of BERT: parity with Transformers' BertEmbeddings, and what benchmarks run of both."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

BATCH, LENGTH, WIDTH, VOCABULARY = 16, 512, 768, 30522
# The same parameters of Transformers', ours and flash-attn's.
PARAMETERS = (
    ("word_embeddings.weight", "token.weight", "embeddings.word_embeddings.weight"),
    ("position_embeddings.weight", "position.weight", "embeddings.position_embeddings.weight"),
    ("token_type_embeddings.weight", "segment.weight", "embeddings.token_type_embeddings.weight"),
    ("LayerNorm.weight", "norm.weight", "norm.weight"),
    ("LayerNorm.bias", "norm.bias", "norm.bias"),
)


def require_gradients(theirs: nn.Module, module: nn.Module, ids: Tensor, name: str, **inputs: Tensor) -> None:
    """Refuse to time a module whose output or any gradient is another."""
    one, other = theirs(input_ids=ids, **inputs), module(input_ids=ids, **inputs)
    torch.testing.assert_close(other, one, rtol=0, atol=1e-5, msg=lambda text: f"{name}: {text}")
    cotangent = torch.randn(one.shape)
    found = []
    for each, output in ((theirs, one), (module, other)):
        output.backward(cotangent)
        found.append([parameter.grad for parameter in parameters(each)])
        each.zero_grad(set_to_none=True)
    for there, here in zip(*found, strict=True):
        assert there is not None
        tolerance = 1e-4 * float(there.abs().max())
        torch.testing.assert_close(here, there, rtol=1e-4, atol=tolerance, msg=lambda text: f"{name}: {text}")


def parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters in one order, whatever a module calls them."""
    own = getattr(module, "_orig_mod", module)  # of a compiled one
    known = dict(own.named_parameters())
    return [next(known[name] for name in names if name in known) for names in PARAMETERS]


def forward(module: nn.Module, ids: Tensor, **inputs: Tensor) -> Callable[[], object]:
    def run() -> None:
        with torch.no_grad():
            module(input_ids=ids, **inputs)

    return run


def forward_backward(
    module: nn.Module, ids: Tensor, cotangent: Tensor, *, keep: bool = False, **inputs: Tensor
) -> Callable[[], object]:
    """Return a run of both passes; with ``keep``, gradients are zeroed in place and added to."""

    def run() -> None:
        module.zero_grad(set_to_none=not keep)
        module(input_ids=ids, **inputs).backward(cotangent)

    return run
