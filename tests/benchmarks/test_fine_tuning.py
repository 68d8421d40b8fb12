"""The study of fine-tuning after extension resumes exactly, and stays balanced over its starts."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from benchmarks.fine_tuning import bundles, classification, lab, pairs, retrieval, tables
from benchmarks.fine_tuning.rounds import Results, Study, Work, packed, run
from benchmarks.fine_tuning.starts import CUT, END, LONG, ROWS, Models
from benchmarks.fine_tuning.training import Trainee
from benchmarks.pages import load
from posembed.corpus import Corpus
from posembed.quality.models.embedding import load_embedder
from posembed.quality.tasks.retrieval_set import RetrievalSet
from tests.fixtures.small_models import SIZES, WORDS, with_words

PAGE = Path(__file__).parents[2] / "docs" / "measured" / "fine-tuning.md"


def linear(rate=0.1):
    torch.manual_seed(0)
    module = nn.Linear(3, 1)

    def loss(step):
        inputs = torch.tensor(np.random.default_rng(step).normal(size=(8, 3)), dtype=torch.float32)
        return (module(inputs).flatten() - inputs.sum(dim=1)).square().mean()

    return Trainee([(module, rate)], loss)


def value(trainee):
    return float(trainee.loss(999).detach())


def weights(trainee):
    return [each.detach().numpy().copy() for each in trainee.modules.parameters()]


def test_training_learns_and_resumes_exactly(tmp_path):
    whole, first, second = linear(), linear(), linear()
    before = value(whole)
    whole.advance(40)
    assert value(whole) < before / 10
    first.advance(15)
    first.save(tmp_path / "state.pt")
    second.restore(tmp_path / "state.pt")
    second.advance(40)
    for one, other in zip(weights(whole), weights(second), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_rate_rises_to_what_was_asked():
    trainee = linear(rate=0.5)
    trainee.advance(1)
    assert trainee.optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    trainee.advance(12)
    assert trainee.optimizer.param_groups[0]["lr"] == 0.5


def study(seen, marks=(0, 2, 4)):
    def make(name):
        def work():
            trainee = linear()

            def measure():
                seen.append((name, trainee.step))
                return {"task": [0.0, 1.0], "loss": [value(trainee)]}

            return Work(trainee, measure)

        return work

    return Study("toy", marks, {name: make(name) for name in ("a", "b")})


BALANCED = [("a", 0), ("b", 0), ("a", 2), ("b", 2), ("a", 4), ("b", 4)]


def test_starts_take_turns_and_nothing_is_done_twice(tmp_path):
    seen = []
    run(study(seen, marks=(0, 2)), Results(tmp_path, 1e6))
    run(study(seen), Results(tmp_path, 1e6))
    run(study(seen), Results(tmp_path, 1e6))
    assert seen == BALANCED
    run(study(seen), Results(tmp_path / "other", 1e6))
    assert seen == BALANCED * 2
    first, other = (Results(folder, 1e6).found()["toy"] for folder in (tmp_path, tmp_path / "other"))
    assert first == other, "stopping and resuming changes no number"


def test_processes_share_the_starts(tmp_path):
    seen = []
    run(study(seen), Results(tmp_path, 1e6), ["b"])
    assert seen == [("b", 0), ("b", 2), ("b", 4)]
    run(study(seen), Results(tmp_path, 1e6))
    assert sorted(seen) == sorted(BALANCED)


def test_nothing_is_begun_past_the_budget(tmp_path):
    seen = []
    run(study(seen), Results(tmp_path, 0.0))
    assert seen == []
    results = Results(tmp_path, 1e6)
    results.measure("other", "a", 0, lambda: {"task": [1.0]})
    assert results.has("other", "a", 0)
    assert Results(tmp_path, 1e-9).is_over, "earlier runs count"


def test_outcomes_are_kept_whole():
    hits, losses = [0.0, 1.0, 1.0], [0.25, 3.0]
    assert tables.unpacked(packed(hits)).tolist() == hits
    assert tables.unpacked(packed(losses)).tolist() == losses


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Two collections of two manuals; each manual has words of its own."""
    folder = tmp_path_factory.mktemp("corpora")
    rng = np.random.default_rng(0)
    for place, names in (("web", ("one", "two")), ("tools", ("three", "four"))):
        for number, manual in enumerate(names):
            (folder / place / manual).mkdir(parents=True)
            words = WORDS[number::4] + WORDS[40:80]
            for page in range(16):
                lines = [f"Page {' '.join(rng.choice(WORDS, 3))}\n{'=' * 40}\n"]
                for _ in range(9):
                    lines.append(f"\n{' '.join(rng.choice(words, 3))}\n{'-' * 40}\n")
                    lines += [f"The {' '.join(rng.choice(words, 16))}.\n" for _ in range(8)]
                (folder / place / manual / f"{page}.rst").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(example_checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "model"
    count = with_words(example_checkpoints / "my-embedder", folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(**SIZES, vocab_size=count, max_position_embeddings=CUT.reads)
    transformers.BertModel(config).save_pretrained(folder)
    return Models(folder, folder)


@pytest.fixture(scope="module")
def embedder(models):
    return load_embedder(models.shipped)


def test_batches_are_pages_of_one_manual_and_none_validates(corpora, embedder, tmp_path):
    kept = tmp_path / "batches.json"
    made = pairs.training_batches(corpora / "web", embedder, 4, kept)
    assert [len(batch.documents[0]) for batch in made] == [length - embedder.special for length in pairs.LENGTHS]
    for batch in made:
        assert len(batch.documents) == len(batch.titles) == len(batch.sections) == pairs.BATCH
        assert len(set(map(tuple, batch.documents))) == pairs.BATCH
    kept.write_text(kept.read_text(encoding="utf-8"), encoding="utf-8")
    assert pairs.training_batches(corpora / "web", embedder, 2, kept) == made[:2]
    training, validation = (pairs.pages(corpora / "web", each) for each in (False, True))
    assert all(
        not {each.text for each in training[name]} & {each.text for each in validation[name]} for name in training
    )
    assert sum(map(len, training.values())) + sum(map(len, validation.values())) == 32


def test_every_start_reads_what_it_says(models, embedder):
    document = list(range(10, 10 + ROWS - embedder.special))
    for start in (CUT, END, *LONG):
        read = start.cut(document, embedder.special)
        assert len(read) + embedder.special == start.reads
        assert (read[-1] == document[-1]) == (start is not CUT)
    shipped = embedder.model.embeddings.position_embeddings.weight.detach()
    for start in LONG[:3]:
        rows = start.embedder(models).model.embeddings.position_embeddings.weight.detach()
        assert rows.shape[0] == ROWS
        assert torch.equal(rows[0], shipped[0])


def test_fine_tuning_changes_the_outcomes_of_a_model(corpora, models, embedder, tmp_path):
    batches = pairs.training_batches(corpora / "web", embedder, 2, tmp_path / "batches.json")
    short = RetrievalSet(((10, 11), (12, 13)), ((10,), (12,)), (0, 0), 2)
    documents = tuple(tuple(document) for document in batches[0].documents)
    long = {"title": RetrievalSet(documents, tuple(map(tuple, batches[0].titles)), (0,) * pairs.BATCH, pairs.BATCH)}
    work = retrieval.study(models, retrieval.Asked(long, short), batches).starts[LONG[0].name]()
    loss = float(work.trainee.loss(0).detach())
    assert set(work.measure()) == {"title", retrieval.SHORT}
    work.trainee.advance(2)
    assert float(work.trainee.loss(0).detach()) < loss
    moved = [name for name, each in work.trainee.modules.named_parameters() if each.grad is not None]
    assert any("position_embeddings" in name for name in moved)
    assert any("attention" in name for name in moved)


def test_a_cut_document_has_the_vector_of_its_beginning(models, embedder):
    long = tuple(range(5, 5 + ROWS - embedder.special)) * 1
    ids = tuple(each % 100 for each in long)
    asked = retrieval.Asked(
        {"title": RetrievalSet((ids, ids[:-1]), (ids[:20], ids[:21]), (0, 0), 2)},
        RetrievalSet(((9,), (8,)), ((9,), (8,)), (0, 0), 2),
    )
    assert asked.outcomes(CUT, embedder)["title"] == [0, 0], "both are cut to the same tokens: a tie is a miss"


def test_bundles_ask_for_their_second_page(corpora, embedder):
    folders = bundles.manuals_of(corpora)
    assert [folder.name for folder in folders] == ["four", "three", "one", "two"]
    train, test = (bundles.Manuals(folders, embedder, each) for each in (False, True))
    pages = [[tuple(page) for manual in each.pages for page in manual] for each in (train, test)]
    assert pages[0]
    assert pages[1]
    assert not set(pages[0]) & set(pages[1])
    for number in range(6):
        bundle = train.bundle(number)
        assert len(bundle.document) == bundles.LENGTH
        assert bundle.begins >= CUT.reads
        second = bundle.document[bundle.begins :]
        found = [label for label, manual in enumerate(train.pages) for page in manual if _has(page, second)]
        assert found == [bundle.label]
        assert train.bundle(number) == bundle


def _has(page, piece):
    return any(page[at : at + len(piece)] == piece for at in range(len(page) - len(piece) + 1))


def test_classification_trains_a_head_and_all_weights(corpora, models, embedder, monkeypatch, tmp_path):
    monkeypatch.setattr(classification, "MARKS", (1, 2))
    monkeypatch.setattr(classification, "TESTED", 8)
    data = classification.Data(corpora, embedder)
    work = classification.work(models, data, LONG[0])
    before = [each.detach().clone() for each in work.trainee.modules.parameters()]
    work.trainee.advance(1)
    changed = [
        not torch.equal(one, other) for one, other in zip(before, work.trainee.modules.parameters(), strict=True)
    ]
    assert sum(changed) > len(changed) / 2
    assert set(map(float, work.measure()[classification.TASK])) <= {0.0, 1.0}
    results = Results(tmp_path, 1e6)
    classification.baselines(data, results)
    found = tables.curves(results.found(), classification.BASELINES, classification.TASK)
    assert found["words of the second page alone"][0].mean() >= found["words of the whole document"][0].mean()


@pytest.fixture(scope="module")
def letters():
    rng = np.random.default_rng(0)
    train = rng.integers(0, 20, 5000).astype(np.int32)
    held_out = tuple(rng.integers(0, 20, 600).astype(np.int32) for _ in range(130))
    return Corpus(train, held_out, held_out, 20, 21, 22, 1, "", ())


def test_the_lab_trains_all_weights_from_every_start(letters, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "TOKENS", 512)
    monkeypatch.setattr(lab, "_WINDOWS", 1)
    monkeypatch.setattr(lab, "_DOCUMENTS", 4)
    monkeypatch.setattr(lab, "TABLE_STEPS", 2)
    sizes = lab.Sizes(d_model=16, layers=1, heads=2, steps=60)
    made = lab.Lab(letters, 0, sizes, tmp_path)
    blocks, linear, calibrated = (made.work(lab.STARTS[name]) for name in ("blocks of 64", "linear", "calibrated"))
    assert [len(each.trainee.modules[0].table) for each in (blocks, linear, calibrated)] == [
        lab.SHORT,
        lab.LONG,
        lab.LONG,
    ]
    again = made.work(lab.STARTS["calibrated"])
    for one, other in zip(weights(calibrated.trainee), weights(again.trainee), strict=True):
        np.testing.assert_array_equal(one, other)
    tile = made.work(lab.STARTS["tile"]).trainee.modules[0]
    assert not torch.equal(tile.table, calibrated.trainee.modules[0].table)
    assert torch.equal(tile.head.weight, calibrated.trainee.modules[0].head.weight), "only the table was trained"
    before = linear.measure()
    linear.trainee.advance(1)
    assert linear.measure() != before
    assert len(before[lab.TASK]) == 4


def curve(*rates):
    return {
        step * 50: np.repeat([1.0, 0.0], [round(rate * 200), 200 - round(rate * 200)])
        for step, rate in enumerate(rates)
    }


def test_when_a_start_no_longer_matters():
    each = {
        "good": curve(0.8, 0.8, 0.9),
        "late": curve(0.5, 0.7, 0.9),
        "never": curve(0.5, 0.6, 0.7),
        "back": curve(0.8, 0.5, 0.9),
    }
    assert tables.best([each], list(each)) in ("good", "late", "back")
    assert tables.best([{"a": curve(0.5), "b": curve(0.7)}], ["a", "b", "absent"]) == "b"
    assert tables.best([{"a": curve(0.5), "b": curve(0.7)}], ["a", "b"], lowest=True) == "a"
    assert tables.settled(each, "late", "good") == 100
    assert tables.settled(each, "back", "good") == 100, "once is not from then on"
    assert tables.settled(each, "never", "good") is None


def test_seeds_are_crossed_with_documents():
    one, other = {"a": curve(0.5, 0.6), "b": curve(0.5)}, {"a": curve(0.6)}
    found = tables.of_seeds([one, other])
    assert set(found["a"]) == {0}
    assert found["a"][0].shape == (2, 200)
    assert found["b"] == {}
    same = tables.less(found["a"][0], found["a"][0])
    assert (same["low"], same["mean"], same["high"]) == (0, 0, 0)


def test_the_page_shows_what_is_kept(capsys):
    tables.print_tables(load(tables.KEPT))
    printed = capsys.readouterr().out.splitlines()
    shown = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(shown) > 30
    assert [line for line in shown if line not in printed] == []
