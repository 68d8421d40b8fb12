"""Real language models, from their files to the verdict."""

import json
from dataclasses import replace

import pytest
import torch
import transformers

from posembed import evaluate, extend_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.quality.models.masked import MASKED
from tests.fixtures.small_models import WORDS


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    words = ("the", "cat", "dog", "sat", "on", "mat", "house", "under", "which", "word")
    for number in range(60):
        text = " ".join(words[(number + k * k * k) % len(words)] for k in range(700))
        (folder / f"{number}.txt").write_text(f"{text} {number}", encoding="utf-8")
    return str(folder)


def test_a_causal_checkpoint(example_checkpoints, tmp_path, data, cli):
    source = example_checkpoints / "my-gpt2"
    small = transformers.AutoModelForCausalLM.from_pretrained(source)
    from posembed import extend_model

    extend_model(small, 128, method="crop")
    small.save_pretrained(tmp_path / "short")
    (tmp_path / "short" / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    extend_checkpoint(tmp_path / "short", tmp_path / "long", 512, method="tile")
    found = evaluate(tmp_path / "long", original=tmp_path / "short", data=data, documents=4, precision="fp32")
    assert (found.kind, found.configuration.lengths) == ("causal", (128, 256, 512))
    assert {cell.system for cell in found.results.cells} == {"checkpoint", "sliding window"}
    by_place = {(c.system, c.length): c.loss.mean for c in found.results.cells}
    assert by_place["checkpoint", 128] == pytest.approx(
        by_place["sliding window", 128], abs=1e-5
    )  # nothing changed yet
    assert [entry.length for entry in found.results.context_gain] == [256, 512]
    options = ["--original", tmp_path / "short", "--data", data, "--documents", 4, "--lengths", "256"]
    code, printed, _ = cli("evaluate", tmp_path / "long", *options)
    assert code == 0
    assert "Loss in nats per token at 256 tokens, by position" in printed
    code, printed, _ = cli("evaluate", tmp_path / "long", *options, "--json")
    assert json.loads(printed)["context_gain"][0]["length"] == 256


def test_a_masked_checkpoint(example_checkpoints, tmp_path, data):
    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(example_checkpoints / "my-bert", max_position_embeddings=128)
    transformers.BertForMaskedLM(config).save_pretrained(tmp_path / "short")
    tokenizer = (example_checkpoints / "my-bert" / "tokenizer.json").read_bytes()
    (tmp_path / "short" / "tokenizer.json").write_bytes(tokenizer)
    extend_checkpoint(tmp_path / "short", tmp_path / "long", 256, method="linear")
    found = evaluate(tmp_path / "long", original=tmp_path / "short", data=data, documents=4, precision="fp32")
    again = evaluate(tmp_path / "long", original=tmp_path / "short", data=data, documents=4, precision="fp32")
    assert replace(found, created="") == replace(again, created="")
    assert found.kind == "masked"
    assert len(found.results.context_gain) == len(found.results.shuffled) == 1
    (tmp_path / "short" / "tokenizer.json").write_bytes(tokenizer.replace(b"[MASK]", b"[HIDE]"))
    with pytest.raises(InvalidArgumentError, match="has no mask token"):
        MASKED.load(tmp_path / "short")


def test_kinds_must_agree(example_checkpoints, data):
    with pytest.raises(InvalidArgumentError, match=r"is a sentence-embedding model, but its original .* is a causal"):
        evaluate(example_checkpoints / "my-embedder", original=example_checkpoints / "my-gpt2", data=data)


@pytest.fixture(scope="module")
def prose(tmp_path_factory):
    """Documents of sentences; one late sentence of each has rare words of an early one."""
    folder = tmp_path_factory.mktemp("prose")
    common, rare = WORDS[:30], WORDS[30:]
    for number in range(240):
        own = [rare[(7 * number + k) % len(rare)] for k in range(3)]
        rows = []
        for row in range(14):
            words = [common[(number * 5 + row * 11 + k * k) % len(common)] for k in range(14)]
            if row in (3, 9):
                words[2:5] = own
            rows.append(f"The {' '.join(words)}.")
        (folder / f"{number}.txt").write_text(" ".join(rows), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_the_next_sentence_is_chosen(kind, request, prose, tmp_path, cli):
    source = request.getfixturevalue(kind)
    extend_checkpoint(source, tmp_path / "long", 128, method="tile")
    options = (
        "--original",
        source,
        "--data",
        prose,
        "--lengths",
        "128",
        "--precision",
        "fp32",
        "--html",
        tmp_path / "p",
    )
    code, printed, told = cli("evaluate", tmp_path / "long", *options, "--json")
    assert code == 0, told
    found = json.loads(printed)
    systems = ["checkpoint", "sliding window", "truncated"]
    assert [(cell["system"], cell["length"], cell["documents"]) for cell in found["choices"]] == [
        (name, 128, 12) for name in systems
    ]
    assert [each["second"] for each in found["choice_gain"]] == systems[1:]
    assert found["verdict"][0].startswith("At 128 tokens: ")
    assert "Next sentence, told from seven others" in (tmp_path / "p").read_text(encoding="utf-8")
