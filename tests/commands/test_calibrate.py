"""A checkpoint goes in, a calibrated one comes out: which rows moved, that it is better, what is refused."""

import json
import shutil
import signal

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from posembed import calibrate, extend_checkpoint, find_tables, inspect_checkpoint, load_length_aware
from posembed.checkpoint import source
from posembed.errors import (
    ArgumentTypeError,
    CheckpointError,
    DataError,
    InvalidArgumentError,
    WorkFailedError,
)
from posembed.find import search
from posembed.observer import Callbacks
from posembed.quality.evaluate.provenance import provenance
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.library import has_library
from posembed.quality.texts import load_texts
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import Calibration
from posembed.tables.extend import extend_table
from tests.fixtures.library_models import save_modules

KEYS = {
    "embedder": "embeddings.position_embeddings.weight",
    "causal": "transformer.wpe.weight",
    "masked": "roberta.embeddings.position_embeddings.weight",
}


def table_of(folder, key):
    return load_file(folder / "model.safetensors")[key]


def test_only_rows_past_the_kept_ones_move(done, embedder):
    record, out = done
    before, after = load_file(embedder / "model.safetensors"), load_file(out / "model.safetensors")
    key = KEYS["embedder"]
    assert before.keys() == after.keys()
    for name in before:
        if name != key:
            assert before[name].tobytes() == after[name].tobytes()
    old, new = before[key], after[key]
    assert new.shape == (128, 32)
    assert new[:32].tobytes() == old[:32].tobytes()
    moved = new[32:] - old[np.arange(32, 128) % 32]
    assert (np.abs(moved).max(axis=1) > 1e-3).all()
    np.testing.assert_allclose(moved[:32], moved[32:64], atol=1e-6)  # rows a period apart move alike
    assert np.abs(moved[0] - moved[1]).max() > 1e-3  # others do not
    assert record.moved.mean_row_norm == pytest.approx(np.linalg.norm(moved, axis=1).mean(), rel=1e-4)


@pytest.mark.parametrize("keep", [32, 48])
def test_what_is_written_is_what_was_validated(keep, embedder, texts, quick, tmp_path):
    """Also where more rows stay than the start repeats: the written table gives the recorded loss."""

    from posembed.quality.calibrate.contrastive import Contrastive
    from posembed.quality.calibrate.frozen import FrozenModel
    from posembed.quality.models.embedder import Embedder

    record = calibrate(embedder, tmp_path / "out", data=texts, range=32, keep=keep, batch=4, **quick)
    loaded = load_embedder(tmp_path / "out")
    own = Embedder(FrozenModel(loaded.model, KEYS["embedder"]), loaded.tokenizer)
    sets = load_texts(texts)
    rows = loaded.model.get_parameter(KEYS["embedder"]).detach().clone()
    made = Contrastive(own, record.configuration, rows, sets["train"], sets["validation"], at_once=4)
    assert made.validate(rows) == pytest.approx(record.validation.best, abs=1e-5)


def test_it_is_a_checkpoint_that_loads_and_short_inputs_are_the_same(done, embedder, texts):
    _, out = done
    model = transformers.AutoModel.from_pretrained(out)
    assert model.config.max_position_embeddings == 128
    assert [table.usable_length for table in find_tables(out) if table.refused is None] == [128]
    old, new = load_embedder(embedder), load_embedder(out)
    ids = [old.encode(text)[: 32 - old.special] for text in load_texts(texts)["test"]]
    assert np.array_equal(old.embed(ids), new.embed(ids))
    longer = [old.encode(text)[:60] for text in load_texts(texts)["test"]]
    assert not np.allclose(old.embed(longer), new.embed(longer), atol=1e-4)


