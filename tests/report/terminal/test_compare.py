import io
import re

from rich.console import Console

from posembed.records.interval import Interval
from posembed.report.terminal.compare import markdown, print_results, remarks, tables, with_interval
from posembed.tables.measures.sinusoids import explained_share, sinusoidal_basis, sinusoidal_table

MINUS = "\u2212"


def printed(results, width=160):
    console = Console(file=io.StringIO(), width=width)
    print_results(results, console)
    return console.file.getvalue()


def test_intervals():
    assert with_interval(Interval(2.0, 1.5, 2.5, 3, 1)) == "2.000 ± 0.500"
    assert with_interval(Interval(-2.0, None, None, 1, 1)) == f"{MINUS}2.000"
    assert with_interval(Interval(None, None, None, 0, 1)) == "–"
    assert with_interval(None) == "–"


def test_the_tables_hold_the_results_own_numbers(results):
    quality, cost, beyond, flexibility = tables(results)
    for part in (quality, cost, beyond, flexibility):
        assert all(len(row) == len(part.header) for row in part.rows)
        assert all(isinstance(cell, str) for row in part.rows for cell in row)
    learned, sinusoidal, alibi = results.arms
    assert [row[0] for row in quality.rows] == ["learned", "sinusoidal", "alibi"]
    assert quality.rows[0][1].startswith(f"{learned.quality.mean:.3f} ± ")
    assert f"{alibi.quality.perplexity:.3f} (" in quality.rows[2][2]
    assert quality.title == "Quality on test documents at the training length, 16 tokens"
    assert cost.rows[0][1:4] == ("256", "1,024", "0")
    assert cost.rows[1][1:4] == ("0", "0", "1,024")
    assert cost.rows[2][1:4] == ("0", "0", f"{4 * 2 * 16 * 16:,}")
    assert beyond.header == ("encoding", "1× (16)", "1.25× (20)", "1.5× (24)", "2× (32)")
    assert [row[0] for row in beyond.rows] == ["learned", "learned + tile", "learned + linear", "sinusoidal", "alibi"]
    assert beyond.rows[0][2:] == ("error: no rows",) * 3
    assert beyond.rows[1][1] == "–"
    entry = next(e for e in sinusoidal.beyond if e.factor == 2.0)
    assert beyond.rows[3][4].startswith(f"{entry.loss_beyond.mean:.3f} ± ")
    assert [row[0] for row in flexibility.rows] == ["learned", "(the sinusoid itself)"]
    own = explained_share(sinusoidal_table(16, 16), sinusoidal_basis(16, 2))
    assert flexibility.rows[1][1:3] == ("2 of 16", f"{own:.3f}")
    assert flexibility.rows[0][1] == "2 of 16"


def test_texts_that_are_too_short(results, edited):
    def shorten(plain):
        for arm in plain["arms"]:
            arm["beyond"] = [entry for entry in arm["beyond"] if entry["factor"] < 2]
            text = "1 test documents have 33 tokens; 2 are needed"
            arm["beyond"].append(
                {"factor": 2.0, "length": 32, "method": "unavailable", "message": text}
                | dict.fromkeys(("loss", "loss_beyond", "per_position"))
            )

    results = edited(results, shorten)
    beyond = tables(results)[2]
    assert [row[4] for row in beyond.rows] == ["texts too short"] * 5
    assert "2×: 1 test documents have 33 tokens; 2 are needed." in remarks(results)


