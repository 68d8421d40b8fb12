"""Both arms are tuned and trained alike, runs are kept and resumed, and tables say what the runs say."""

import dataclasses
import math
import random

import numpy as np
import pytest
import torch

from benchmarks.learned_or_sinusoidal import __main__ as command
from benchmarks.learned_or_sinusoidal import kept, study, tables
from benchmarks.learned_or_sinusoidal.plan import (
    ARMS,
    CELLS,
    MAIN_STEPS,
    SEEDS,
    SETTINGS,
    START_RATE,
    START_SIZE,
    Setting,
    final_run,
    tuning_run,
)
from benchmarks.learned_or_sinusoidal.study import NotThereError, Store, Trainings
from benchmarks.learned_or_sinusoidal.texts import Texts, learn_pieces
from benchmarks.learned_or_sinusoidal.train import Outcome, build, config_of, train
from benchmarks.learned_or_sinusoidal.tuning import at_edge, best, search, tune
from posembed.corpus import load_corpus
from posembed.statistics import mean_interval

CELL = CELLS[0]
DEFAULT = Setting(START_RATE, START_SIZE)
DOCUMENTS = 6


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manuals")
    rng = random.Random(0)
    for number in range(40):
        words = rng.choices(["the", "cat", "dog", "sat", "ran", "bit", "on", "under", "house", "of", "and"], k=60)
        (folder / f"{number}.rst").write_text(f"{number} {' '.join(words)}\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corpus(text):
    return load_corpus(str(text))


def bowl(rate, size):
    """A loss with one minimum."""
    return lambda each: abs(math.log(each.learning_rate / rate)) + abs(math.log(each.row_size / size))


@pytest.mark.parametrize("rate", [START_RATE, START_RATE * 2, START_RATE / 2])
@pytest.mark.parametrize("size", [START_SIZE, START_SIZE * 4, START_SIZE / 4])
def test_the_search_finds_a_minimum_within_a_step(rate, size):
    losses = search(bowl(rate, size))
    assert len(losses) == SETTINGS
    assert best(losses) == pytest.approx(Setting(rate, size))


def test_the_search_tries_both_axes_where_one_has_no_end():
    losses = search(lambda each: each.row_size)
    assert len({each.row_size for each in losses}) == 3
    assert len({each.learning_rate for each in losses}) == 3
    assert at_edge(losses) == ("rows",)


def test_the_search_leaves_settings_that_break():
    losses = search(lambda each: math.inf if each.learning_rate > START_RATE else 1.0)
    assert best(losses).learning_rate <= START_RATE
    assert len(losses) == SETTINGS


def test_the_search_never_tries_a_setting_twice():
    asked = []
    search(lambda each: asked.append(each) or 1.0, 13)
    assert len(set(asked)) == len(asked) == 13


def test_both_arms_are_tuned_by_as_many_runs_on_validation_documents():
    runs = []

    def measure(run):
        runs.append(run)
        scale = 1 if run.encoding == "learned" else 4
        return bowl(START_RATE, START_SIZE * scale)(Setting(run.learning_rate, run.row_size))

    tuned = tune(CELL, measure)
    assert [sum(run.encoding == arm for run in runs) for arm in ARMS] == [SETTINGS, SETTINGS]
    assert {(run.measured_on, run.steps) for run in runs} == {("validation", MAIN_STEPS)}
    assert not {run.seed for run in runs} & set(SEEDS)
    assert tuned.settings == {"learned": DEFAULT, "sinusoidal": Setting(START_RATE, START_SIZE * 4)}
    assert tuned.at_edge == {"learned": (), "sinusoidal": ()}


def test_arms_start_with_the_same_weights_and_rows_of_the_size_given(corpus):
    setting = Setting(START_RATE, 0.08)
    models = {}
    for arm in ARMS:
        run = final_run(CELL, arm, setting, 1, seed=3)
        models[arm] = build(run, config_of(run, "fp32"), corpus.vocab_size)
    learned, sinusoidal = (dict(models[arm].named_parameters()) for arm in ARMS)
    assert set(learned) - set(sinusoidal) == {"embed.position.weight"}
    assert all(torch.equal(learned[name], sinusoidal[name]) for name in sinusoidal)
    rows = {arm: model.embed.position(128).detach() for arm, model in models.items()}
    assert {arm: round(float(each.square().mean().sqrt()), 3) for arm, each in rows.items()} == dict.fromkeys(
        ARMS, 0.08
    )


def test_a_run_is_measured_on_the_documents_that_it_names(corpus):
    validation = train(dataclasses.replace(tuning_run(CELL, "learned", DEFAULT), steps=1), corpus)
    test = train(final_run(CELL, "learned", Setting(1e-9, START_SIZE), 1, seed=0), corpus)
    assert validation.documents == ()
    assert len(test.documents) == len(corpus.test)
    assert np.mean(test.documents) == pytest.approx(test.loss, abs=1e-4)
    assert test.loss == pytest.approx(math.log(corpus.vocab_size), abs=0.05)  # as good as untrained


def test_a_run_that_breaks_has_no_loss(corpus):
    broken = train(final_run(CELL, "learned", Setting(1e30, START_SIZE), 3, seed=0), corpus)
    assert (broken.loss, broken.comparable, broken.documents) == (None, math.inf, ())


def test_finished_runs_are_not_trained_again(text, tmp_path, monkeypatch, capsys):
    store, texts = Store(tmp_path), Texts(text, tmp_path)
    run = final_run(CELL._replace(corpus="manuals"), "none", DEFAULT, 1, seed=0)
    with pytest.raises(NotThereError):
        Trainings(store, texts, minutes=-1).find(run)
    outcome = Trainings(store, texts, minutes=1).find(run)
    assert run.name in capsys.readouterr().out
    monkeypatch.setattr(study, "train", pytest.fail)
    assert Trainings(store, texts, minutes=1).find(run) == outcome
    assert store.all() == [outcome]


def test_all_cells_come_before_the_next_seed():
    runs = []

    def find(run):
        runs.append(run)
        return Outcome(run, "", 1.0, 0.0)

    study.run_stages(find, study.tuned_cells(find))
    main = [run for run in runs if run.measured_on == "test"][: len(CELLS) * len(ARMS) * len(SEEDS)]
    assert [run.seed for run in main] == [seed for seed in SEEDS for _ in range(len(CELLS) * len(ARMS))]
    assert {run.steps for run in main} == {MAIN_STEPS}
    assert {run.cell for run in main[: len(CELLS) * len(ARMS)]} == set(CELLS)


def test_pieces_are_learned_from_training_documents_and_give_the_text_back(text, corpus):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(learn_pieces(str(text), vocabulary=300))
    held_out = bytes(corpus.test[0].tolist()).decode()
    assert tokenizer.get_vocab_size() <= 300
    assert tokenizer.decode(tokenizer.encode(held_out).ids) == held_out
    assert len(tokenizer.encode(held_out).ids) < len(held_out) / 2


def outcomes(gap):
    """Runs in which learned is better by ``gap`` on average, with settings as the search would ask for them."""
    rng = np.random.default_rng(0)
    found = {}

    def find(run):
        if run not in found:
            loss = bowl(START_RATE, START_SIZE)(Setting(run.learning_rate, run.row_size))
            base = np.random.default_rng(run.seed).normal(2.0, 0.5, DOCUMENTS)
            documents = base + rng.normal(0, 0.01, DOCUMENTS) - gap * (run.encoding == "learned")
            rounded = tuple(np.round(documents, kept.DIGITS).tolist()) if run.measured_on == "test" else ()
            found[run] = Outcome(run, "", float(np.mean(rounded)) if rounded else loss, 0.0, rounded)
        return found[run]

    study.run_stages(find, study.tuned_cells(find))
    return list(found.values())


@pytest.fixture
def analysis(tmp_path):
    names = {f"{cell.corpus}, {cell.unit}" for cell in CELLS}
    about = {"corpora": {name: {"bigram": 2.5} for name in names}}
    made = outcomes(0.25)
    kept.write(about, made, tmp_path / "kept.json")
    read = kept.read(tmp_path / "kept.json")
    assert read.about == about
    assert {run: each.documents for run, each in read.outcomes.items()} == {each.run: each.documents for each in made}
    return tables.Analysis(read)


def test_tables_say_what_the_runs_say(analysis, capsys):
    differences = np.array(list(analysis.differences(CELL, MAIN_STEPS).values()))
    assert differences.shape == (len(SEEDS), DOCUMENTS)
    assert differences.mean() == pytest.approx(-0.25, abs=0.01)
    expected, corrected = mean_interval(differences), mean_interval(differences, len(CELLS))
    row = tables.main_rows(analysis)[0]
    assert row[0] == CELL.name
    assert row[4] == "2.500"
    assert row[5] == f"−{-expected['mean']:.3f} ({expected['low']:.3f} to {expected['high']:.3f})".replace("-", "−")
    assert row[6] == f"{corrected['low']:.3f} to {corrected['high']:.3f}".replace("-", "−")
    assert [name for name, _ in tables.pooled_rows(analysis)][:3] == ["all", "stdlib", "manuals"]
    assert tables.tuned_rows(analysis)[0][1:3] == ["0.003", "0.02"]
    tables.print_tables(analysis.kept)
    assert " | ".join(row) in capsys.readouterr().out


def test_pooled_intervals_are_over_seeds_and_cells(analysis):
    table = [
        [analysis.differences(cell, MAIN_STEPS)[seed].mean() for cell in CELLS if cell.unit == "bytes"]
        for seed in SEEDS
    ]
    bytes_only = [cell for cell in CELLS if cell.unit == "bytes"]
    assert analysis.pooled_interval(MAIN_STEPS, bytes_only) == mean_interval(table)


def test_fewer_seeds_are_said_and_a_lost_run_leaves_the_pair_out(analysis):
    setting = analysis.tuned[CELL].settings["sinusoidal"]
    lost = final_run(CELL, "sinusoidal", setting, MAIN_STEPS, SEEDS[1])
    del analysis.kept.outcomes[lost]
    assert list(analysis.differences(CELL, MAIN_STEPS)) == [seed for seed in SEEDS if seed != SEEDS[1]]
    assert tables.main_rows(analysis)[0][5].endswith(f", {len(SEEDS) - 1} seeds")


def test_runs_of_another_text_are_refused(text, tmp_path, monkeypatch):
    store, texts = Store(tmp_path), Texts(text, tmp_path)
    texts.sources["stdlib"] = str(text)
    store.keep(Outcome(final_run(CELL, "none", DEFAULT, 1, seed=0), "another", 1.0, 0.0, (1.0,)))
    monkeypatch.setattr(command, "write", pytest.fail)
    with pytest.raises(SystemExit, match="other texts than stdlib, bytes"):
        command.keep_all(store, texts)