def test_what_it_was_made_from_is_recorded(done, embedder):
    _, out = done
    (step,) = inspect_checkpoint(out).history
    (table,) = step.tables
    assert (step.source, table.method, step.length_aware) == (str(embedder), "calibrate", False)
    assert table.sentence("a").endswith("calibrated from 64 to 128 positions, from a")
    assert provenance(source.open_checkpoint(out), None).recorded_original == str(embedder)


def test_the_record_tells_how(done, texts, embedder):
    record, out = done
    content = json.loads((out / "calibration.json").read_text())
    assert content == record.to_dict()
    assert Calibration.from_dict(content) == record
    assert content["start"] == {
        "method": "tile", "options": {"range": 32}, "keep": 32, "period": 32, "why": ["the first 32 rows, repeated"],
    }  # fmt: skip
    assert record.configuration.data == texts
    assert record.training_tokens == record.steps * 8 * 100
    assert record.validation.best == min(point.validation for point in record.curve)
    assert record.validation.best < record.validation.start
    assert record.table == KEYS["embedder"]
    assert record.peak_memory_bytes > 2**26
    assert not list(out.parent.glob("*.calibrating"))


@pytest.mark.parametrize(("kind", "document"), [("causal", None), ("causal", 40), ("masked", None), ("masked", 40)])
def test_language_models(kind, document, request, texts, quick, tmp_path):
    source = request.getfixturevalue(kind)
    rates = {"shift_rate": 0.05, "row_rate": 0.02}
    record = calibrate(source, tmp_path / "out", data=texts, document=document, **rates, **quick)
    assert record.validation.best < record.validation.start
    assert record.configuration.spread is (document is not None)
    assert record.configuration.kind == kind
    reserved = 1 if kind == "masked" else 0
    old, new = table_of(source, KEYS[kind]), table_of(tmp_path / "out", KEYS[kind])
    assert new.shape == (reserved + 128, 32)
    assert new[: reserved + 64].tobytes() == old[: reserved + 64].tobytes()
    assert (np.abs(new[reserved + 64 :] - old[reserved : reserved + 64]).max(axis=1) > 0).all()
    loader = transformers.AutoModelForCausalLM if kind == "causal" else transformers.AutoModelForMaskedLM
    model = loader.from_pretrained(tmp_path / "out")
    assert torch.isfinite(model(input_ids=torch.full((1, 128), 7)).logits).all()


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({}, ("tile", {"range": 64}, 64)),
        ({"keep": 10}, ("stretch", {"keep": 10}, 10)),
        ({"keep": 0}, ("stretch", {"keep": 0}, 0)),
        ({"length_aware": True}, ("stretch", {"keep": 0}, 0)),
        ({"length_aware": True, "keep": 64}, ("tile", {"range": 64}, 64)),
        ({"length_aware": True, "range": 32}, ("tile", {"range": 32}, 32)),
    ],
)
def test_where_a_language_model_begins(settings, start, causal, texts, quick, tmp_path):
    """Rows that move begin drawn out, unless they are told to repeat."""
    record = calibrate(causal, tmp_path / "out", data=texts, shift_rate=0.05, row_rate=0.02, **quick | settings)
    assert (record.start.method, record.start.options, record.start.keep) == start
    old, new = table_of(causal, KEYS["causal"]), table_of(tmp_path / "out", KEYS["causal"])
    assert new[: start[2]].tobytes() == old[: start[2]].tobytes()


def test_a_table_that_is_long_already_keeps_what_repeats(embedder, texts, quick, tmp_path):
    extend_checkpoint(embedder, tmp_path / "long", 128, method="tile", range=40)
    settings = quick | {"length": None, "document": 100, "batch": 4}
    record = calibrate(tmp_path / "long", tmp_path / "out", data=texts, **settings)
    assert (record.start.method, record.start.keep, record.start.period) == ("as it is", 40, 40)
    old, new = (table_of(tmp_path / name, KEYS["embedder"]) for name in ("long", "out"))
    assert old.shape == new.shape
    assert old[:40].tobytes() == new[:40].tobytes()
    assert not np.array_equal(old[40:], new[40:])