def test_remarks(results, edited):
    text = "\n".join(remarks(results))
    base = results.baselines.bigram.mean
    assert f"bigram {base:.3f} ± " in text
    assert "± is a 95% confidence interval over documents and seeds (2 seeds): " in text
    assert "learned past its table: position 19 has no row" in text
    assert "decoder, 1 layers × 16, 12 steps of 4 × 16 tokens, fp32, seeds 0, 1; 1 thread per unit" in text
    assert "past its table" not in "\n".join(remarks(results, errors=False))

    def change(plain):
        plain["configuration"] |= {"seeds": [0], "threads": 2}
        plain["evaluation"]["interval_over"] = "documents"
        plain["corpus"]["skipped"] = ["/a/b.png: not UTF-8 text", "/a/c.png: not UTF-8 text"]
        plain["environment"]["accelerator"] = "A card"

    text = "\n".join(remarks(edited(results, change)))
    assert "2 threads per unit" in text
    assert "over documents only (one seed): " in text
    assert "2 files of the corpus were left out, first: /a/b.png: not UTF-8 text" in text
    assert text.endswith("A card.")


def test_failed_arms_are_shown_as_such(with_failures):
    quality, cost, beyond = tables(with_failures)
    assert quality.rows[:2] == [("learned", "failed", "–", "–"), ("sinusoidal", "failed", "–", "–")]
    assert cost.rows[0] == ("learned", "–", "–", "–", "–", "–")
    assert cost.rows[1][1:] == ("0", "0", "1,024", "–", "–")
    assert [row[0] for row in beyond.rows] == ["alibi"]
    text = printed(with_failures)
    assert "learned: learned-seed0: the process was killed by signal 9" in text
    assert "sinusoidal: seed 0: the loss became nan at step 3 of 12" in text
    assert "Verdict: learned: failed" in text


def test_everything_failed(with_failures, edited):
    with_failures = edited(with_failures, lambda plain: plain["arms"].pop())
    assert [part.header[0] for part in tables(with_failures)] == ["encoding", "encoding"]
    assert "failed" in printed(with_failures)
    assert "| learned | failed | – | – |" in markdown(with_failures)


def test_values_that_do_not_exist(results, edited):
    def empty(plain):
        for arm in plain["arms"]:
            arm["quality"] |= dict.fromkeys(("low", "high", "perplexity", "perplexity_low", "perplexity_high"))
            arm["speed"]["tokens_per_second"] = None
            for entry in arm["beyond"]:
                if entry["loss"] is not None:
                    entry["loss"] |= {"mean": None, "low": None, "high": None}
                if entry["loss_beyond"] is not None:
                    entry["loss_beyond"] |= {"mean": None, "low": None, "high": None}
        plain["arms"][0]["flexibility"]["explained_share"] = None

    results = edited(results, empty)
    quality, cost, beyond, flexibility = tables(results)
    assert quality.rows[0][2] == "–"
    assert "±" not in quality.rows[0][1]
    assert cost.rows[0][-1] == "–"
    assert beyond.rows[3][1:] == ("–",) * 4
    assert flexibility.rows[0][2].startswith("– (")
    assert printed(results)
    assert markdown(results)


def test_the_terminal_ends_with_the_verdict(results):
    text = printed(results)
    assert "None" not in text
    assert "nan" not in text
    last = text.rstrip().splitlines()[-2:]
    assert last == [f"Verdict: {sentence}" for sentence in results.verdict]


def test_brackets_are_text_and_not_markup(with_failures, edited):
    def change(plain):
        plain["arms"][0]["messages"] = ["learned-seed0: [/nope] failed in [red]"]
        plain["verdict"] = ["learned: [/nope]"]
        plain["corpus"]["skipped"] = ["/a/[b]/c: no"]

    text = printed(edited(with_failures, change))
    assert "[/nope] failed in [red]" in text
    assert "Verdict: learned: [/nope]" in text
    assert "/a/[b]/c: no" in text


def test_markdown(results):
    text = markdown(results)
    for part in tables(results):
        assert f"**{part.title}**\n\n| {part.header[0]} |" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == sum(len(part.rows) + 2 for part in tables(results))
    assert re.search(r"^\| --- \| ---: \| ---: \| ---: \|$", text, re.M)
    assert text.endswith(f"- **Verdict: {results.verdict[-1]}**\n")
