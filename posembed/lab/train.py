"""One unit of work: train one encoding with one seed, evaluate it, write one result file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from posembed.corpus import Corpus, load_corpus, require_length
from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.hardware import environment
from posembed.lab.config import UnitConfig
from posembed.lab.losses import NonFiniteLossError, evaluate_beyond, evaluate_in_range, token_losses
from posembed.lab.model import LabModel, position_cost
from posembed.storage import differences, read_json, write_json, write_whole
from posembed.tables.measures.sinusoids import explained_share, random_share, sinusoidal_basis
from posembed.tables.measures.spectrum import effective_rank
from posembed.windows import IGNORED, Windows, cut_windows, prediction_task

Report = Callable[[dict[str, Any]], None]
RESULT, CHECKPOINT, TABLE = "result.json", "checkpoint.pt", "table.safetensors"
_LOOK_EVERY = 10  # steps between looks at the loss: a look makes an accelerator wait
_SAVE_SECONDS = 30.0


def run_unit(
    config: UnitConfig,
    folder: Path,
    *,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    save_seconds: float = _SAVE_SECONDS,
) -> dict[str, Any]:
    """Train and evaluate one unit, going on from ``folder`` if it was begun there.

    Plain configuration in, files out: ``result.json`` and ``table.safetensors`` (the position rows: trained, or
    the fixed sinusoid). A unit in progress keeps ``checkpoint.pt`` and goes on from it with the same numbers.

    Raises:
        ResultsConflictError: if the folder holds another configuration's work, or the data has changed.
        WorkInterruptedError: if ``should_stop`` said so; the checkpoint is written first.
    """
    finished = folder / RESULT
    if finished.exists():
        result: dict[str, Any] = read_json(finished)
        _require_same(result["configuration"], config, folder)
        return result
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        result = _run(config, folder, report, should_stop, save_seconds)
    finally:
        torch.set_num_threads(threads)
    write_json(finished, result)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return result


def _run(
    config: UnitConfig, folder: Path, report: Report, should_stop: Callable[[], bool], save_seconds: float
) -> dict[str, Any]:
    corpus = load_corpus(config.data, config.tokenizer)
    if config.data_sha256 and corpus.sha256 != config.data_sha256:
        raise ResultsConflictError(
            f"--data {config.data} has changed since this run was begun (sha256 {config.data_sha256[:12]}… there, "
            f"{corpus.sha256[:12]}… now): start again with another --out"
        )
    require_length(corpus, config.train_length, config.data)
    model = LabModel(config, corpus.vocab_size).to(config.device)
    trainer = Trainer(config, corpus, model)
    if (folder / CHECKPOINT).exists():
        trainer.restore(folder / CHECKPOINT)
    measured: dict[str, Any] = {"in_range": None, "beyond": [], "flexibility": None}
    try:
        status, message = trainer.train(folder / CHECKPOINT, report, should_stop, save_seconds)
        if status == "finished":
            report({"phase": "evaluating", "step": config.steps})
            measured = _measure(model, config, corpus, folder)
    except NonFiniteLossError as error:
        status, message = "non-finite", f"{error} at step {trainer.step} of {config.steps}"
    return {
        "configuration": config.to_json(),
        "environment": environment(config.device),
        "status": status,
        "message": message,
        "curve": trainer.curve,
        "speed": trainer.speed(),
        "cost": position_cost(config),
        "parameters": sum(p.numel() for p in model.parameters()),
    } | measured


def _measure(model: LabModel, config: UnitConfig, corpus: Corpus, folder: Path) -> dict[str, Any]:
    """Everything that is measured of a trained model; its position rows go into a file."""
    measured: dict[str, Any] = {
        "in_range": evaluate_in_range(model, config, corpus),
        "beyond": evaluate_beyond(model, config, corpus),
        "flexibility": None,
    }
    position = model.embed.position
    if position is not None:
        with torch.no_grad():
            rows = position(config.train_length).detach().float().cpu().contiguous()
        write_whole(folder / TABLE, lambda path: save_file({"position": rows}, path))
        if model.table is not None:
            measured["flexibility"] = flexibility(rows.numpy())
    return measured


def flexibility(table: np.ndarray[Any, Any]) -> dict[str, Any]:
    """How far the trained rows are from a handful of sinusoids, beside what random rows would give."""
    rows, width = table.shape
    functions = max(2, rows // 16 * 2)
    basis = sinusoidal_basis(rows, functions)
    random = np.random.default_rng(0).standard_normal(table.shape)
    share = explained_share(table, basis)
    return {
        "functions": functions,
        "basis_rank": basis.shape[1],
        "rows": rows,
        "explained_share": share if math.isfinite(share) else None,
        "explained_share_random": random_share(rows, width, basis),
        "effective_rank": effective_rank(table),
        "effective_rank_random": effective_rank(random),
    }


def _require_same(there: dict[str, Any], config: UnitConfig, folder: Path) -> None:
    difference = differences(there, config.to_json())
    if difference:
        raise ResultsConflictError(
            f"{folder} holds the work of another configuration ({difference}); give another --out"
        )


class Trainer:
    """The training loop: AdamW, warm-up and cosine, gradient clipping, autocast."""

    def __init__(self, config: UnitConfig, corpus: Corpus, model: LabModel) -> None:
        self.config = config
        self.corpus = corpus
        self.model = model
        self.forward: Callable[..., Tensor] = torch.compile(model) if config.compile else model
        # Only hidden tokens need logits; their number differs from step to step, which compiled code does not like.
        self.masked = config.model == "encoder" and not config.compile
        matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and not n.startswith("embed.")]
        others = [p for n, p in model.named_parameters() if p.dim() < 2 or n.startswith("embed.")]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=config.learning_rate,
            betas=(0.9, 0.95),
            fused=True,
        )
        self.step = 0
        self.seconds = 0.0
        self.rates: list[float] = []
        self.curve: list[dict[str, float | int]] = []
        self._recent: list[float] = []

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a step, on the CPU: a function of seed and step alone, the same for every encoding."""
        config, stream = self.config, self.corpus.train
        generator = np.random.default_rng([config.seed, step])
        begins = generator.integers(0, len(stream) - config.train_length, config.batch_size)
        tokens = stream[begins[:, None] + np.arange(config.train_length + 1)].astype(np.int64)
        inputs, targets = prediction_task(tokens, self.corpus, config.model, generator, training=True)
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine down to a tenth."""
        config = self.config
        if step < config.warmup_steps:
            return config.learning_rate * (step + 1) / config.warmup_steps
        progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return config.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, progress))))

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision where the configuration says so."""
        if self.config.precision == "bf16":
            return torch.autocast(torch.device(self.config.device).type, dtype=torch.bfloat16)
        return nullcontext()

    def update(self) -> Tensor:
        """One optimizer step; returns the loss, still on its device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.step)
        device = self.config.device
        inputs, targets = self.batch(self.step)
        inputs, targets = inputs.to(device), targets.flatten()
        with self.autocast():
            if self.masked:
                only = (targets != IGNORED).nonzero()[:, 0]  # on the CPU: a device would have to be waited for
                logits, targets = self.forward(inputs, only.to(device)), targets[only]
            else:
                logits = self.forward(inputs).flatten(0, 1)
        loss = F.cross_entropy(logits.float(), targets.to(device), ignore_index=IGNORED)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def train(
        self, checkpoint: Path, report: Report, should_stop: Callable[[], bool], save_seconds: float
    ) -> tuple[str, str]:
        """Train to the last step; returns the status and, where it is not ``finished``, why."""
        config = self.config
        watched = self._validation_windows()
        marks = {round(config.steps * (i + 1) / config.evaluations) for i in range(config.evaluations)}
        pending: list[Tensor] = []
        saved = clock = time.perf_counter()
        while self.step < config.steps:
            pending.append(self.update())
            at_mark = self.step in marks
            if not (at_mark or self.step % _LOOK_EVERY == 0 or self.step == config.steps or should_stop()):
                continue
            losses = torch.stack(pending).tolist()
            now = time.perf_counter()
            rate = len(pending) * config.batch_size * config.train_length / (now - clock)
            self.seconds += now - clock
            self.rates.append(rate)
            pending.clear()
            bad = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), None)
            if bad is not None:
                step = self.step - len(losses) + bad + 1
                return "non-finite", f"the loss became {losses[bad]} at step {step} of {config.steps}"
            self._recent += losses
            report({"phase": "training", "step": self.step, "loss": losses[-1], "tokens_per_second": rate})
            if at_mark:
                self._mark(watched)
            stop = should_stop()  # asked once: what is said to be saved has been saved
            if stop or (time.perf_counter() - saved > save_seconds and self.step < config.steps):
                self.save(checkpoint)
                saved = time.perf_counter()
            if stop:
                raise WorkInterruptedError(f"stopped at step {self.step} of {config.steps}; the work so far is saved")
            clock = time.perf_counter()
        return "finished", ""

    def _validation_windows(self) -> Windows:
        return cut_windows(self.corpus.validation, self.config.train_length, 1, 64)

    def _mark(self, watched: Windows) -> None:
        losses = token_losses(self.model, watched, self.corpus, self.config)
        train = sum(self._recent) / len(self._recent)
        self.curve.append({"step": self.step, "train": train, "validation": float(np.nanmean(losses))})
        self._recent.clear()

    def speed(self) -> dict[str, float | None]:
        """Seconds of training (without evaluation) and the median rate."""
        rate = float(np.median(self.rates)) if self.rates else None
        return {"seconds": self.seconds, "tokens_per_second": rate}

    def save(self, path: Path) -> None:
        """Write everything that the rest of the training depends on, atomically."""
        state = {
            "configuration": self.config.to_json(),
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "curve": self.curve,
            "recent": self._recent,
            "seconds": self.seconds,
            "rates": self.rates,
        }
        write_whole(path, lambda temporary: torch.save(state, temporary))

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of the same configuration."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            configuration = dict(state["configuration"])
        except Exception as error:  # torch.load raises whatever the broken file leads to
            raise WorkFailedError(_damaged(path, error)) from None
        _require_same(configuration, self.config, path.parent)
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.curve, self._recent = state["step"], state["curve"], state["recent"]
            self.seconds, self.rates = state["seconds"], state["rates"]
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise WorkFailedError(_damaged(path, error)) from None


def _damaged(path: Path, error: Exception) -> str:
    kind = type(error).__name__  # the text can be a page about flags that must not be set here
    return f"{path} is damaged ({kind}); delete it to train this unit again"
