"""Poolings as sentence-transformers writes them, old and new."""

import contextlib
import json

import pytest

from posembed.errors import CheckpointError, InvalidArgumentError, PosembedError
from posembed.quality.models.pooling import NeedsLibraryError, read_pooling
from posembed.quality.models.purpose import kind_name

TRANSFORMER = {"type": "sentence_transformers.models.Transformer", "path": ""}
POOLING = {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}
NORMALIZE = {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"}
MODULES = [TRANSFORMER, POOLING, NORMALIZE]


def test_mean_where_nothing_says(folder):
    assert read_pooling(folder()) == "mean"


@pytest.mark.parametrize("modules", [[TRANSFORMER], {}, [TRANSFORMER, NORMALIZE]])
def test_modules_without_a_pooling_are_no_mean(folder, modules):
    with pytest.raises(InvalidArgumentError, match=r"make no vector of a text: add a Pooling to modules\.json"):
        read_pooling(folder(modules=modules))


@pytest.mark.parametrize(
    ("modes", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_cls_token": True, "word_embedding_dimension": 8, "include_prompt": True}, "cls"),
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": ["cls"]}, "cls"),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, "cls"),
    ],
)
def test_poolings(folder, modes, pooling):
    assert read_pooling(folder(modules=MODULES, pooling=modes)) == pooling


@pytest.mark.parametrize(
    ("modes", "sentence"),
    [
        ({"pooling_mode_max_tokens": True}, "pools by pooling_mode_max_tokens; posembed itself supports mean and cls"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "pools by .*, "),
        ({"pooling_mode": ["mean", "cls"]}, "pools by mean, cls"),
        ({}, "pools by nothing"),
    ],
)
def test_other_poolings_are_refused(folder, modes, sentence):
    with pytest.raises(NeedsLibraryError, match=sentence):
        read_pooling(folder(modules=MODULES, pooling=modes))


def test_other_modules_are_refused(folder):
    dense = {"type": "sentence_transformers.models.Dense", "path": ""}
    with pytest.raises(
        InvalidArgumentError, match=r"has the module Dense; posembed itself supports Transformer, Pooling, Norm"
    ):
        read_pooling(folder(modules=[TRANSFORMER, dense]))


def test_a_mean_without_the_prompt_is_refused_where_there_is_a_prompt(folder):
    modes = {"pooling_mode": "mean", "include_prompt": False}
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": None}
    with pytest.raises(NeedsLibraryError, match="leaves its prompt out of the mean"):
        read_pooling(folder(modules=MODULES, pooling=modes, prompts=prompts))
    assert read_pooling(folder(modules=MODULES, pooling=modes, prompts={})) == "mean"
    assert read_pooling(folder(modules=MODULES, pooling={"pooling_mode": "mean"}, prompts=prompts)) == "mean"


def test_a_broken_file(folder):
    place = folder(modules=MODULES)
    (place / "1_Pooling" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json: is not valid JSON"):
        read_pooling(place)
    assert json.loads((place / "modules.json").read_text(encoding="utf-8")) == MODULES


def test_other_outputs_than_the_last_layer_are_refused(folder):
    text = {"method": "forward", "method_output_name": "pooler_output"}
    place = folder(
        modules=MODULES, pooling={"pooling_mode": "cls"}, sentence_bert_config={"modality_config": {"text": text}}
    )
    with pytest.raises(
        InvalidArgumentError, match="pools 'pooler_output' of its model; posembed itself supports last_hidden_state"
    ):
        read_pooling(place)
    text["method_output_name"] = "last_hidden_state"
    folder(sentence_bert_config={"modality_config": {"text": text}})
    assert read_pooling(place) == "cls"


FILES = {
    "config": {"architectures": ["BertModel"]},
    "modules": MODULES,
    "config_sentence_transformers": {"model_type": "SentenceTransformer", "default_prompt_name": None},
    "sentence_bert_config": {"modality_config": {"text": {"method_output_name": "last_hidden_state"}}},
    "pooling": {"pooling_mode": "mean"},
}
ODD = [None, 1, "x", [], [1], {}, {"a": 1}, ["x"], [[]], [{}], [{"type": 3}], {"types": {"a": 1}, "structure": 1}, True]


def changed(value):
    """Each place in a JSON value with something odd in it, or nothing."""
    yield from ODD
    for place in value if isinstance(value, dict) else ():
        yield from ({**value, place: inner} for inner in changed(value[place]))
        yield {name: inner for name, inner in value.items() if name != place}
    for place in range(len(value)) if isinstance(value, list) else ():
        yield from ([*value[:place], inner, *value[place + 1 :]] for inner in changed(value[place]))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("ask", [kind_name, read_pooling])
def test_odd_files_give_an_answer_or_one_of_our_errors(folder, name, ask):
    place = folder(**FILES)
    file = place / {"pooling": "1_Pooling/config.json"}.get(name, f"{name}.json")
    assert ask(place) in ("mean", "embedding")
    for content in changed(FILES[name]):
        file.write_text(json.dumps(content), encoding="utf-8")
        with contextlib.suppress(PosembedError):
            assert ask(place) in ("mean", "cls", "embedding", "causal", "masked")


def test_a_pooling_outside_of_the_folder(folder):
    with pytest.raises(CheckpointError, match="lies outside of its directory"):
        read_pooling(folder(modules=[TRANSFORMER, POOLING | {"path": "../elsewhere"}], pooling={}))
