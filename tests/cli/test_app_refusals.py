"""Wrong calls are one sentence on standard error and exit code 2, before any progress is shown."""

import shutil

import pytest

import posembed
from posembed.errors import ArgumentTypeError, InvalidArgumentError

MODELS = ("my-gpt2", "my-embedder")


@pytest.fixture
def models(example_checkpoints, tmp_path, monkeypatch):
    for name in MODELS:
        shutil.copytree(example_checkpoints / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)


CALLS = [
    ("evaluate my-embedder --data none", "--data 'none': no such file or directory; give a text file, a directory, or"),
    ("evaluate my-embedder --short 0", "--short 0 must be at least 1"),
    ("evaluate my-embedder --seed -1", "--seed -1 must be at least 0"),
    ("evaluate my-embedder --tasks needle,needle", "--tasks contains 'needle' twice"),
    ("evaluate my-embedder --lengths 64,64", "--lengths contains 64 twice"),
    ("evaluate my-gpt2 --data none", "--data 'none': no such file or directory"),
    ("evaluate my-embedder --original=", "--original '' must be a path, not empty"),
    ("evaluate my-embedder --data=", "--data '' must be a path, not empty"),
    ("calibrate my-gpt2 out --data none --to 1100", "--data 'none': no such file or directory"),
    ("calibrate my-gpt2 out --data stdlib --to 1100 --seed -1", "--seed -1 must be at least 0"),
    ("compare --data none", "--data 'none': no such file or directory"),
    ("compare --tokenizer none.json", "--tokenizer 'none.json': no such file; give a tokenizer.json"),
    ("compare --first-seed -1", "--first-seed -1 must be at least 0"),
    ("compare --encodings rope,rope", "--encodings contains 'rope' twice"),
    ("compare --out=", "--out '' must be a path, not empty"),
    ("extend my-gpt2 out --to 1100 --data none", "--data 'none': no such file or directory"),
    ("extend my-gpt2 out --to 1100 --method random --seed -1", "--seed -1 must be at least 0"),
    ("extend my-gpt2 out --to 1100 --table wpe.weight --table wpe.weight", "--table contains 'wpe.weight' twice"),
    ("inspect my-gpt2 --table wpe.weight --table wpe.weight", "--table contains 'wpe.weight' twice"),
    ("inspect my-gpt2 --html=", "--html '' must be a path, not empty"),
]


@pytest.mark.parametrize(("call", "sentence"), CALLS)
@pytest.mark.usefixtures("models")
def test_one_sentence_and_nothing_before_it(cli, call, sentence):
    code, printed, said = cli(*call.split())
    assert (code, printed) == (2, "")
    (line,) = said.splitlines()
    assert line.startswith(f"posembed: {sentence}")


@pytest.mark.parametrize("command", ["inspect", "evaluate"])
def test_an_empty_word_is_not_the_current_directory(cli, command, monkeypatch, example_checkpoints):
    """As from a shell whose variable is not set; the current directory holds a checkpoint here."""
    monkeypatch.chdir(example_checkpoints / "my-gpt2")
    code, _, said = cli(command, "")
    assert (code, said) == (2, "posembed: CHECKPOINT '' must be a path, not empty\n")
    for wrong, error in (("", InvalidArgumentError), (None, ArgumentTypeError), (5, ArgumentTypeError)):
        for call in (
            lambda path: posembed.inspect_checkpoint(path),
            lambda path: posembed.find_tables(path),
            lambda path: posembed.plan_extension(path, 2048),
            lambda path: posembed.evaluate(path),
            lambda path: posembed.calibrate(path, "out", data="stdlib"),
        ):
            with pytest.raises(error, match=f"^checkpoint={wrong!r} must be a path"):
                call(wrong)
        for call in (
            lambda out: posembed.extend_checkpoint(".", out, 2048),
            lambda out: posembed.calibrate(".", out, data="stdlib"),
        ):
            with pytest.raises(error, match=f"^out={wrong!r} must be a path"):
                call(wrong)
