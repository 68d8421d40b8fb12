"""What a calibrated table is worth on validation texts: every share and every interval against a plain count."""

import numpy as np
import pytest
import torch

from posembed import calibrate
from posembed.extension.live import extend_in_place
from posembed.observer import SILENT, Callbacks
from posembed.quality.calibrate import target
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.held_out_tasks import HeldOutTasks
from posembed.quality.evaluate.ranking import cluster_means
from posembed.quality.models.embedding import load_embedder
from posembed.records.calibration import Calibration, CalibrationStart, DistillationTarget
from posembed.statistics import corrected_interval
from tests.fixtures.calibrations import request_of
from tests.fixtures.small_models import WORDS

KEY = "embeddings.position_embeddings.weight"
START = CalibrationStart("tile", {}, 64, 64, (), DistillationTarget(32, 64, 0.5))


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    """240 pages of 200 words, a tenth of which are validation texts."""
    folder = tmp_path_factory.mktemp("manual")
    for number in range(240):
        draw = np.random.default_rng(number)
        words = iter(draw.choice(WORDS, size=400).tolist())
        title, part = " ".join(next(words) for _ in range(4)), " ".join(next(words) for _ in range(3))
        first, second = (" ".join(next(words) for _ in range(80)) for _ in range(2))
        sentence = " ".join(next(words) for _ in range(9)).capitalize()
        text = f"# {title}\n\n{first}.\n\n## {part}\n\n{sentence}. X {part} {part} {second} x.\n"
        (folder / f"{number}.md").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.fixture
def made(embedder, manual):
    """``made(**options)``: the tasks of a small model whose table grows from 64 positions, and a longer table."""

    def make(length=128, data=manual):
        loaded = load_embedder(embedder)
        short = loaded.model.get_parameter(KEY).detach().clone()
        extend_in_place(loaded.model, length, method="tile")
        longer = loaded.model.get_parameter(KEY).detach().clone()
        old = longer.clone()
        old[64:] = 0  # nothing that is embedded with the old table may read these
        own = loaded.with_model(FrozenModel(loaded.model, KEY), "fp32").by_cosine()
        assert torch.equal(old[:64], short)
        return HeldOutTasks(own, old, request_of(64, length=length, data=data), START), longer

    return make


@pytest.mark.parametrize("queries_trained", [False, True])
def test_shares_are_those_of_a_plain_count(made, queries_trained):
    tasks, table = made()
    told = []
    found = {
        each.task: each
        for each in tasks.measure(table, Callbacks(message=told.append), queries_trained=queries_trained)
    }
    assert told == ["comparing on titles and sections of held-out texts"]
    assert list(found) == ["title", "section"]
    embedder, old = tasks.embedder, tasks.old
    for task, sets in tasks._sets().items():
        (made_set,) = sets.values()
        with tasks.reader.model.reading(table if queries_trained else old):
            queries = embedder.embed(made_set.queries, queries=True)
        with tasks.reader.model.reading(table):
            own = first_alone(queries, embedder.embed(made_set.documents))
        with tasks.reader.model.reading(old):
            cut = first_alone(queries, embedder.embed([text[:62] for text in made_set.documents]))
            mean = first_alone(queries, embedder.embed_chunked(made_set.documents, 32))
        result = found[task]
        assert (result.lengths, result.documents) == ((128,), len(made_set.documents))
        assert result.accuracy == pytest.approx(own.mean())
        others = {each.system: each for each in result.others}
        assert [others[name].accuracy for name in ("cut to 64 tokens", "mean of 32-token chunks")] == [
            pytest.approx(cut.mean()), pytest.approx(mean.mean()),
        ]  # fmt: skip
        wanted = corrected_interval(own - cut, 2 * 2)  # two tasks, two other ways with one vector
        assert others["cut to 64 tokens"].difference.to_dict() == pytest.approx(wanted)
        assert [each.one_vector for each in result.others] == [each.system != "BM25" for each in result.others]


def first_alone(queries, documents):
    scores = queries @ documents.T
    return np.array([float((row >= row[number]).sum() == 1) for number, row in enumerate(scores)])


def test_words_find_what_words_decide(made):
    pytest.importorskip("bm25s")
    tasks, table = made()
    section = tasks.measure(table, SILENT, queries_trained=False)[1]
    (found,) = [other for other in section.others if other.system == "BM25"]
    assert found.accuracy > 0.25  # its page says the heading again; by chance it were one in twenty


def test_without_bm25_it_is_left_out(made, monkeypatch):
    tasks, table = made()
    monkeypatch.setattr(tasks, "missing_bm25", "not installed")
    assert {other.system for each in tasks.measure(table, SILENT, queries_trained=False) for other in each.others} == {
        "cut to 64 tokens", "mean of 32-token chunks",
    }  # fmt: skip


def test_texts_without_titles_are_not_measured(made, texts):
    tasks, table = made(data=texts)
    assert tasks.measure(table, SILENT, queries_trained=False) == ()


def test_documents_are_longer_than_the_old_table(made, monkeypatch):
    asked = []
    monkeypatch.setattr(target, "make_requested", lambda task, wanted, _: asked.append(wanted.length) or task)
    for old, length, wanted in (
        (512, 4096, [1024, 2048]),
        (1024, 4096, [2048]),
        (512, 700, [700]),
        (2048, 4096, [4096]),
    ):
        tasks, _ = made()
        tasks.request = request_of(old, length=length, data=tasks.request.options.data)
        tasks._sets()
        assert asked == wanted * 2
        asked.clear()


def test_a_document_counts_once():
    assert cluster_means(np.array([1, 0, 1, 1]), ["a", "b", "b", "c"]).tolist() == [1.0, 0.5, 1.0]


def test_a_calibration_says_what_its_table_is_worth(embedder, manual, tmp_path):
    settings = {"length": 128, "steps": 2, "every": 2, "batch": 2, "precision": "fp32", "range": 64}
    record = calibrate(embedder, tmp_path / "out", data=manual, length_aware=True, **settings)
    assert record.tasks is not None
    assert [each.task for each in record.tasks] == ["title", "section"]
    assert Calibration.from_dict(record.to_dict()) == record
