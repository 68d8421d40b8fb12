"""The lab's training step against GPT2LMHeadModel in the same loop, and against nanoGPT's model and loop."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.bench.results import Result
from benchmarks.timing import alternate_both, rounds_within
from benchmarks.training import Gpt2Trainer, lab_trainer, nano_trainer, random_corpus, require_parity
from posembed import LearnedPositionalEmbedding
from posembed.corpus import Corpus
from posembed.hardware import has_bf16
from posembed.lab.model import LabModel
from posembed.lab.trainer import Trainer
from posembed.records.unit import UnitConfig

SHAPE = {"layers": 4, "d_model": 256, "heads": 4, "train_length": 256, "batch_size": 8}
QUICK_SHAPE = {"layers": 1, "d_model": 16, "heads": 2, "train_length": 16, "batch_size": 2}
VOCABULARY = 8192  # of the masked model
SECONDS = 25.0  # of the first comparison: five steps of about 0.5 s a round


def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure steps of the lab and of its peers, after comparing losses and gradients."""
    del folder
    torch.manual_seed(seed)
    result = Result("lab", quick, seed)
    shape = QUICK_SHAPE if quick else SHAPE
    corpus = random_corpus(seed, 20_000)
    require_parity(corpus, UnitConfig(**shape))
    result.facts |= {"shape": shape, "tokens": shape["batch_size"] * shape["train_length"]}
    precisions = ("fp32", "bf16") if has_bf16("cpu") else ("fp32",)
    if len(precisions) == 1:
        result.missing["bf16"] = "this processor has no bf16 instructions"
    compiled = not quick and any(shutil.which(name) for name in ("c++", "g++", "clang++"))
    for precision in precisions:
        against_peers(result, corpus, UnitConfig(**shape, precision=precision), compiled=compiled)
    fastest = precisions[-1]
    position_part(result, corpus, UnitConfig(**shape, precision=fastest))
    hidden_tokens(result, corpus, UnitConfig(**shape, model="encoder", precision=fastest), 300 if quick else VOCABULARY)
    return result


def against_peers(result: Result, corpus: Corpus, config: UnitConfig, *, compiled: bool) -> None:
    """One step of each: batch, both passes, clipping, optimizer."""
    bf16 = config.precision == "bf16"
    peers = {
        "lab": lab_trainer(corpus, config),
        "GPT2LMHeadModel in the lab's loop": Gpt2Trainer(config, corpus),
        "nanoGPT as published for a CPU (fp32)": nano_trainer(corpus, config),
        "nanoGPT with the lab's precision and optimizer": nano_trainer(corpus, config, as_published=False, bf16=bf16),
    }
    if compiled:
        peers["nanoGPT, compiled, with the lab's precision and optimizer"] = nano_trainer(
            corpus, config, as_published=False, bf16=bf16, compiled=True
        )
    _time(result, {"what": "step", "precision": config.precision}, {n: each.update for n, each in peers.items()})


def position_part(result: Result, corpus: Corpus, config: UnitConfig) -> None:
    """Seconds of looking up and adding the rows, forward and backward, beside those of a whole step."""
    trainer = lab_trainer(corpus, config)
    table = LearnedPositionalEmbedding(config.train_length, config.d_model)
    gradient = torch.randn(config.batch_size, config.train_length, config.d_model)
    tokens = torch.randn_like(gradient, requires_grad=True)

    def with_rows() -> None:
        table.weight.grad = tokens.grad = None
        (tokens * 1 + table(config.train_length)).backward(gradient)

    def without() -> None:
        tokens.grad = None
        (tokens * 1).backward(gradient)

    runs = {"step": trainer.update, "with positions": with_rows, "without": without}
    _time(result, {"what": "position part", "precision": config.precision}, runs)


def hidden_tokens(result: Result, corpus: Corpus, config: UnitConfig, vocabulary: int) -> None:
    """A masked model's step with logits of the hidden tokens alone, against one with all logits."""
    runs: dict[str, Callable[[], object]] = {}
    for name in ("hidden tokens", "all tokens"):
        trainer = Trainer(config, corpus, LabModel(config, vocabulary))
        trainer.masked = name == "hidden tokens"
        runs[name] = trainer.update
    _time(result, {"what": "masked step", "precision": config.precision, "vocabulary": vocabulary}, runs)


def _time(result: Result, case: dict[str, str | int | float], runs: dict[str, Callable[[], object]]) -> None:
    rounds = 2 if result.quick else rounds_within(runs, SECONDS, least=4)
    result.add_all(case, alternate_both(runs, rounds))
