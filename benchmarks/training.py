"""The lab's training loop against GPT2LMHeadModel, and what its position part, precision and threads cost.

Run: python -m benchmarks.training [--rounds 8] [--seed 0]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.timing import alternate, print_header, print_medians, ratio
from posembed import LearnedPositionalEmbedding
from posembed.corpus import Corpus, load_corpus
from posembed.hardware import has_bf16
from posembed.lab.config import UnitConfig
from posembed.lab.model import LabModel
from posembed.lab.train import Trainer
from posembed.storage import write_json

SHAPE = {"layers": 4, "d_model": 256, "heads": 4, "train_length": 256, "batch_size": 8}
VOCABULARY = 8192  # of the masked model


def lab_trainer(corpus: Corpus, **settings: object) -> Trainer:
    config = UnitConfig(**(SHAPE | settings))  # type: ignore[arg-type]
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


def require_parity(corpus: Corpus) -> None:
    """The lab's decoder is GPT-2: same weights, same loss, same gradients."""
    lab = lab_trainer(corpus)
    theirs = Gpt2Trainer(lab.config, corpus)
    gpt2 = theirs.model
    assert isinstance(gpt2, GPT2LMHeadModel)
    copy_gpt2_weights(gpt2, lab.model)
    inputs, targets = lab.batch(0)
    losses = [
        F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        for logits in (lab.forward(inputs), theirs.forward(inputs))
    ]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-5)
    for loss in losses:
        loss.backward()
    there, here = gpt2.transformer.wpe.weight.grad, lab.model.table.grad
    torch.testing.assert_close(here, there, rtol=1e-3, atol=1e-3 * float(there.abs().max()))


def against_gpt2(corpus: Corpus, rounds: int) -> None:
    for precision in ("fp32", "bf16") if has_bf16("cpu") else ("fp32",):
        lab = lab_trainer(corpus, precision=precision)
        theirs = Gpt2Trainer(lab.config, corpus)
        seconds = alternate({"lab": lab.update, "GPT2LMHeadModel": theirs.update}, rounds)
        faster = 1 / ratio(seconds, "lab", "GPT2LMHeadModel")
        print(f"training step, {precision}: lab tokens/s / GPT2LMHeadModel's = {faster:.2f}")
        print_medians(seconds)


def position_share(corpus: Corpus, rounds: int) -> None:
    """Seconds of looking up and adding the rows, forward and backward, over those of a whole step."""
    precision = "bf16" if has_bf16("cpu") else "fp32"
    trainer = lab_trainer(corpus, precision=precision)
    config = trainer.config
    table = LearnedPositionalEmbedding(config.train_length, config.d_model)
    gradient = torch.randn(config.batch_size, config.train_length, config.d_model)
    tokens = torch.randn_like(gradient, requires_grad=True)

    def position_part() -> None:
        table.weight.grad = tokens.grad = None
        (tokens * 1 + table(config.train_length)).backward(gradient)

    def without() -> None:
        tokens.grad = None
        (tokens * 1).backward(gradient)

    seconds = alternate({"step": trainer.update, "with": position_part, "without": without}, rounds)
    share = ratio(seconds, "with", "step") - ratio(seconds, "without", "step")
    print(f"position part of a lab step, {precision}: {share:.2%}")


def hidden_tokens(corpus: Corpus, rounds: int) -> None:
    """A masked model's step with logits of the hidden tokens alone, against one with all logits."""
    precision = "bf16" if has_bf16("cpu") else "fp32"
    runs = {}
    for name in ("hidden", "all"):
        config = UnitConfig(**SHAPE, model="encoder", precision=precision)
        trainer = Trainer(config, corpus, LabModel(config, VOCABULARY))
        trainer.masked = name == "hidden"
        runs[name] = trainer.update
    seconds = alternate(runs, rounds)
    print(
        f"masked lab step, {precision}, vocabulary of {VOCABULARY}: tokens/s with logits of hidden tokens / of all = "
        f"{1 / ratio(seconds, 'hidden', 'all'):.2f}"
    )
    print_medians(seconds)


def precisions(corpus: Corpus, rounds: int) -> None:
    if not has_bf16("cpu"):
        print("bf16 against fp32: this processor has no bf16 instructions; not measured")
        return
    runs = {name: lab_trainer(corpus, precision=name).update for name in ("bf16", "fp32")}
    seconds = alternate(runs, rounds)
    print(f"lab step: bf16 tokens/s / fp32's = {1 / ratio(seconds, 'bf16', 'fp32'):.2f}")


def side_by_side(seed: int) -> None:
    """Two units of one thread side by side against the same two of two threads one after the other."""
    command = [sys.executable, "-m", "posembed.lab.unit"]
    precision = "bf16" if has_bf16("cpu") else "fp32"

    def run(threads: int, together: bool) -> float:
        with tempfile.TemporaryDirectory() as folder:
            calls = []
            for index in range(2):
                config = UnitConfig(
                    **SHAPE,
                    steps=30,
                    seed=seed + index,
                    threads=threads,
                    precision=precision,
                    evaluations=0,
                    evaluation_documents=2,
                    windows_per_document=1,
                )
                file = Path(folder) / f"{index}.json"
                write_json(file, config.to_json())
                calls.append([*command, str(file), str(Path(folder) / str(index))])
            begun = time.perf_counter()
            running = []
            for call in calls:
                process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
                running.append(process)
                if not together:
                    process.wait()
            for process in running:
                assert process.wait() == 0
            return time.perf_counter() - begun

    pairs = [(run(1, True), run(2, False)) for _ in range(2)]
    ratios = sorted(b / a for a, b in pairs)
    print(
        "two arms: whole run, 1 thread each side by side, against 2 threads each in turn: "
        f"{ratios[0]:.2f} and {ratios[-1]:.2f} times as fast"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    corpus = load_corpus("stdlib")
    print_header(f"Training, decoder {SHAPE}", arguments.seed)
    require_parity(corpus)
    against_gpt2(corpus, arguments.rounds)
    position_share(corpus, arguments.rounds)
    hidden_tokens(corpus, arguments.rounds)
    precisions(corpus, arguments.rounds)
    side_by_side(arguments.seed)


if __name__ == "__main__":
    main()
