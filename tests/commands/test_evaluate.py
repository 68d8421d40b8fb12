"""The whole evaluation of a small model, and the command."""

import json
import shlex
import shutil
from dataclasses import replace

import pytest
import transformers

from posembed import evaluate, extend_checkpoint, extend_model, save_length_aware
from posembed.errors import ArgumentTypeError, DataError, InvalidArgumentError
from posembed.quality.models.library import has_library
from posembed.records.evaluate import EvaluateOptions
from posembed.records.evaluation import Evaluation
from tests.fixtures.library_models import save_modules

SMALL = {"lengths": [128, 640], "tasks": ["passkey", "paragraph"], "documents": 20, "pool": 10, "precision": "fp32"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    words = (
        *("the", "a", "cat", "dog", "man", "sat", "ran", "bit", "on", "under", "mat", "house", "of", "and"),
        *("positions", "tell", "which", "word", "comes", "first"),
    )
    for number in range(80):
        text = " ".join(words[(number * 7 + k * k) % len(words)] for k in range(600))
        (folder / f"{number}.txt").write_text(f"{text} {number}", encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def longer(example_checkpoints, tmp_path_factory):
    out = tmp_path_factory.mktemp("longer") / "out"
    extend_checkpoint(example_checkpoints / "my-embedder", out, 1024, method="tile", range=200)
    return out


@pytest.fixture(scope="module")
def results(longer, example_checkpoints, data):
    return evaluate(longer, original=example_checkpoints / "my-embedder", data=data, **SMALL)


ALWAYS = {"truncated", "word vectors", "BM25"}
BY_CHUNKS = {f"{kind} {n}" for kind in ("first + average", "best chunk") for n in (128, 256, 512)} | {
    "chunks averaged 128", "chunks averaged 256", "chunks averaged",
}  # fmt: skip
LATE = {f"late chunk {n}" for n in (128, 256, 512)}


def systems_at(found, length):
    return {c.system for c in found.results.cells if c.length == length}


def test_every_cell_is_there(results):
    assert systems_at(results, 128) == ALWAYS | {"checkpoint"}
    assert systems_at(results, 640) == ALWAYS | {"checkpoint"} | BY_CHUNKS | LATE
    assert {c.task for c in results.results.cells} == {"passkey", "paragraph"}
    assert len(results.results.comparisons) == 2 * (3 + 3 + 9 + 3)
    assert results.results.shortages == (
        "short texts were not searched: the texts have no two paragraphs of two short sentences",
    )
    assert results.notes == results.results.shortages
    assert results.configuration.usable_length == 1024
    assert results.configuration.original_usable_length == 512


def test_rows_that_stay_keep_short_inputs(results):
    """A tile over 200 rows reads the old rows below 200: short vectors are the same to the last bit."""
    assert results.results.fidelity.equal == results.results.fidelity.texts == 20
    assert "20 of 20 vectors equal bit for bit" in results.verdict[-1]


def test_stretched_rows_do_not(example_checkpoints, tmp_path, data):
    extend_checkpoint(example_checkpoints / "my-embedder", tmp_path / "out", 1024, method="linear")
    found = evaluate(
        tmp_path / "out", original=example_checkpoints / "my-embedder", data=data, **(SMALL | {"lengths": [128]})
    )
    assert found.results.fidelity.equal == 0
    assert found.results.fidelity.cosine.least < 1


def test_the_same_call_gives_the_same_numbers(results, longer, example_checkpoints, data):
    again = evaluate(longer, original=example_checkpoints / "my-embedder", data=data, **SMALL)
    assert replace(again, created="") == replace(results, created="")


def test_without_an_original_longer_documents_are_for_the_baselines(example_checkpoints, data):
    found = evaluate(example_checkpoints / "my-embedder", data=data, **SMALL)
    assert systems_at(found, 128) == {"checkpoint", "word vectors", "BM25"}
    assert systems_at(found, 640) == ALWAYS | BY_CHUNKS
    assert found.original is found.results.fidelity is found.recorded_original is None
    assert found.verdict[-1] == "No original was given: how the checkpoint differs from it is not measured"
    assert found.verdict[0].startswith("passkey at 640 tokens: use BM25 (no vectors)")
    assert found.notes == ("no `original` was given, so the checkpoint is compared with nothing",)


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"lengths": []}, InvalidArgumentError, r"lengths=\[\] must be at least one number"),
        ({"lengths": [32]}, InvalidArgumentError, "each at least 64 tokens"),
        ({"tasks": []}, InvalidArgumentError, "`tasks` is empty"),
        ({"tasks": ["hay"]}, InvalidArgumentError, "'hay' must be one of title, section, needle, paragraph"),
        ({"data": "absent"}, DataError, "no such file"),
        ({"documents": 25}, InvalidArgumentError, "documents=25 must be a multiple of pool=10"),
        ({"precision": "fp8"}, InvalidArgumentError, "precision='fp8'"),
    ],
)
def test_wrong_calls(example_checkpoints, data, settings, error, sentence):
    with pytest.raises(error, match=sentence):
        evaluate(example_checkpoints / "my-embedder", **({"data": data} | SMALL | settings))


