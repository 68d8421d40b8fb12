"""The folder that results go into: what is refused, what is kept, what is made again."""

import dataclasses
import json
import re
import shutil

import pytest

from posembed.commands import compare as module
from posembed.commands.compare import compare
from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError
from posembed.lab import folder
from posembed.observer import Callbacks

PAIR = ("learned", "sinusoidal")


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run."""
    return shutil.copytree(finished[1], tmp_path / "copy")


@pytest.fixture
def no_training(monkeypatch):
    monkeypatch.setattr(module, "run_units", None)


def contents(folder):
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("units_here")
def test_resume_trains_only_what_is_missing(finished, copy, corpus_dir, tiny, untimed):
    results, _ = finished
    shutil.rmtree(copy / "units" / "sinusoidal-seed0")
    shutil.rmtree(copy / "tables")
    (copy / "results.json").unlink()
    before = contents(copy)
    told = []
    again = compare(
        str(corpus_dir),
        encodings=PAIR,
        out=copy,
        resume=True,
        **tiny,
        observer=Callbacks(progress=lambda update: told.append((update.name, update.phase))),
    )
    kept = [name for name, phase in told if phase == "kept"]
    assert kept == ["learned-seed0"]
    assert {name for name, phase in told if phase != "kept"} == {"sinusoidal-seed0"}
    assert untimed(again.to_dict()) == untimed(results.to_dict())
    after = contents(copy)
    assert {name: after[name] for name in before} == before  # neither written again nor touched
    assert len(list((copy / "tables").iterdir())) == 2
    assert json.loads((copy / "results.json").read_text()) == again.to_dict()


def test_a_finished_run_is_resumed_without_training(finished, copy, corpus_dir, tiny, untimed, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "run_units", lambda todo, *_: asked.append(todo) or {})
    again = compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)
    assert asked == [[]]
    assert dataclasses.replace(again, created="") == dataclasses.replace(finished[0], created="")


def test_the_callback_of_before_is_still_called_and_warns(finished, copy, corpus_dir, tiny):
    told = []
    with pytest.warns(DeprecationWarning, match="on_event is deprecated: give an observer"):
        compare(
            str(corpus_dir), encodings=PAIR, out=copy, resume=True, on_event=lambda *event: told.append(event), **tiny
        )
    assert told == [(f"{name}-seed0", {"phase": "kept", "step": 12}) for name in PAIR]


@pytest.mark.parametrize("version", sorted(folder.SAME_NUMBERS))
def test_a_folder_begun_by_a_version_with_the_same_numbers_is_resumed(
    finished, copy, corpus_dir, tiny, monkeypatch, version
):
    monkeypatch.setattr(module, "run_units", lambda *_: {})
    setup = copy / "setup.json"
    setup.write_text(json.dumps(json.loads(setup.read_text()) | {"posembed": version}))
    again = compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)
    assert again.arms == finished[0].arms


def rewrite(file, **changes):
    """Change entries of a file as another version would have written them, which knows no checksum."""
    content = json.loads(file.read_text()) | changes
    del content["checksum"]
    file.write_text(json.dumps(content))
    (file.parent / f"{file.name}.previous").unlink()


def test_a_folder_begun_by_any_other_version_is_not(copy, corpus_dir, tiny, no_training):
    setup = copy / "setup.json"
    rewrite(setup, posembed="0.0.9")
    with pytest.raises(ResultsConflictError, match=r"posembed: '0\.0\.9' there"):
        compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"steps": 13}, "steps: 12 there, 13 here"),
        ({"seeds": 3}, r"seeds: \[0\] there, \[0, 1, 2\] here"),
        ({"encodings": ("learned",)}, r"encodings: \['learned', 'sinusoidal'\] there, \['learned'\] here"),
        ({"learning_rate": 0.5, "heads": 4}, "heads: 2 there, 4 here, learning_rate: 0.001 there, 0.5 here"),
    ],
)
@pytest.mark.parametrize("resume", [False, True])
def test_another_configuration_is_refused(copy, corpus_dir, tiny, no_training, changes, difference, resume):
    before = contents(copy)
    settings = {"encodings": PAIR} | tiny | changes
    with pytest.raises(ResultsConflictError, match=rf"holds the work of another configuration \({difference}\)"):
        compare(str(corpus_dir), out=copy, resume=resume, **settings)
    assert contents(copy) == before


def test_other_data_is_another_configuration(copy, corpus_dir, tiny, tmp_path, no_training):
    data = shutil.copytree(corpus_dir, tmp_path / "data")
    (data / "more.txt").write_text("one document more\n")
    with pytest.raises(ResultsConflictError, match=r"\(data: '.*' there, '.*/data' here, data_sha256: '.*' there"):
        compare(str(data), encodings=PAIR, out=copy, resume=True, **tiny)


def test_results_are_not_written_over_without_resume(copy, corpus_dir, tiny, no_training):
    before = contents(copy)
    with pytest.raises(
        ResultsConflictError, match="of this configuration: resume it with resume=True, or give another `out`"
    ):
        compare(str(corpus_dir), encodings=PAIR, out=copy, **tiny)
    assert contents(copy) == before


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_other_files_is_not_touched(corpus_dir, tiny, tmp_path, no_training, resume):
    (tmp_path / "thesis.tex").write_text("years of work")
    before = contents(tmp_path)
    with pytest.raises(
        ResultsConflictError, match="is not empty and not a run of posembed compare; give another `out`"
    ):
        compare(str(corpus_dir), out=tmp_path, resume=resume, **tiny)
    assert contents(tmp_path) == before


def test_a_file_is_no_folder(corpus_dir, tiny, tmp_path, no_training):
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(ResultsConflictError, match=r"^out='.*/file' is a file; give a directory$"):
        compare(str(corpus_dir), out=file, **tiny)
    with pytest.raises(ResultsConflictError, match=r"^out='.*/file/below' cannot be written \(Not a directory\)$"):
        compare(str(corpus_dir), out=file / "below", **tiny)
    assert file.read_text() == "text"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_damaged_setup_is_mended_from_its_copy(copy, corpus_dir, tiny, content):
    setup = copy / "setup.json"
    whole = setup.read_bytes()
    setup.write_bytes(content)
    told = []
    compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, observer=Callbacks(message=told.append), **tiny)
    assert setup.read_bytes() == whole
    (said,) = [each for each in told if "setup.json" in each]
    assert re.search(r"setup.json is damaged \(.+\): its copy .*/setup.json.previous is used$", said)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_without_a_copy_a_damaged_setup_is_refused(copy, corpus_dir, tiny, no_training, content):
    (copy / "setup.json").write_bytes(content)
    for _ in range(2):
        (copy / "setup.json.previous").write_bytes(content)
        with pytest.raises(WorkFailedError, match=r"setup.json is damaged \(.+\).*: give another `out`, or delete"):
            compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)
        (copy / "setup.json.previous").unlink()  # a folder of version 0.2 has none
        with pytest.raises(WorkFailedError, match=r"setup.json is damaged \(it .+\): give another `out`, or delete"):
            compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)


def test_a_flipped_bit_in_the_name_of_the_checksum_is_damage(copy, corpus_dir, tiny):
    setup = copy / "setup.json"
    setup.write_bytes(setup.read_bytes().replace(b'"checksum"', b'"chgcksum"'))
    told = []
    compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, observer=Callbacks(message=told.append), **tiny)
    assert any("setup.json is damaged (its checksum is missing)" in each for each in told)


def test_damaged_swapped_or_missing_rows_are_named(copy, corpus_dir, tiny, no_training):
    """The rows of a unit go into `tables/` and the report: no bit of them may change unnoticed."""
    one, other = (copy / "units" / f"{name}-seed0" / "table.safetensors" for name in PAIR)
    whole = one.read_bytes()
    for content in (other.read_bytes(), whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        one.write_bytes(content)
        text = r"table.safetensors is damaged \(its checksum differs\); delete .*learned-seed0/result.json to train"
        with pytest.raises(WorkFailedError, match=text):
            compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)
    one.unlink()
    with pytest.raises(WorkFailedError, match=r"table.safetensors is missing; delete .*learned-seed0/result.json to"):
        compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)


def test_a_damaged_result_is_named(copy, corpus_dir, tiny):
    (copy / "units" / "learned-seed0" / "result.json").write_text("{")
    text = r"units/learned-seed0/result.json is damaged \(.+\); delete it to train this unit again$"
    with pytest.raises(WorkFailedError, match=text):
        compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)


def test_a_result_of_another_configuration_or_without_its_parts_is_refused(copy, corpus_dir, tiny):
    file = copy / "units" / "learned-seed0" / "result.json"
    whole = json.loads(file.read_text())
    del whole["checksum"]  # as version 0.2 wrote it
    file.write_text(json.dumps(whole | {"configuration": whole["configuration"] | {"steps": 999}}))
    with pytest.raises(ResultsConflictError, match=r"is of another configuration \(steps: 999 there, 12 here\)"):
        compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)
    for broken in ({}, [], {"configuration": whole["configuration"]}):
        file.write_text(json.dumps(broken))
        with pytest.raises(WorkFailedError, match="is damaged"):
            compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)


def test_results_of_other_versions_are_not_mixed_in(copy, corpus_dir, tiny, no_training):
    setup = copy / "setup.json"
    rewrite(setup, torch="1.0")
    with pytest.raises(ResultsConflictError, match=r"torch: '1\.0' there"):
        compare(str(corpus_dir), encodings=PAIR, out=copy, resume=True, **tiny)


def test_an_out_inside_the_data_is_refused(corpus_dir, tiny):
    with pytest.raises(InvalidArgumentError, match="lies inside data="):
        compare(str(corpus_dir), out=corpus_dir / "results", **tiny)
    assert not (corpus_dir / "results").exists()
