"""Every benchmark runs at tiny sizes, and the page reads what it leaves; no time decides anything here."""

import hashlib
import re
from pathlib import Path

import pytest
import torch

from benchmarks import training
from benchmarks.bench import __main__ as bench
from benchmarks.bench import page, processes
from benchmarks.bench.layer import require_equal
from benchmarks.bench.peers import make_bert
from benchmarks.bench.results import Result, Row, slope
from benchmarks.embedding import require_gradients
from posembed.records.unit import UnitConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    assert bench.main(["--quick", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def measured(results):
    return page.load(results)


@pytest.mark.slow  # measures every part at tiny sizes: twenty seconds of processor time
def test_every_part_leaves_its_results(measured):
    assert tuple(measured) == bench.PARTS
    for result in measured.values():
        assert result.quick
        assert result.environment["torch"] == str(torch.__version__)
        assert result.rows
        for row in result.rows:
            assert all(value >= 0 for values in row.series.values() for value in values)
            assert row.series["wall"]


@pytest.mark.slow
def test_results_are_read_as_they_were_written(measured, tmp_path):
    for name, result in measured.items():
        assert Result.read(result.write(tmp_path)) == result
        assert (tmp_path / f"{name}.json").stat().st_size < 100_000


@pytest.mark.slow
def test_the_page_shows_every_part(measured):
    text = page.page_text(measured)
    for name, (title, _) in page.SECTIONS.items():
        assert f"\n## {title}\n" in text
        assert f"--only {name}`" in text
    for result in measured.values():
        for candidate in {
            row.candidate for row in result.rows if row.case.get("what") in ("forward", "step", "extend")
        }:
            assert candidate in text


@pytest.mark.slow
def test_the_page_and_its_charts_are_written(results, tmp_path):
    (tmp_path / "README.md").write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n", encoding="utf-8")
    written = page.write_page(results, tmp_path)
    assert (tmp_path / page.PAGE) in written
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"before\n{page.BEGIN}\n")
    assert readme.endswith(f"{page.END}\nafter\n")
    assert "old" not in readme
    text = (tmp_path / page.PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"\.\./images/bench/(\S+\.svg)", text))
    drawn = {path.name for path in written if path.suffix == ".svg"}
    assert named == drawn != set()
    first = (tmp_path / page.IMAGES / "lab.svg").read_bytes()
    page.pictures.draw(page.load(results)["lab"], tmp_path / page.IMAGES, page.source(results, "lab"))
    assert (tmp_path / page.IMAGES / "lab.svg").read_bytes() == first


def test_the_committed_page_is_that_of_the_committed_results():
    kept = page.load(bench.RESULTS)
    if not kept:
        pytest.skip("nothing has been measured")
    assert (ROOT / page.PAGE).read_text(encoding="utf-8") == page.page_text(kept)
    readme = (ROOT / page.README).read_text(encoding="utf-8")
    assert readme == page.with_section(readme, page.readme_text(kept))
    for name, result in kept.items():
        assert not result.quick
        digest = hashlib.sha256((bench.RESULTS / f"{name}.json").read_bytes()).hexdigest()[:16]
        for file in page.pictures.files(result):
            assert f"{name}.json {digest}" in (ROOT / page.IMAGES / file).read_text(encoding="utf-8")


def test_another_output_or_gradient_is_not_timed():
    theirs, ours = make_bert(16, 8)
    ids = torch.randint(1, 100, (2, 8))
    require_gradients(theirs, ours, ids, "posembed")
    with torch.no_grad():
        ours.position.weight[3, 0] += 1
        with pytest.raises(AssertionError, match=r"^posembed: "):
            require_equal("posembed", ours(ids), theirs(input_ids=ids))
    with pytest.raises(AssertionError, match=r"^posembed: "):
        require_gradients(theirs, ours, ids, "posembed")


def test_a_peer_of_the_lab_that_computes_something_else_is_not_timed(monkeypatch):
    config = UnitConfig(layers=1, d_model=16, heads=2, train_length=8, batch_size=2)
    corpus = training.random_corpus(0, 1000)
    training.require_parity(corpus, config)
    inner = training.copy_lab_weights

    def changed(lab, nano):
        inner(lab, nano)
        with torch.no_grad():
            nano.wpe.weight[0, 0] += 1  # of a whole row, LayerNorm would see nothing

    monkeypatch.setattr(training, "copy_lab_weights", changed)
    with pytest.raises(AssertionError):
        training.require_parity(corpus, config)


def test_nanogpt_learns():
    config = UnitConfig(layers=1, d_model=16, heads=2, train_length=8, batch_size=4)
    corpus = training.random_corpus(0, 100)  # few windows: they can be learned by heart
    torch.manual_seed(0)
    trainer = training.nano_trainer(corpus, config)
    trainer.step = 2000  # past the warm-up
    losses = [float(trainer.update()) for _ in range(60)]
    assert losses[-1] < losses[0] - 0.2


def test_a_command_that_fails_is_not_timed():
    with pytest.raises(SystemExit, match=r"ended with 2:\n[\s\S]*nowhere"):
        processes.run_command([*processes.POSEMBED, "inspect", "nowhere"])


def test_memory_of_a_command_is_its_own():
    assert 1 < processes.run_command([*processes.POSEMBED, "--version"])["peak"] < 60  # this process holds PyTorch


def test_slope_and_medians():
    assert slope([1, 2, 4], [3, 12, 48]) == pytest.approx(2)
    assert Row({}, "a", {"wall": [1.0, 3.0, 2.0]}).median() == 2


def test_wrong_calls(capsys):
    for words, said in ((["--only", "layer,speed"], "speed"), (["--quick"], "--out")):
        with pytest.raises(SystemExit) as ended:
            bench.main(words)
        assert ended.value.code == 2
        assert said in capsys.readouterr().err


def test_a_part_that_fails_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "PARTS", ("nothing", "inputs"))
    assert bench.main(["--quick", "--out", str(tmp_path)]) == 1
    assert (tmp_path / "inputs.json").exists()
    assert "failed: nothing" in capsys.readouterr().err
    assert bench.is_measured(tmp_path / "inputs.json")
    assert not bench.is_measured(tmp_path / "nothing.json")