def test_tables_by_length_are_judged_too(example_checkpoints, tmp_path, data):
    source = example_checkpoints / "my-embedder"
    extend_checkpoint(source, tmp_path / "out", 1024, method="linear")
    model = transformers.AutoModel.from_pretrained(source)
    extend_model(model, 1024, method="linear", length_aware=True)
    save_length_aware(model, tmp_path / "out")
    found = evaluate(tmp_path / "out", original=source, data=data, **(SMALL | {"lengths": [128]}))
    assert found.results.fidelity.equal == 20
    plan = extend_checkpoint(tmp_path / "out", tmp_path / "longer", 2048, method="tile")
    assert not (tmp_path / "longer" / "length_aware.safetensors").exists()
    assert "length-aware tables that belong to the old table" in str(plan.to_dict()["left_out"])


def test_few_documents_leave_depths_empty(example_checkpoints, data):
    few = {"lengths": [128], "documents": 2, "pool": 2, "tasks": ["passkey"], "precision": "fp32"}
    found = evaluate(example_checkpoints / "my-embedder", data=data, **few)
    assert None in found.results.cells[0].by_depth
    stored = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert Evaluation.from_dict(stored) == found


def test_short_texts_fit_both_models(example_checkpoints, tmp_path, data):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "short")
    model = transformers.AutoModel.from_pretrained(folder)
    extend_model(model, 64, method="crop")
    model.save_pretrained(folder)
    small = {"documents": 10, "pool": 10, "tasks": ["passkey"], "lengths": [128], "precision": "fp32"}
    found = evaluate(folder, original=example_checkpoints / "my-embedder", data=data, **small)
    assert found.results.fidelity.longest == 62
    with pytest.raises(InvalidArgumentError, match="short=63 must be between 1 and 62"):
        evaluate(folder, data=data, short=63, **small)


@pytest.mark.parametrize("what", ["width", "vocabulary"])
def test_another_model_is_no_original(example_checkpoints, tmp_path, data, what):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "other")
    if what == "width":
        config = transformers.AutoConfig.from_pretrained(folder, hidden_size=16)
        transformers.BertModel(config).save_pretrained(folder)
    else:
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        (folder / "tokenizer.json").write_text(text.replace('"dog"', '"wolf"'), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="`original` has another tokenizer or width"):
        evaluate(example_checkpoints / "my-embedder", original=folder, data=data, **SMALL)


def test_each_checkpoint_is_searched_once(longer, example_checkpoints, data, monkeypatch):
    from posembed.find import search as find

    scans, inner = [], find._search
    monkeypatch.setattr(find, "_search", lambda checkpoint: scans.append(checkpoint.root) or inner(checkpoint))
    evaluate(longer, original=example_checkpoints / "my-embedder", data=data, **SMALL | {"lengths": [128]})
    assert scans == [longer, example_checkpoints / "my-embedder"]


def test_the_old_callback_still_works_and_warns(example_checkpoints, data):
    said = []
    with pytest.warns(DeprecationWarning, match="`tell` is now `observer`"):
        evaluate(example_checkpoints / "my-embedder", data=data, tell=said.append, **SMALL | {"lengths": [128]})
    assert said[:2] == ["reading texts", "loading models"]