def test_where_nothing_repeats_the_user_says_what_stays(embedder, texts, quick, tmp_path):
    settings = quick | {"length": None}
    with pytest.raises(InvalidArgumentError, match="set `keep` to the number of leading positions to keep"):
        calibrate(embedder, tmp_path / "out", data=texts, **settings)
    record = calibrate(embedder, tmp_path / "out", data=texts, keep=0, batch=4, **settings)
    assert record.configuration.keep == 0
    assert record.configuration.queries_trained is True
    assert not np.array_equal(table_of(embedder, KEYS["embedder"])[0], table_of(tmp_path / "out", KEYS["embedder"])[0])


def test_without_a_range_it_is_chosen_on_validation_texts(embedder, texts, quick, tmp_path, monkeypatch):
    from posembed.quality.calibrate import goals
    from posembed.records.search import MethodChoice

    asked = {}

    def choose(path, length, **settings):
        asked.update(settings, path=path, length=length)
        return MethodChoice(("because",), "accuracy", {}, None, (), "tile", {"range": 48})

    monkeypatch.setattr(goals, "search_method", choose)
    record = calibrate(embedder, tmp_path / "out", data=texts, batch=4, **quick)
    assert (asked["path"].root, asked["length"], asked["data"]) == (embedder, 128, texts)
    assert record.start.why == ("because",)
    assert record.configuration.keep == record.configuration.period == 48


@torch.no_grad()
def test_every_row_may_move_and_short_inputs_stay(embedder, texts, quick, tmp_path):
    """Tables by length: the longer one is trained whole, inputs of the old length read the old one."""
    settings = quick | {"keep": 0, "range": 32, "batch": 4, "length_aware": True}
    record = calibrate(embedder, tmp_path / "out", data=texts, **settings)
    assert record.length_aware is True
    assert record.configuration.above == 64  # no training document that would read the old table
    assert record.configuration.queries_trained is False
    old = transformers.AutoModel.from_pretrained(embedder).eval()
    new = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    ids = torch.randint(5, 200, (2, 64))
    assert not torch.allclose(new(ids).last_hidden_state, old(ids).last_hidden_state, atol=1e-4)
    new = load_length_aware(new, tmp_path / "out")
    assert torch.equal(new(ids).last_hidden_state, old(ids).last_hidden_state)
    static = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    longer = torch.randint(5, 200, (2, 100))
    assert torch.equal(new(longer).last_hidden_state, static(longer).last_hidden_state)
    with pytest.raises(InvalidArgumentError, match="length_aware=True requires a table that grows"):
        calibrate(embedder, tmp_path / "x", data=texts, **settings | {"length": None, "range": None})


@torch.no_grad()
def test_rows_that_stay_alone_and_rows_that_all_move(embedder, texts, quick, tmp_path):
    """The checkpoint's own table keeps the first rows; beside it lies one of which all moved, for longer inputs."""
    settings = quick | {"range": 64, "batch": 4, "document": 100, "length_aware": True}
    record = calibrate(embedder, tmp_path / "out", data=texts, **settings)
    assert (record.short, record.start.keep, record.configuration.keep) == (64, 64, 0)
    assert (record.start.method, record.start.options) == ("mean", {"range": 64, "keep": 1})
    assert not record.configuration.queries_trained
    before, after = (table_of(folder, KEYS["embedder"]) for folder in (embedder, tmp_path / "out"))
    assert after[:64].tobytes() == before[:64].tobytes()
    tables = load_file(tmp_path / "out" / "length_aware.safetensors")
    assert tables["64"].tobytes() == before.tobytes()
    assert tables["128"][64:].tobytes() == after[64:].tobytes()
    moved = tables["128"] - extend_table(before, 128, method="mean", range=64, keep=1)
    assert np.abs(moved).max(axis=1).min() > 1e-4
    np.testing.assert_allclose(moved[0], moved[100], atol=1e-6)  # one vector for all
    old = transformers.AutoModel.from_pretrained(embedder).eval()
    new = transformers.AutoModel.from_pretrained(tmp_path / "out").eval()
    short, longer = torch.randint(5, 200, (2, 64)), torch.randint(5, 200, (2, 65))
    assert torch.equal(new(short).last_hidden_state, old(short).last_hidden_state)
    static = new(longer).last_hidden_state
    new = load_length_aware(new, tmp_path / "out")
    assert torch.equal(new(short).last_hidden_state, old(short).last_hidden_state)
    assert not torch.allclose(new(longer).last_hidden_state, static, atol=1e-4)


