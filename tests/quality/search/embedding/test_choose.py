"""An embedding model's method by real tasks: what is measured is what the extended checkpoint does."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from posembed import extend_checkpoint
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import DataError, NoBetterMethodError, WorkFailedError
from posembed.find.history import read_history
from posembed.observer import SILENT
from posembed.quality.evaluate.ranking import hits
from posembed.quality.models.embedding import load_embedder
from posembed.quality.search.embedding import choose
from posembed.quality.search.embedding.choose import SPLITS, ranges, shown_range
from posembed.quality.search.search import search_method
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import make_set
from posembed.quality.texts import load_documents
from posembed.records.behavior import EffectiveRange
from posembed.records.search import SearchedRange, SearchOptions

SMALL = {"pool": 50, "precision": "fp32"}


@pytest.fixture(scope="module")
def chosen(model, late_data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "ranges", lambda _, old: (old, old // 2))
        patch.setattr(choose.Rounds, "__init__", _with_cut_alone(choose.Rounds.__init__))
        return search_method(model, 192, data=late_data, **SMALL)


def _with_cut_alone(inner):
    """Rounds whose baselines are cut documents alone: in a bag of words, chunks find what the whole finds."""

    def init(rounds, *given):
        inner(rounds, *given)
        rounds.baselines.systems = [each for each in rounds.baselines.systems if each.name in ("truncated", "BM25")]

    return init


def selected(choice):
    return next(c for c in choice.swept if (c.method, c.options) == (choice.method, choice.options))


def test_the_numbers_are_those_of_the_extended_checkpoint(chosen, model, late_data, tmp_path):
    assert chosen.accepted
    extend_checkpoint(model, tmp_path / "out", 192, method=chosen.method, **chosen.options)
    old, new = load_embedder(model), load_embedder(tmp_path / "out")
    documents = [each for split in SPLITS for each in load_documents(late_data, split)]
    found = selected(chosen).tasks
    for task in ("title", "section", "cloze"):
        made = make_set(task, 192, old.encode, HeldOut([], documents), split="validation", pool=50)
        assert hits(made, new.embed(made.documents), new.embed(made.queries)).mean() == pytest.approx(found[task][192])
        cut = hits(made, old.embed_truncated(made.documents, 96), old.embed(made.queries)).mean()
        truncated = next(each for each in chosen.baselines if each.system == "truncated")
        assert truncated.tasks[task][192] == pytest.approx(cut)
    assert chosen.baseline[192] == pytest.approx(
        np.mean([truncated.tasks[t][192] for t in ("title", "section", "cloze")])
    )


def test_everything_that_was_measured_is_recorded(chosen, late_data):
    assert chosen.measure == "accuracy"
    assert chosen.texts.kinds == {"Markdown": 36}
    assert chosen.texts.splits == ("validation", "train")
    assert {c.method for c in chosen.swept} == {"tile", "stretch", "mean"}
    assert {each.baseline for each in chosen.comparisons} == {"truncated", "old table"}
    assert {"short texts", "title"} <= {each.task for each in chosen.comparisons if each.scope == "native"}
    assert type(chosen).from_dict(json.loads(json.dumps(chosen.to_dict()))).swept == chosen.swept
    timed = [each.query_ms for each in chosen.baselines]
    assert all(each is not None for each in timed)
    assert [each.query_ms for each in chosen.untimed().baselines] == [None] * len(timed)
    assert chosen.untimed() == chosen


def test_the_record_of_the_copy_says_what_was_read_and_measured(model, late_data, tmp_path, cut_alone):
    for name in ("one", "two"):
        plan = extend_checkpoint(model, tmp_path / name, 192, data=late_data)
    step = json.loads((tmp_path / "two" / "posembed.json").read_text(encoding="utf-8"))["steps"][0]
    assert step["chosen"] == plan.choice.untimed().to_dict()
    assert read_history(open_checkpoint(tmp_path / "two")).steps[0].chosen.swept == plan.choice.swept
    assert step["chosen"]["texts"]["files"] == 36
    assert {each["system"] for each in step["chosen"]["baselines"]} > {"truncated", "BM25"}
    assert (tmp_path / "one" / "posembed.json").read_bytes() == (tmp_path / "two" / "posembed.json").read_bytes()


def test_what_chunks_find_as_well_is_not_written(model, late_data, tmp_path):
    with pytest.raises(NoBetterMethodError, match="no longer table is shown to be better than") as told:
        extend_checkpoint(model, tmp_path / "out", 192, data=late_data)
    assert not (tmp_path / "out").exists()
    choice = told.value.choice
    assert choice.accepted is False
    assert isinstance(told.value, WorkFailedError)
    forced = search_method(model, 192, data=late_data, must_be_better=False, **SMALL)  # the start of a training
    assert forced.accepted is False
    assert forced.why[1].startswith("It is not shown to beat")


def test_length_aware_tables(model, late_data, cut_alone):
    found = search_method(model, 192, data=late_data, length_aware=True, **SMALL)
    assert (found.short, {c.length_aware for c in found.swept}) == (96, {True})
    assert found.why[-1].startswith("Inputs of up to 96 tokens read the old table, bit for bit")
    assert not any(each.scope == "native" for each in found.comparisons)


def test_own_queries(model, late_data, tmp_path, cut_alone):
    """Documents are the pages; a query is words of one of them."""
    folder = tmp_path / "own"
    (folder / "qrels").mkdir(parents=True)
    documents = load_documents(late_data, "all")
    pages = [(f"d{number}", document.title, document.text) for number, document in enumerate(documents)]
    lines = [json.dumps({"_id": name, "title": "", "text": text}) for name, _, text in pages]
    (folder / "corpus.jsonl").write_text("\n".join(lines), encoding="utf-8")
    lines = [json.dumps({"_id": f"q{name}", "text": title.removeprefix("Page about ")}) for name, title, _ in pages]
    (folder / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rows = ["query-id\tcorpus-id\tscore", *(f"q{name}\t{name}\t1" for name, _, _ in pages)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows), encoding="utf-8")
    found = search_method(model, 192, data=late_data, corpus=str(folder), **SMALL)
    assert {each.task for each in found.comparisons if each.scope == "longer"} == {"your queries"}
    assert set(found.texts.own) == {"corpus", "queries", "qrels"}
    shutil.rmtree(folder / "qrels")
    with pytest.raises(DataError, match="`qrels`"):
        search_method(model, 192, data=late_data, corpus=str(folder), **SMALL)


def test_ranges_come_from_what_the_model_does():
    assert ranges(SearchedRange("ends", 40, 30, 50), 96) == (96, 40, 30)
    assert ranges(SearchedRange("ends", 40, 1, 50), 96) == (96, 40)
    assert ranges(SearchedRange("ends", 96, 96, 96), 96) == (96,)
    assert ranges(SearchedRange("unknown"), 96) == ()


def test_a_model_whose_positions_cannot_be_moved_is_searched_all_the_same(monkeypatch):
    request = SimpleNamespace(options=SearchOptions(), checkpoint=None, table=None)

    def fails(*_, **__):
        raise WorkFailedError("no")

    monkeypatch.setattr(choose, "working_range", fails)
    assert shown_range(request, SILENT) == SearchedRange("unknown")
    monkeypatch.setattr(choose, "working_range", lambda *_, **__: EffectiveRange("ends", 9, 8, 10, (), 4))
    assert shown_range(request, SILENT) == SearchedRange("ends", 9, 8, 10)