def test_a_record_of_options_or_keywords(example_checkpoints, data):
    options = EvaluateOptions(data=data, **SMALL | {"lengths": [128]})
    found = evaluate(example_checkpoints / "my-embedder", options)
    again = evaluate(example_checkpoints / "my-embedder", data=data, **SMALL | {"lengths": [128]})
    assert replace(found, created="") == replace(again, created="")
    with pytest.raises(ArgumentTypeError, match="give either options or keywords"):
        evaluate(example_checkpoints / "my-embedder", options, seed=1)


def test_other_models_are_refused(example_checkpoints, data):
    with pytest.raises(InvalidArgumentError, match="holds ViTForImageClassification"):
        evaluate(example_checkpoints / "my-vit", data=data, **SMALL)


def test_the_command(cli, longer, example_checkpoints, data, tmp_path):
    options = ["--data", data, "--lengths", "128,640", "--tasks", "passkey", "--documents", 20, "--pool", 10]
    call = ["evaluate", longer, "--original", example_checkpoints / "my-embedder", *options, "--precision", "fp32"]
    code, printed, told = cli(*call)
    assert code == 0
    assert "passkey: fraction of queries whose document ranked first of 10" in printed
    assert "20 of 20" in next(line for line in printed.splitlines() if "vectors equal bit for bit" in line)
    assert "Traceback" not in told
    code, printed, told = cli(*call, "--json", "--html", tmp_path / "report.html")
    assert (code, json.loads(printed)["schema"]) == (0, "posembed.evaluate")
    assert "wrote" in told
    assert "Passkey by length" in (tmp_path / "report.html").read_text(encoding="utf-8")
    code, printed, told = cli(*call, "--html", tmp_path / "nowhere" / "report.html")
    assert (code, printed) == (2, "")
    assert "there is no directory" in told.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--lengths", "a,b"], "--lengths 'a,b' must be whole numbers"),
        (["--lengths", "²"], "must be whole numbers"),
        (["--tasks", "x"], "unknown name 'x'; choose from title, section, needle, paragraph"),
    ],
)
def test_wrong_commands_are_one_sentence(cli, example_checkpoints, arguments, sentence):
    code, printed, told = cli("evaluate", example_checkpoints / "my-embedder", *arguments)
    assert (code, printed) == (2, "")
    assert sentence in told


def test_the_command_names_the_recorded_original(example_checkpoints, tmp_path, data, cli, monkeypatch):
    shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "it's old")
    monkeypatch.chdir(tmp_path)
    extend_checkpoint("it's old", "long", 1024, method="linear")
    call = ["evaluate", "long", "--data", data, "--tasks", "passkey", "--lengths", "128", "--documents", "10", "--pool"]
    call += ["10", "--precision", "fp32"]
    code, printed, told = cli(*call)
    assert code == 0, told
    assert "cosine" not in printed
    assert "equal bit for bit" not in printed
    printed = " ".join(printed.split())
    assert (
        "Note: no --original was given, so the checkpoint is compared with nothing; it was made from it's old: "
        in printed
    )
    line = told.splitlines()[-1].removeprefix("posembed: next: ")
    assert shlex.split(line) == ["posembed", *call, "--original", "it's old"]
    code, printed, told = cli(*shlex.split(line)[1:])
    assert code == 0, told
    assert "cosine to the original" in printed
    assert "Note: no" not in printed
    assert "next:" not in told


@pytest.mark.skipif(not has_library(), reason="no sentence-transformers")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_other_modules_and_prompts(example_checkpoints, tmp_path, data):
    """The notes tell how the model was read, and every system works with what its modules give."""
    from sentence_transformers import models

    modules = lambda: [models.Pooling(32, "lasttoken"), models.Dense(32, 8), models.Normalize()]  # noqa: E731
    prompts = {"query": "which word ", "document": "the house "}
    source = save_modules(example_checkpoints / "my-embedder", tmp_path / "old", modules, prompts=prompts)
    extend_checkpoint(source, tmp_path / "new", 1024, method="tile", range=200)
    found = evaluate(tmp_path / "new", original=source, data=data, **SMALL | {"tasks": ["passkey"]})
    assert systems_at(found, 640) == ALWAYS | {"checkpoint"} | BY_CHUNKS
    said = (
        "the model was given its prompts ('which word ' before queries, 'the house ' before documents); lengths count"
    )
    assert any(note.startswith(said) for note in found.notes)
    assert any("(lasttoken, Dense " in note for note in found.notes)