def test_nothing_better_means_nothing_written(causal, texts, quick, tmp_path):
    """Rates so small that no row moves."""
    with pytest.raises(WorkFailedError, match="no table was better than the one at the start"):
        calibrate(causal, tmp_path / "out", data=texts, shift_rate=1e-30, row_rate=0.0, **quick)
    assert not list(tmp_path.iterdir())


def test_an_existing_target_is_refused_before_the_work(embedder, texts, quick, tmp_path):
    (tmp_path / "out").mkdir()
    told = []
    with pytest.raises(InvalidArgumentError, match="exists already"):
        calibrate(embedder, tmp_path / "out", data=texts, range=32, observer=Callbacks(message=told.append), **quick)
    assert told == []


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"length": 32}, InvalidArgumentError, "length=32 is below the 64 positions"),
        ({"length": 64, "range": 32}, InvalidArgumentError, "set a greater `length`"),
        ({"length": 128, "range": 65}, InvalidArgumentError, "range=65 must lie between 2 and 64"),
        ({"length": 128, "range": 32, "keep": 128}, InvalidArgumentError, "keep=128 must lie between 0 and 127"),
        ({"length": 128, "range": 32, "document": 300}, InvalidArgumentError, "document=300 must be at most"),
        ({"length": 128, "range": 32, "steps": 0}, InvalidArgumentError, "steps=0 must be at least 1"),
        ({"length": 128, "range": 32, "minutes": 0.0}, InvalidArgumentError, "minutes=0.0 must be above 0 and finite"),
        ({"length": 128, "minutes": float("nan")}, InvalidArgumentError, "minutes=nan must be a number"),
        ({"length": 128, "batch": 1}, InvalidArgumentError, "batch=1 must be at least 2"),
        ({"length": 128, "range": 32, "document": 0}, InvalidArgumentError, "document=0 must be at least 4"),
        ({"length": 128, "range": 32, "document": 32}, InvalidArgumentError, "document=32 must be above keep=32"),
        ({"length": 128, "range": 32, "precision": "fp8"}, InvalidArgumentError, "precision"),
        (
            {"length": 128, "range": 32, "keep": 0, "document": 64, "length_aware": True},
            InvalidArgumentError,
            "document=64 must be above 64: with length_aware=True, inputs of up to 64 tokens read the old table",
        ),
        (
            {"length": 256, "range": 64, "document": 64, "length_aware": True},
            InvalidArgumentError,
            "document=64 must be above 64: with length_aware=True",
        ),
        (
            {"length": 128, "document": 60, "hidden": 1.0},
            InvalidArgumentError,
            "document=60 must exceed 64, because up to 64 leading rows may be kept",
        ),
        (
            {"length": 128, "document": 64, "length_aware": True, "hidden": 1.0},
            InvalidArgumentError,
            "document=64 must exceed 64, because up to 64 leading rows may be kept",
        ),
    ],
)
def test_sizes_that_cannot_be(embedder, texts, tmp_path, settings, error, sentence):
    with pytest.raises(error, match=sentence):
        calibrate(embedder, tmp_path / "out", data=texts, **settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file or directory"),
        (b"", "the file is empty"),
        (b"\xff\xfe\x00\x80", "not UTF-8 text"),
        (b"\0\0\0", "NUL bytes"),
        (b"too little\n", "too little text"),
        (b"".join(b"the same words, line %d\n" % n for n in range(9000)), "different words"),
    ],
)
def test_data_that_cannot_be_used(embedder, tmp_path, content, sentence):
    file = tmp_path / "text"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        calibrate(embedder, tmp_path / "out", data=str(file), length=128, range=32, hidden=1.0)
    assert not (tmp_path / "out.calibrating").exists()


