import dataclasses
import json
import re
import tempfile
from pathlib import Path

import jsonschema
import pytest
from safetensors.numpy import load_file

from posembed.commands import compare as module
from posembed.commands.compare import compare
from posembed.corpus import load_corpus
from posembed.errors import ArgumentTypeError, InvalidArgumentError, WorkFailedError, WorkInterruptedError
from posembed.lab.gather import build_comparison
from posembed.lab.train import run_unit
from posembed.records.compare import ENCODINGS, CompareOptions
from posembed.records.comparison import Comparison, MeasuredWindows, SetSizes
from posembed.records.interval import Interval
from posembed.statistics import mean_interval

DOCS = Path(__file__).parents[2] / "docs" / "formats"
SCHEMA = json.loads((DOCS / "results.schema.json").read_text(encoding="utf-8"))


def assert_documented(results):
    plain = results.to_dict()
    assert_valid(plain)
    assert Comparison.from_dict(json.loads(json.dumps(plain))) == results


def assert_valid(plain):
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(plain, allow_nan=False)))


def unit_file(folder):
    return json.loads((folder / "result.json").read_text())


def test_every_field_of_the_schema_is_explained():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    names, objects = set(), 0

    def collect(part):
        nonlocal objects
        if isinstance(part, dict):
            if part.get("type") == "object":
                assert part["additionalProperties"] is False
                assert part["required"] == list(part["properties"])
                objects += 1
            names.update(part.get("properties", {}))
            for value in part.values():
                collect(value)
        elif isinstance(part, list):
            for value in part:
                collect(value)

    collect(SCHEMA)
    assert objects > 15
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_a_run_is_as_documented(finished):
    results, out = finished
    assert_documented(results)
    assert json.loads((out / "results.json").read_text()) == results.to_dict()
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        assert_valid(results.to_dict() | {"surprise": 1})
    assert sorted(path.name for path in out.iterdir()) == [
        *("results.json", "setup.json", "setup.json.previous", "tables", "units")
    ]
    assert sorted(path.name for path in (out / "tables").iterdir()) == [
        f"{encoding}-seed0.safetensors" for encoding in ("learned", "sinusoidal")
    ]
    assert load_file(out / "tables" / "learned-seed0.safetensors")["position"].shape == (16, 16)
    learned, sinusoidal = results.arms
    assert (learned.encoding, learned.status, learned.seeds) == ("learned", "finished", (0,))
    assert learned.parameters - sinusoidal.parameters == learned.cost.parameters == 16 * 16
    assert results.verdict == (results.differences[0].verdict,)
    assert results.corpus.documents == SetSizes(64, 8, 8)
    assert (results.arm("sinusoidal"), results.arm("rope")) == (sinusoidal, None)


def test_results_are_still_read_as_a_mapping_with_a_warning(finished):
    results, _ = finished
    with pytest.warns(DeprecationWarning, match="Comparison is a record since 0.2: read its attributes"):
        assert results["arms"][0]["encoding"] == "learned"


def test_a_notebook_shows_verdict_and_tables(finished):
    shown = finished[0]._repr_html_()
    assert finished[0].verdict[0] in shown
    assert "Quality on test documents" in shown


def test_what_the_corpus_holds(finished, corpus, corpus_dir):
    results, _ = finished
    tokens = results.corpus.tokens
    assert sum(tokens.to_dict().values()) == sum(path.stat().st_size for path in corpus_dir.rglob("*.txt"))
    assert tokens.test == sum(map(len, corpus.test))
    assert results.corpus.sha256 == results.configuration.data_sha256 == corpus.sha256
    assert results.evaluation == MeasuredWindows(
        documents=8, windows=16, tokens=256, interval_over="documents", confidence=0.95
    )


