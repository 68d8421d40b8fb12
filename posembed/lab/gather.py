"""Gather the results of all units into one comparison."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import numpy as np

from posembed.corpus import Corpus, Tokens
from posembed.hardware import environment
from posembed.lab.arms import build_arm, build_difference
from posembed.lab.baselines import baseline_losses
from posembed.lab.losses import in_range_windows
from posembed.lab.unit_result import UnitResult
from posembed.records.comparison import (
    Arm,
    Baselines,
    Comparison,
    CorpusSummary,
    Difference,
    Environment,
    MeasuredWindows,
    SetSizes,
)
from posembed.records.interval import Quality
from posembed.records.unit import ComparisonSetup, UnitConfig
from posembed.statistics import CONFIDENCE, mean_interval

REFERENCE = "learned"
"""Encoding that the others are compared with; where it is not among them, the first one is."""


def build_comparison(
    configs: Sequence[UnitConfig], done: Mapping[UnitConfig, UnitResult], failures: Mapping[str, str], corpus: Corpus
) -> Comparison:
    """Gather the results of all units.

    Args:
        configs: every unit that was asked for.
        done: results of the units that have one.
        failures: names of the others, each with the reason.
        corpus: the text that they were trained on.
    """
    setup = ComparisonSetup.of(configs)
    encodings = setup.encodings
    units = {e: [result for config, result in done.items() if config.encoding == e] for e in encodings}
    failed = {
        e: {c.name: failures[c.name] for c in configs if c.encoding == e and c.name in failures} for e in encodings
    }
    arms = [build_arm(encoding, units[encoding], failed[encoding]) for encoding in encodings]
    reference = REFERENCE if REFERENCE in encodings else encodings[0]
    pairs = [build_difference(reference, other, units) for other in encodings if other != reference]
    differences = [pair for pair in pairs if pair is not None]
    windows = in_range_windows(configs[0], corpus)
    baselines = {
        name: Quality.of(mean_interval(losses))
        for name, losses in baseline_losses(corpus, windows, configs[0].model).items()
    }
    return Comparison(
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        configuration=setup,
        environment=Environment.from_dict(environment(configs[0].device)),
        corpus=_summary(corpus),
        evaluation=MeasuredWindows(
            documents=windows.documents,
            windows=len(windows.tokens),
            tokens=int(windows.tokens[:, 1:].size),
            interval_over="documents and seeds" if len(setup.seeds) > 1 else "documents",
            confidence=CONFIDENCE,
        ),
        baselines=Baselines(**baselines),
        arms=tuple(arms),
        differences=tuple(differences),
        verdict=_verdict(arms, differences),
    )


def _summary(corpus: Corpus) -> CorpusSummary:
    return CorpusSummary(
        sha256=corpus.sha256,
        vocab_size=corpus.vocab_size,
        documents=SetSizes(corpus.train_documents, len(corpus.validation), len(corpus.test)),
        tokens=SetSizes(len(corpus.train) - corpus.train_documents, _total(corpus.validation), _total(corpus.test)),
        skipped=corpus.skipped,
    )


def _total(documents: Sequence[Tokens]) -> int:
    return int(np.sum([len(document) for document in documents]))


def _verdict(arms: Sequence[Arm], differences: Sequence[Difference]) -> tuple[str, ...]:
    """Return plain sentences: one for each pair of arms, one for each arm that did not finish."""
    sentences = [pair.verdict for pair in differences]
    sentences += [f"{arm.encoding}: {arm.status} ({'; '.join(arm.messages)})" for arm in arms if arm.messages]
    return tuple(sentences) or ("only one encoding: there is nothing to compare it with",)
