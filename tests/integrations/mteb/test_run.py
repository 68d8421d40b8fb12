import json

import pytest

from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.integrations.mteb.run import run
from posembed.integrations.mteb.tasks import local_tasks

SIZES = ("--lengths", "64", "--documents", "10", "--tasks", "needle,passkey")


@pytest.fixture(scope="module")
def needles():
    return local_tasks(tasks=("needle",), lengths=(64, 128), documents=10)


def test_results_are_those_of_mteb(limited, needles, tmp_path):
    found = run(limited, needles, results=tmp_path, device="cpu")
    (task,) = found.task_results
    assert task.task_name == "PosembedNeedle"
    assert set(task.scores) == {"words_64", "words_128"}
    (kept,) = tmp_path.rglob("PosembedNeedle.json")
    on_disk = json.loads(kept.read_text(encoding="utf-8"))
    assert on_disk["scores"]["words_64"][0]["main_score"] == task.scores["words_64"][0]["main_score"]
    assert kept.parent.name == found.model_revision


def test_what_is_there_is_not_computed_again(limited, needles, tmp_path, monkeypatch):
    before = run(limited, needles, results=tmp_path, device="cpu")
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper

    monkeypatch.setattr(SentenceTransformerEncoderWrapper, "encode", None)
    again = run(limited, needles, results=tmp_path, device="cpu")
    scores = [found.task_results[0].scores for found in (before, again)]
    assert set(scores[0]) == set(scores[1]) == {"words_64", "words_128"}
    for split, (languages,) in scores[0].items():
        assert scores[1][split][0]["main_score"] == pytest.approx(languages["main_score"], abs=1e-5)


def test_the_command(cli, limited, tmp_path):
    code, out, err = cli("evaluate", limited, "--mteb", "posembed", *SIZES, "--mteb-results", tmp_path)
    assert code == 0, err
    assert "PosembedNeedle" in out
    assert "words_64" in out
    code, out, err = cli("evaluate", limited, "--mteb", "posembed", *SIZES, "--mteb-results", tmp_path, "--json")
    assert code == 0, err
    assert [each["task_name"] for each in json.loads(out)["task_results"]] == ["PosembedNeedle", "PosembedPasskey"]


def test_data_that_cannot_be_downloaded(limited, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WorkFailedError, match="LEMBPasskeyRetrieval failed: "):
        run(limited, ["LEMBPasskeyRetrieval"], results=tmp_path, device="cpu")


def test_names(limited, tmp_path):
    with pytest.raises(InvalidArgumentError, match="mteb='nope' must be the name of a task or benchmark of mteb"):
        run(limited, ["nope"], results=tmp_path)
    with pytest.raises(InvalidArgumentError, match="at least one task"):
        run(limited, [], results=tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--mteb", "LongEmbed", "--lengths", "64"],
            "--lengths has no effect on these tasks of --mteb: leave it out, or",
        ),
        (["--mteb", "posembed", "--pool", "10"], "--pool has no effect on these tasks of --mteb: leave it out\n"),
        (["--mteb", "posembed", "--html", "x.html"], "--html has no page for results of --mteb"),
        (["--mteb-results", "x"], "--mteb-results goes with --mteb"),
        (["--mteb", "nope"], "--mteb 'nope' must be the name of a task or benchmark"),
    ],
)
def test_wrong_calls(cli, limited, words, message):
    code, out, err = cli("evaluate", limited, *words)
    assert (code, out) == (2, "")
    assert message in err