def test_models_of_another_kind(example_checkpoints, texts, tmp_path):
    with pytest.raises(InvalidArgumentError, match="supported are sentence-embedding models"):
        calibrate(example_checkpoints / "my-vit", tmp_path / "out", data=texts)


def test_one_file_is_one_text(causal, texts, quick, tmp_path):
    """Longer than the 8 KiB pieces in which it is split into sets; and what is too short is told by name."""
    file = tmp_path / "text"
    file.write_text("\n".join(load_texts(texts)["train"]) * 2, encoding="utf-8")
    settings = quick | {"length": 2048, "document": 32, "steps": 2, "shift_rate": 0.05}
    record = calibrate(causal, tmp_path / "out", data=str(file), **settings)
    assert record.configuration.length == 2048
    with pytest.raises(DataError, match=r"no validation document has 20000 tokens .* or a smaller `length`$"):
        calibrate(causal, tmp_path / "other", data=str(file), **settings | {"length": 20000})


def test_what_cannot_be_written_is_told_before_the_work(embedder, texts, quick, tmp_path):
    """A buffer of the old length whose values are no positions."""
    folder = shutil.copytree(embedder, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"embeddings.position_ids": np.zeros((1, 64), np.int64)}, folder / "model.safetensors")
    told = []
    with pytest.raises(CheckpointError, match="position_ids should count 0, 1, 2"):
        calibrate(folder, tmp_path / "out", data=texts, range=32, observer=Callbacks(message=told.append), **quick)
    assert told == []


def test_a_loss_that_is_no_number_leaves_no_state(embedder, texts, quick, tmp_path, monkeypatch):
    """It would end there again."""
    from posembed.quality.calibrate import contrastive

    monkeypatch.setattr(contrastive, "contrastive_loss", lambda _, documents: documents.sum() * torch.nan)
    with pytest.raises(WorkFailedError, match="the loss on validation texts is nan at step 0"):
        calibrate(embedder, tmp_path / "out", data=texts, range=32, batch=4, **quick)
    assert not list(tmp_path.iterdir())


def test_tables_by_length_are_refused(embedder, texts, quick, tmp_path):
    folder = shutil.copytree(embedder, tmp_path / "model")
    (folder / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="calibrate the checkpoint that they were made from"):
        calibrate(folder, tmp_path / "out", data=texts, range=32, **quick)


def test_the_command(embedder, texts, tmp_path, cli):
    arguments = ["calibrate", embedder, tmp_path / "out", "--data", texts, "--to", "128", "--range", "32"]
    small = [
        *("--minutes", "30", "--steps", "4", "--every", "2", "--batch", "4", "--document", "100"),
        *("--precision", "fp32", "--facts", "0"),
    ]
    code, out, err = cli(*arguments, *small)
    assert code == 0
    assert "The rows of the first 32 positions are unchanged, bit for bit." in out
    assert "4 of 4 steps, about" in err
    assert "wrote" in err
    handler = signal.getsignal(signal.SIGINT)
    code, out, _ = cli(*arguments, *small, "--force", "--json")
    assert code == 0
    assert json.loads(out)["schema"] == "posembed.calibration"
    assert json.loads(out)["configuration"]["facts"] == 0
    code, out, _ = cli(*arguments, *small, "--force", "--length-aware")
    assert code == 0
    assert (
        "With load_length_aware, inputs of up to 64 tokens read the old rows, longer ones a table of which every" in out
    )
    assert signal.getsignal(signal.SIGINT) is handler
    code, out, err = cli(*arguments, *small)
    assert (code, out) == (2, "")
    assert "exists already" in err
    code, _, err = cli("calibrate", embedder, tmp_path / "other", "--data", tmp_path / "nothing", "--to", "128")
    assert code == 2
    assert "no such file or directory" in err
    code, _, err = cli(*arguments, *small, "--force", "--minutes", "0")
    assert code == 2
    assert "--minutes 0.0 must be above 0" in err


