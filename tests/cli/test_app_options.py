"""Every option of version 0.1 is still there, under its name and with its meaning."""

from pathlib import Path

import pytest

from posembed.cli.app import app

DATA = {
    "inspect": (["model", "other"], {
        "--table=key": ("tables", ("key",)),
        "--reserved=2": ("reserved", 2),
        "--prefix=1": ("prefix", 1),
        "--grid=14x20": ("table_grid", (14, 20)),
        "--table-grid=14x20": ("table_grid", (14, 20)),
        "--html=r.html": ("html", Path("r.html")),
        "--values": ("values", True),
        "--no-values": ("values", False),
        "--json": ("as_json", True),
    }),
    "extend": (["model", "out"], {
        "--to=1024": ("length", 1024),
        "--grid=24x24": ("grid", (24, 24)),
        "--image-size=384": ("image_size", 384),
        "--image-size=384x512": ("image_size", (384, 512)),
        "--method=stretch": ("method", "stretch"),
        "--table=key": ("tables", ("key",)),
        "--reserved=2": ("reserved", 2),
        "--prefix=1": ("prefix", 1),
        "--table-grid=14x20": ("table_grid", (14, 20)),
        "--keep=20": ("keep", 20),
        "--range=160": ("range", 160),
        "--kernel=cubic": ("kernel", "cubic"),
        "--ratio=2": ("ratio", 2),
        "--alpha=0.3": ("alpha", 0.3),
        "--seed=1": ("seed", 1),
        "--antialias": ("antialias", True),
        "--no-antialias": ("antialias", False),
        "--align-corners": ("align_corners", True),
        "--no-align-corners": ("align_corners", False),
        "--data=stdlib": ("data", "stdlib"),
        "--length-aware": ("length_aware", True),
        "--dry-run": ("dry_run", True),
        "--json": ("as_json", True),
        "--force": ("force", True),
        "--link": ("link", True),
        "--verify=full": ("verify", "full"),
    }),
    "evaluate": (["model"], {
        "--original=old": ("original", Path("old")),
        "--data=texts": ("data", "texts"),
        "--lengths=128,640": ("lengths", (128, 640)),
        "--tasks=passkey,needle": ("tasks", ("passkey", "needle")),
        "--documents=20": ("documents", 20),
        "--pool=10": ("pool", 10),
        "--short=64": ("short", 64),
        "--precision=fp32": ("precision", "fp32"),
        "--seed=1": ("seed", 1),
        "--html=r.html": ("html", Path("r.html")),
        "--json": ("as_json", True),
    }),
    "calibrate": (["model", "out", "--data=texts"], {
        "--data=stdlib": ("data", "stdlib"),
        "--to=1024": ("length", 1024),
        "--range=160": ("range", 160),
        "--keep=20": ("keep", 20),
        "--document=512": ("document", 512),
        "--steps=6": ("steps", 6),
        "--minutes=20": ("minutes", 20.0),
        "--batch=2": ("batch", 2),
        "--shift-rate=0.002": ("shift_rate", 0.002),
        "--row-rate=0": ("row_rate", 0.0),
        "--facts=0.25": ("facts", 0.25),
        "--every=2": ("every", 2),
        "--patience=5": ("patience", 5),
        "--precision=bf16": ("precision", "bf16"),
        "--seed=1": ("seed", 1),
        "--length-aware": ("length_aware", True),
        "--resume": ("resume", True),
        "--force": ("force", True),
        "--json": ("as_json", True),
    }),
    "compare": ([], {
        "--data=texts": ("data", "texts"),
        "--encodings=none": ("encodings", ("none",)),
        "--encodings=rope,learned-from-sinusoid": ("encodings", ("rope", "learned-from-sinusoid")),
        "--model=encoder": ("model", "encoder"),
        "--seeds=2": ("seeds", 2),
        "--first-seed=3": ("first_seed", 3),
        "--train-length=64": ("train_length", 64),
        "--steps=6": ("steps", 6),
        "--batch-size=4": ("batch_size", 4),
        "--layers=2": ("layers", 2),
        "--d-model=64": ("d_model", 64),
        "--heads=2": ("heads", 2),
        "--learning-rate=1e-3": ("learning_rate", 1e-3),
        "--sinusoid-rms=0.7": ("sinusoid_rms", 0.7),
        "--tokenizer=tokenizer.json": ("tokenizer", "tokenizer.json"),
        "--device=cuda:1": ("device", "cuda:1"),
        "--precision=bf16": ("precision", "bf16"),
        "--threads=2": ("threads", 2),
        "--jobs=3": ("jobs", 3),
        "--compile": ("compile", True),
        "--out=runs/a": ("out", Path("runs/a")),
        "--resume": ("resume", True),
        "--plots": ("plots", True),
        "--no-plots": ("plots", False),
        "--json": ("as_json", True),
        "--require-below-bigram=0.5": ("require_below_bigram", 0.5),
    }),
    "lesson": ([], {
        "--html=lesson.html": ("html", Path("lesson.html")),
        "--checkpoint=model": ("checkpoint", Path("model")),
        "--results=results.json": ("results", Path("results.json")),
    }),
    "quiz": ([], {"--json": ("as_json", True)}),
}  # fmt: skip
CALLS = [(name, words, *call) for name, (words, options) in DATA.items() for call in options.items()]


@pytest.mark.parametrize(("name", "words", "option", "expected"), CALLS, ids=[f"{n} {o}" for n, _, o, _ in CALLS])
@pytest.mark.parametrize("separate", [False, True])
def test_every_option_of_0_1(name, words, option, expected, separate):
    given = option.split("=", 1) if separate else [option]
    _, bound, _ = app.parse_args([name, *words, *given], exit_on_error=False, print_error=False)
    argument, value = expected
    assert bound.arguments[argument] == value
    assert type(bound.arguments[argument]) is type(value)


def test_arguments_have_their_places():
    _, bound, _ = app.parse_args(["inspect", "--json", "a", "--reserved", "2", "b"], exit_on_error=False)
    assert bound.args[:2] == (Path("a"), Path("b"))
    _, bound, _ = app.parse_args(["extend", "--", "-a", "--b"], exit_on_error=False)
    assert bound.args[:2] == (Path("-a"), Path("--b"))


def test_the_methods_of_the_help_are_those_that_there_are():
    from posembed.tables.registry import METHODS

    (method,) = [each for each in app["extend"].assemble_argument_collection() if "--method" in each.names]
    assert set(method.get_choices()) == {"auto", *METHODS["sequence"], *METHODS["grid"]}