def test_the_same_configuration_gives_the_same_document(finished, corpus_dir, tiny, tmp_path, untimed):
    """And two processes side by side give what this one gave."""
    results, out = finished
    encodings = ("learned", "sinusoidal")
    again = compare(
        options=CompareOptions(data=str(corpus_dir), encodings=encodings, out=tmp_path / "run", jobs=2, **tiny)
    )
    assert untimed(again.to_dict()) == untimed(results.to_dict())
    for file in (out / "tables").iterdir():
        assert (tmp_path / "run" / "tables" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.usefixtures("units_here")
def test_one_arm_that_diverges_does_not_stop_the_others(corpus_dir, tiny, tmp_path):
    results = compare(
        str(corpus_dir), encodings=("sinusoidal", "learned"), out=tmp_path, jobs=2, **tiny, sinusoid_rms=3e38
    )
    assert_documented(results)
    sinusoidal, learned = results.arms
    text = "seed 0: the loss became nan at step 1 of 12"
    assert (sinusoidal.status, sinusoidal.messages, sinusoidal.quality) == ("failed", (text,), None)
    assert (learned.status, learned.quality.seeds) == ("finished", 1)
    assert results.differences == ()
    assert results.verdict == (f"sinusoidal: failed ({text})",)
    assert results.evaluation.interval_over == "documents"
    assert [path.name for path in (tmp_path / "tables").iterdir()] == ["learned-seed0.safetensors"]


@pytest.mark.usefixtures("units_here")
def test_without_out_nothing_is_kept(corpus_dir, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    results = compare(str(corpus_dir), encodings=["rope"], first_seed=3, seeds=2, **tiny)
    assert_documented(results)
    assert results.configuration.seeds == results.arms[0].seeds == (3, 4)
    assert results.arms[0].quality.seeds == 2
    assert results.evaluation.interval_over == "documents and seeds"
    assert results.verdict == ("only one encoding: there is nothing to compare it with",)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def in_process(config, corpus, tmp_path):
    """Results of units that are run in this process, which is faster than a process each."""

    def run(units, failures=None):
        done = {own: run_unit(own, tmp_path / own.name) for own in units if own.name not in (failures or {})}
        return build_comparison(units, done, failures or {}, corpus)

    return run


def test_the_difference_from_the_units_files(config, in_process, corpus, tmp_path):
    pair = ("learned", "sinusoidal")
    results = in_process([config(encoding=n, seed=s, data_sha256=corpus.sha256) for s in (0, 1) for n in pair])
    per_seed = []
    for seed in (0, 1):
        first, second = (unit_file(tmp_path / f"{name}-seed{seed}")["in_range"] for name in pair)
        per_seed.append([a - b for a, b in zip(first["documents"], second["documents"], strict=True)])
    (difference,) = results.differences
    assert (difference.first, difference.second) == ("learned", "sinusoidal")
    mean = sum(map(sum, per_seed)) / 16
    assert difference.mean == pytest.approx(mean, rel=1e-12)
    assert Interval(*dataclasses.astuple(difference)[2:7]).to_dict() == mean_interval(per_seed)
    arms = [arm.quality.mean for arm in results.arms]
    assert arms[0] - arms[1] == pytest.approx(mean, abs=1e-12)
    assert re.match(r"learned − sinusoidal = −?0\.\d+ ± 0\.\d+ nats: ", difference.verdict)


@pytest.mark.parametrize("kind", ["decoder", "encoder"])
def test_all_encodings_of_both_models(config, in_process, corpus, kind):
    results = in_process([config(encoding=name, model=kind, data_sha256=corpus.sha256) for name in ENCODINGS])
    assert_documented(results)
    assert [arm.encoding for arm in results.arms] == list(ENCODINGS)
    assert all(arm.status == "finished" for arm in results.arms)
    assert [(d.first, d.second) for d in results.differences] == [("learned", n) for n in ENCODINGS[1:]]
    losses = [arm.quality.mean for arm in results.arms]
    assert len(set(losses)) == 6
    assert all(3 < loss < 5.6 for loss in losses)
    assert [arm.flexibility is not None for arm in results.arms] == [n.startswith("learned") for n in ENCODINGS]


def test_a_unit_without_a_result_is_in_the_document(config, in_process, corpus):
    units = [config(encoding=n, seed=s, data_sha256=corpus.sha256) for s in (0, 1) for n in ("rope", "none")]
    results = in_process(units, {"rope-seed1": "was killed", "none-seed0": "ran out of memory"})
    assert_documented(results)
    assert [arm.status for arm in results.arms] == ["incomplete", "incomplete"]
    assert results.differences == ()  # no seed that both finished
    assert results.verdict == (
        "rope: incomplete (rope-seed1: was killed)",
        "none: incomplete (none-seed0: ran out of memory)",
    )


def test_nothing_finished(corpus_dir, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "run_units", lambda todo, *_: {config.name: "was killed" for config in todo})
    with pytest.raises(WorkFailedError, match=r"^no unit finished\. rope-seed0: was killed; none-seed0: was killed$"):
        compare(str(corpus_dir), encodings=("rope", "none"), out=tmp_path, **tiny)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["setup.json", "setup.json.previous"]


def test_ctrl_c_says_how_to_go_on(corpus_dir, tiny, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run_units", interrupted)
    with pytest.raises(WorkInterruptedError, match=rf"so far is in {tmp_path}: resume it with resume=True"):
        compare(str(corpus_dir), out=tmp_path, **tiny)
    with pytest.raises(WorkInterruptedError, match="stopped; nothing was kept, because `out` was not given"):
        compare(str(corpus_dir), **tiny)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"encodings": ()}, InvalidArgumentError, "`encodings` is empty; choose from learned, sinusoidal"),
        ({"first_seed": -1}, InvalidArgumentError, "first_seed=-1 must be at least 0"),
        ({"widht": 3}, ArgumentTypeError, "there is no option 'widht'; the options are data, encodings, model, seeds"),
        ({"seed": 3}, ArgumentTypeError, "there is no option 'seed'"),
        ({"options": CompareOptions()}, ArgumentTypeError, "give either options or data='.*', not both"),
        ({"device": "bogus"}, InvalidArgumentError, "device='bogus' cannot be used here"),
        ({"train_length": 4000}, InvalidArgumentError, "train_length=4000 is larger than the data"),
    ],
)
def test_calls_that_cannot_be_right(corpus_dir, tiny, monkeypatch, arguments, error, message):
    monkeypatch.setattr(module, "run_units", None)  # refused before anything is trained
    with pytest.raises(error, match=message):
        compare(str(corpus_dir), **(tiny | arguments))


def test_a_missing_text_is_named_as_python_has_it():
    with pytest.raises(
        InvalidArgumentError, match=r"^data='/nonexistent': no such file or directory; give a text file"
    ):
        compare("/nonexistent")


def test_warm_up_is_a_tenth_unless_said(corpus_dir, tiny, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "run_units", lambda todo, *_: seen.append(todo[0]) or {todo[0].name: "x"})
    settings = {name: value for name, value in tiny.items() if name != "warmup_steps"}
    for steps, warmup in ((5, 1), (70, 7)):
        with pytest.raises(WorkFailedError):
            compare(str(corpus_dir), encodings=("none",), **(settings | {"steps": steps}))
        assert seen[-1].warmup_steps == warmup
    assert seen[-1].data_sha256 == load_corpus(str(corpus_dir)).sha256
    assert dataclasses.replace(seen[-1], steps=12, warmup_steps=2, data_sha256="").to_dict().items() >= tiny.items()