@pytest.mark.parametrize("options", [{"range": 64, "length_aware": True}, {}, {"hidden": 0.0}])
def test_a_checkpoint_is_opened_and_searched_once(embedder, texts, quick, tmp_path, monkeypatch, options):
    """Also where the start is searched on validation texts."""
    opened, searched = [], []
    open_files, find_in = source._opened, search.find_in
    monkeypatch.setattr(source, "_opened", lambda root: opened.append(root) or open_files(root))
    monkeypatch.setattr(search, "find_in", lambda *given: searched.append(given) or find_in(*given))
    calibrate(embedder, tmp_path / "out", data=texts, batch=4, **quick | options)
    assert opened.count(embedder) == 1
    assert len(searched) == len({id(tensors) for tensors, *_ in searched})
    assert len([root for root in opened if root != embedder]) <= 1  # the new one is read back


def test_callbacks_of_the_first_version(embedder, texts, quick, tmp_path):
    told, reported, asked = [], [], []
    with pytest.warns(DeprecationWarning, match="report, tell and should_stop are deprecated: give an observer"):
        record = calibrate(
            embedder, tmp_path / "out", data=texts, range=32, batch=4, **quick,
            tell=told.append, report=reported.append, should_stop=lambda: asked.append(1),
        )  # fmt: skip
    steps = ["reading texts", "loading the model and the texts", "calibrating", "writing"]
    assert told == [*steps, "not checked whether the copy loads: no library in this test"]
    assert [message["step"] for message in reported] == list(range(9))
    assert len(asked) == 8
    assert set(reported[-1]) == {"phase", "step", "steps", "seconds", "loss", "tokens_per_second"}
    assert (reported[-1]["phase"], reported[-1]["steps"]) == ("training", 8)
    assert reported[-1]["loss"] == record.curve[-1].validation
    assert reported[-1]["seconds"] > 0


def test_options_are_one_record(embedder, texts, quick, tmp_path):
    options = CalibrateOptions(data=texts, range=32, batch=4, **quick)
    record = calibrate(embedder, tmp_path / "out", options)
    assert record.configuration.batch == 4
    with pytest.raises(ArgumentTypeError, match="give either options or keywords, not both: range"):
        calibrate(embedder, tmp_path / "other", options, range=32)
    with pytest.raises(ArgumentTypeError, match="there is no option 'rnage'"):
        calibrate(embedder, tmp_path / "other", data=texts, rnage=32)


@pytest.mark.skipif(not has_library(), reason="no sentence-transformers")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_model_with_modules_of_its_own_learns_through_them(embedder, texts, tmp_path):
    """The loss falls, and no other file of it changes."""
    from sentence_transformers import models

    modules = lambda: [models.Pooling(32, ("max", "mean")), models.Dense(64, 16), models.Normalize()]  # noqa: E731
    folder = save_modules(embedder, tmp_path / "old", modules, prompts={"query": "kakaka ", "document": "toto "})
    settings = {"length": 128, "range": 32, "steps": 20, "every": 10, "batch": 8, "precision": "fp32"}
    record = calibrate(folder, tmp_path / "new", data=texts, **settings)
    assert record.validation.best < record.validation.start
    dense = "2_Dense/model.safetensors"
    assert (tmp_path / "new" / dense).read_bytes() == (folder / dense).read_bytes()
