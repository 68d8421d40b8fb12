"""Results of three tiny arms, with their folder; made once, in this process."""

import random

import pytest

from posembed.corpus import load_corpus
from posembed.lab.config import UnitConfig
from posembed.lab.gather import build_comparison
from posembed.lab.train import run_unit
from posembed.records.comparison import Comparison


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    data, draw = folder / "text.txt", random.Random(0)
    words = ("to", "be", "or", "not", "that", "is", "the", "question")
    data.write_text("\n".join(" ".join(draw.choices(words, k=12)) for _ in range(5000)), encoding="utf-8")
    corpus = load_corpus(str(data))
    units = [
        UnitConfig(
            encoding=encoding,
            seed=seed,
            data=str(data),
            data_sha256=corpus.sha256,
            train_length=16,
            d_model=16,
            layers=1,
            heads=2,
            batch_size=4,
            steps=12,
            warmup_steps=2,
            evaluations=3,
        )
        for seed in (0, 1)
        for encoding in ("learned", "sinusoidal", "alibi")
    ]
    done = {unit: run_unit(unit, folder / "units" / unit.name) for unit in units}
    (folder / "tables").mkdir()
    for name in ("learned-seed0", "sinusoidal-seed0"):
        (folder / "units" / name / "table.safetensors").rename(folder / "tables" / f"{name}.safetensors")
    return build_comparison(units, done, {}, corpus), folder


@pytest.fixture
def results(made):
    return made[0]


@pytest.fixture
def edited():
    """Makes a comparison from another one by a function that changes its plain values."""

    def edit(results, change):
        plain = results.to_dict()
        change(plain)
        return Comparison.from_dict(plain)

    return edit


def _fail(plain):
    first, second, third = plain["arms"]
    empty = dict.fromkeys(("quality", "per_position", "flexibility", "speed"))
    first |= empty | {"status": "failed", "beyond": [], "curves": [], "cost": None, "parameters": None}
    first["messages"] = ["learned-seed0: the process was killed by signal 9 (see log.txt)"]
    second |= empty | {"status": "failed", "beyond": [], "messages": ["seed 0: the loss became nan at step 3 of 12"]}
    third |= {"status": "incomplete", "messages": ["seed 1: the loss became inf at step 5 of 12"], "seeds": [0]}
    plain["differences"] = []
    plain["verdict"] = ["learned: failed (learned-seed0: the process was killed by signal 9 (see log.txt))"]


@pytest.fixture
def with_failures(results, edited):
    """The first arm failed before it began, the second diverged, the third lost one of its seeds."""
    return edited(results, _fail)
