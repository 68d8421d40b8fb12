"""One unit of work: train one encoding with one seed, evaluate it, write one result file."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from posembed.corpus import load_corpus, require_length
from posembed.errors import ResultsConflictError
from posembed.files import write_whole
from posembed.generations import remove_generations
from posembed.hardware import environment
from posembed.lab.encodings import ENCODINGS
from posembed.lab.losses import NonFiniteLossError, evaluate_beyond, evaluate_in_range
from posembed.lab.model import LabModel
from posembed.lab.trainer import Report, Trainer
from posembed.lab.unit_result import (
    CHECKPOINT,
    RESULT,
    TABLE,
    InRange,
    UnitBeyond,
    UnitMessage,
    UnitResult,
    file_sha256,
    read_result,
    write_result,
)
from posembed.records.comparison import Environment, Flexibility
from posembed.records.unit import UnitConfig
from posembed.tables.measures.sinusoids import explained_share, random_share, sinusoidal_basis
from posembed.tables.measures.spectrum import effective_rank

_SAVE_SECONDS = 30.0  # what a killed process loses at most
_ROWS_PER_FUNCTION = 16  # the basis of `flexibility` has one sine and one cosine per this number of rows


def run_unit(
    config: UnitConfig,
    folder: Path,
    *,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    save_seconds: float = _SAVE_SECONDS,
) -> UnitResult:
    """Train and evaluate one unit, resuming what ``folder`` holds of it.

    Plain configuration in, files out: ``result.json`` and ``table.safetensors`` (the position rows: trained, or
    the fixed sinusoid). A unit in progress keeps ``checkpoint.pt`` and resumes from it with the same numbers.

    Raises:
        ResultsConflictError: if the folder holds another configuration's work, or the data have changed.
        WorkFailedError: if what the folder holds is damaged, and so is the state before it.
        WorkInterruptedError: if ``should_stop`` said so; the checkpoint is written first.
    """
    if (folder / RESULT).exists():
        return read_result(folder, config)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    try:
        result = _run(config, folder, report, should_stop, save_seconds)
    finally:
        torch.set_num_threads(threads)
    write_result(folder, result)
    remove_generations(folder / CHECKPOINT)
    return result


def _run(
    config: UnitConfig, folder: Path, report: Report, should_stop: Callable[[], bool], save_seconds: float
) -> UnitResult:
    corpus = load_corpus(config.data, config.tokenizer)
    if config.data_sha256 and corpus.sha256 != config.data_sha256:
        raise ResultsConflictError(
            f"data={config.data!r} has changed since this run began (sha256 {config.data_sha256[:12]}… then, "
            f"{corpus.sha256[:12]}… now): start again with another `out`"
        )
    require_length(corpus, config.train_length, config.data)
    model = LabModel(config, corpus.vocab_size).to(config.device)
    trainer = Trainer(config, corpus, model)
    if (folder / CHECKPOINT).exists():
        for warning in trainer.restore(folder / CHECKPOINT):
            report(UnitMessage("warning", trainer.step, message=warning))
    in_range: InRange | None = None
    beyond: tuple[UnitBeyond, ...] = ()
    table: Flexibility | None = None
    try:
        message = trainer.train(folder / CHECKPOINT, report, should_stop, save_seconds)
        if not message:
            report(UnitMessage("evaluating", config.steps))
            in_range = evaluate_in_range(model, config, corpus)
            beyond = evaluate_beyond(model, config, corpus)
            table = _keep_rows(model, config, folder)
    except NonFiniteLossError as error:
        message = f"{error} at step {trainer.step} of {config.steps}"
        in_range, beyond, table = None, (), None
    return UnitResult(
        configuration=config,
        environment=Environment.from_dict(environment(config.device)),
        status="non-finite" if message else "finished",
        message=message,
        curve=tuple(trainer.curve),
        speed=trainer.speed(),
        cost=ENCODINGS[config.encoding].cost(config),
        parameters=sum(p.numel() for p in model.parameters()),
        in_range=in_range,
        beyond=beyond,
        flexibility=table,
        table_sha256=file_sha256(folder / TABLE) if (folder / TABLE).exists() else None,
    )


def _keep_rows(model: LabModel, config: UnitConfig, folder: Path) -> Flexibility | None:
    """Write the position rows, if the encoding adds any, and measure those that were trained."""
    position = model.embed.position
    if position is None:
        return None
    with torch.no_grad():
        rows = position(config.train_length).detach().float().cpu().contiguous()
    write_whole(folder / TABLE, lambda path: save_file({"position": rows}, path), parents=True)
    return None if model.table is None else flexibility(rows.numpy())


def flexibility(table: NDArray[np.float32]) -> Flexibility:
    """Return how far trained rows are from a few sinusoids, each figure with that of random rows."""
    rows, width = table.shape
    functions = max(2, rows // _ROWS_PER_FUNCTION * 2)
    basis = sinusoidal_basis(rows, functions)
    random = np.random.default_rng(0).standard_normal(table.shape)
    share = explained_share(table, basis)
    return Flexibility(
        functions=functions,
        basis_rank=basis.shape[1],
        rows=rows,
        explained_share=share if math.isfinite(share) else None,
        explained_share_random=random_share(rows, width, basis),
        effective_rank=effective_rank(table),
        effective_rank_random=effective_rank(random),
    )
