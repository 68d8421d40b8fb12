"""The lab's training loop and its peers: GPT2LMHeadModel in the same loop, and nanoGPT's model and loop."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.bench import nanogpt
from benchmarks.bench.nanogpt import NanoGpt, NanoTrainer, copy_lab_weights
from posembed.corpus import BYTES, Corpus
from posembed.lab.model import LabModel
from posembed.lab.trainer import Trainer
from posembed.records.unit import UnitConfig


def random_corpus(seed: int, tokens: int) -> Corpus:
    """Return a corpus of random bytes: what tokens a batch holds does not change how long it takes."""
    stream = np.random.default_rng(seed).integers(0, BYTES, tokens).astype(np.int32)
    return Corpus(
        train=stream, validation=(stream,), test=(stream,), separator=BYTES, mask=BYTES + 1, vocab_size=BYTES + 2,
        train_documents=1, sha256="", skipped=(),
    )  # fmt: skip


def lab_trainer(corpus: Corpus, config: UnitConfig) -> Trainer:
    return Trainer(config, corpus, LabModel(config, corpus.vocab_size))


class Gpt2Trainer(Trainer):
    """The lab's loop around Transformers' GPT-2: same data, optimizer, clipping, precision; only the model differs."""

    def __init__(self, config: UnitConfig, corpus: Corpus) -> None:
        gpt2 = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=corpus.vocab_size,
                n_positions=config.train_length,
                n_embd=config.d_model,
                n_layer=config.layers,
                n_head=config.heads,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                tie_word_embeddings=False,
                use_cache=False,
                attn_implementation="sdpa",
                bos_token_id=0,
                eos_token_id=0,
            )
        )
        super().__init__(config, corpus, gpt2)  # type: ignore[arg-type]
        self.forward = lambda ids: gpt2(ids).logits


def nano_trainer(
    corpus: Corpus, config: UnitConfig, *, as_published: bool = True, bf16: bool = False, compiled: bool = False
) -> NanoTrainer:
    model = NanoGpt(corpus.vocab_size, config.train_length, config.layers, config.heads, config.d_model)
    return NanoTrainer(
        model, corpus.train, batch=config.batch_size, length=config.train_length, as_published=as_published,
        bf16=bf16, compiled=compiled,
    )  # fmt: skip


def copy_gpt2_weights(gpt2: GPT2LMHeadModel, lab: LabModel) -> None:
    """Give the lab's model GPT-2's weights (its linear layers store them transposed)."""
    state = {"embed.token.weight": gpt2.transformer.wte.weight, "embed.position.weight": gpt2.transformer.wpe.weight}
    for index, block in enumerate(gpt2.transformer.h):
        parts = {
            "norm1": block.ln_1,
            "qkv": block.attn.c_attn,
            "out": block.attn.c_proj,
            "norm2": block.ln_2,
            "up": block.mlp.c_fc,
            "down": block.mlp.c_proj,
        }
        for name, part in parts.items():
            weight = part.weight if name.startswith("norm") else part.weight.T
            state |= {f"blocks.{index}.{name}.weight": weight, f"blocks.{index}.{name}.bias": part.bias}
    state |= {"norm.weight": gpt2.transformer.ln_f.weight, "norm.bias": gpt2.transformer.ln_f.bias}
    lab.load_state_dict(state | {"head.weight": gpt2.lm_head.weight})


def require_parity(corpus: Corpus, config: UnitConfig) -> None:
    """Refuse to time peers that compute something else: same weights, same loss, same gradient of the position rows."""
    lab = lab_trainer(corpus, config)
    theirs = Gpt2Trainer(config, corpus)
    gpt2 = theirs.model
    assert isinstance(gpt2, GPT2LMHeadModel)
    copy_gpt2_weights(gpt2, lab.model)
    inputs, targets = lab.batch(0)
    ours = _loss(lab.forward(inputs), targets)
    _require_equal(ours, _loss(theirs.forward(inputs), targets), lab.model, gpt2.transformer.wpe.weight)
    nano = nano_trainer(corpus, config).model
    copy_lab_weights(lab.model, nano)
    ours = _loss(lab.forward(inputs), targets)
    with nanogpt.approximate_gelu():  # GPT-2's; nanoGPT's own is exact
        loss = nano(inputs, targets)
    _require_equal(ours, loss, lab.model, nano.wpe.weight)


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def _require_equal(ours: Tensor, theirs: Tensor, lab: LabModel, rows: torch.nn.Parameter) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    lab.zero_grad()
    for loss in (ours, theirs):
        loss.backward()
    there, here = rows.grad, lab.table.grad  # type: ignore[union-attr]
    assert there is not None
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-3 * float(there.abs().max()))
