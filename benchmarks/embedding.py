"""TokenPositionEmbedding against Transformers' BertEmbeddings on the CPU, parity first.

Most of what the eager forms spend is fresh memory: three passes over 25 MB here, five there, into new tensors. What a
new tensor costs depends on whether the C library kept the pages of the last one, so the eager ratio moves from run to
run. ``torch.compile`` makes one pass of it, here as there, and does not depend on that; it needs a C++ compiler.

Run: python -m benchmarks.embedding [--rounds 40] [--seed 0]
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertEmbeddings

from benchmarks.timing import alternate, print_header, print_medians, ratio
from posembed import TokenPositionEmbedding, load_transformers_state_dict

BATCH, LENGTH, WIDTH, VOCABULARY = 16, 512, 768, 30522


def make(seed: int) -> tuple[BertEmbeddings, TokenPositionEmbedding, Tensor, Tensor]:
    torch.manual_seed(seed)
    theirs = BertEmbeddings(BertConfig(hidden_dropout_prob=0.0))
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.02)
    ours = TokenPositionEmbedding.from_preset("bert-base", dropout=0.0)
    load_transformers_state_dict(ours, {f"embeddings.{k}": v for k, v in theirs.state_dict().items()})
    ids = torch.randint(1, VOCABULARY, (BATCH, LENGTH))
    types = torch.randint(0, 2, (BATCH, LENGTH))
    return theirs, ours, ids, types


def require_parity(theirs: nn.Module, ours: nn.Module, ids: Tensor, **inputs: Tensor) -> None:
    """No speed is printed of a module that computes something else."""
    a, b = theirs(input_ids=ids, **inputs), ours(ids, **inputs)
    torch.testing.assert_close(a, b, rtol=0, atol=2e-6)
    cotangent = torch.randn(a.shape)
    a.backward(cotangent)
    b.backward(cotangent)
    pairs = {
        "word_embeddings.weight": "token.weight",
        "position_embeddings.weight": "position.weight",
        "token_type_embeddings.weight": "segment.weight",
        "LayerNorm.weight": "norm.weight",
        "LayerNorm.bias": "norm.bias",
    }
    for name_there, name_here in pairs.items():
        there, here = theirs.get_parameter(name_there).grad, ours.get_parameter(name_here).grad
        assert there is not None
        torch.testing.assert_close(there, here, rtol=1e-4, atol=1e-4 * float(there.abs().max()))
    theirs.zero_grad()
    ours.zero_grad()


def forward(module: nn.Module, ids: Tensor, **inputs: Tensor) -> Callable[[], object]:
    def run() -> None:
        with torch.no_grad():
            module(input_ids=ids, **inputs)

    return run


def forward_backward(module: nn.Module, ids: Tensor, cotangent: Tensor, **inputs: Tensor) -> Callable[[], object]:
    def run() -> None:
        module.zero_grad(set_to_none=True)
        module(input_ids=ids, **inputs).backward(cotangent)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    theirs, ours, ids, types = make(arguments.seed)
    cotangent = torch.randn(BATCH, LENGTH, WIDTH)
    has_compiler = any(shutil.which(name) for name in ("c++", "g++", "clang++"))
    compiled = torch.compile(ours) if has_compiler else None
    theirs_compiled = torch.compile(theirs)
    print_header(
        f"TokenPositionEmbedding, B {BATCH} × T {LENGTH} × d {WIDTH}, segment and LayerNorm, fp32", arguments.seed
    )
    for label, inputs in {"no token_type_ids": {}, "with token_type_ids": {"token_type_ids": types}}.items():
        require_parity(theirs, ours, ids, **inputs)
        for kind, ours_run, theirs_run in (
            ("forward", forward(ours, ids, **inputs), forward(theirs, ids, **inputs)),
            (
                "forward + backward",
                forward_backward(ours, ids, cotangent, **inputs),
                forward_backward(theirs, ids, cotangent, **inputs),
            ),
        ):
            seconds = alternate({"posembed": ours_run, "transformers": theirs_run}, arguments.rounds)
            print(f"{kind}, {label}: posembed / transformers = {ratio(seconds, 'posembed', 'transformers'):.3f}")
            print_medians(seconds)
        if compiled is not None:
            require_parity(theirs, compiled, ids, **inputs)
            both = {
                "posembed, compiled": forward(compiled, ids, **inputs),
                "transformers, compiled": forward(theirs_compiled, ids, **inputs),
                "transformers": forward(theirs, ids, **inputs),
            }
            seconds = alternate(both, arguments.rounds)
            for name in ("posembed, compiled", "transformers, compiled"):
                print(f"forward, {label}: {name} / transformers = {ratio(seconds, name, 'transformers'):.3f}")
            print_medians(seconds)


if __name__ == "__main__":
    main()
