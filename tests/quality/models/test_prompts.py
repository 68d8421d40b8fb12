"""Which prompts are used, and texts in tokens behind a prompt, with every kind of tokenizer."""

import json

import pytest

from posembed.errors import CheckpointError
from posembed.quality.models.model_files import ModelFiles
from posembed.quality.models.prompts import NO_PROMPTS, Prompts, PromptTokens, read_prompts

TEXTS = (
    "internationalization of the cat", "The cat sat on the mat, and ran.", "cat", "a", "Schöne Grüße aus Köln", "",
    "it's 12,345.67 of them!", "東京タワーは高い", "under_score and CamelCase", "naïve café – a “quote”",
    "the the the the",
)  # fmt: skip
PROMPT_TEXTS = ("query: ", "query:", "Represent this sentence for searching relevant passages: ", "the\n", "検索:")
CORPUS = [*TEXTS, *PROMPT_TEXTS, *(f"{one} {other}" for one in TEXTS for other in TEXTS)] * 3


def word_piece():
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    return {
        "model": models.WordPiece(unk_token="[UNK]"),
        "normalizer": normalizers.BertNormalizer(lowercase=True),
        "pre_tokenizer": pre_tokenizers.BertPreTokenizer(),
        "decoder": decoders.WordPiece(),
    }, trainers.WordPieceTrainer(vocab_size=180, special_tokens=["[UNK]", "<s>", "</s>"], show_progress=False)


def byte_level():
    from tokenizers import decoders, models, pre_tokenizers, trainers

    return {
        "model": models.BPE(),
        "pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=False),
        "decoder": decoders.ByteLevel(),
    }, trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip


def unigram():
    from tokenizers import decoders, models, pre_tokenizers, trainers

    return {
        "model": models.Unigram(),
        "pre_tokenizer": pre_tokenizers.Metaspace(),
        "decoder": decoders.Metaspace(),
    }, trainers.UnigramTrainer(
        vocab_size=220, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
    )


@pytest.fixture(scope="module", params=[word_piece, byte_level, unigram])
def tokenizer(request):
    from tokenizers import Tokenizer, processors

    parts, trainer = request.param()
    made = Tokenizer(parts.pop("model"))
    for name, part in parts.items():
        setattr(made, name, part)
    made.train_from_iterator(CORPUS, trainer)
    special = [(name, made.token_to_id(name)) for name in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=special)
    return made


def ids_of(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("prompt", PROMPT_TEXTS)
def test_a_text_behind_its_prompt_is_tokenized_as_one(tokenizer, prompt):
    """Where a prompt ends with a space, as they do, and no second one follows; a space before a chunk is that one."""
    made = PromptTokens(prompt, tokenizer)
    same = 0
    for text in CORPUS[: len(CORPUS) // 3]:
        ids = ids_of(tokenizer, text)
        found, wanted = made.before(ids), ids_of(tokenizer, prompt + text)
        assert len(found) <= made.size + len(ids)
        same += found == wanted
        if prompt == "query: " and text.strip() == text != "" and len(wanted) <= made.size + len(ids):
            assert found == wanted, text
    assert same >= 0.8 * len(CORPUS) / 3


def test_chunks_begin_where_they_are_cut(tokenizer):
    """No token of a chunk is lost or changed, wherever it begins, but the first of a word that has no space before."""
    made = PromptTokens("query: ", tokenizer)
    ids = ids_of(tokenizer, " ".join(TEXTS))
    for at in range(len(ids)):
        for size in (1, 3, 20):
            chunk = ids[at : at + size]
            found = made.before(chunk)
            assert len(found) <= made.size + len(chunk)
            tail = chunk[8:] if len(chunk) > 8 else []
            assert found[len(found) - len(tail) :] == tail


def test_how_far_a_prompt_reaches(tokenizer):
    """As sentence-transformers counts: all special tokens before it, none behind it."""
    made = PromptTokens("query: ", tokenizer)
    assert made.reach == 1 + len(ids_of(tokenizer, "query: "))
    nothing = PromptTokens("", tokenizer)
    assert (nothing.ids, nothing.size, nothing.reach, nothing.before((5, 6))) == ([], 0, 0, [5, 6])


@pytest.mark.parametrize(
    ("stored", "default", "query", "document"),
    [
        (None, None, "", ""),
        ({}, None, "", ""),
        ({"query": "q: ", "document": "d: "}, None, "q: ", "d: "),
        ({"query": "q: ", "passage": "p: "}, None, "q: ", "p: "),
        ({"query": "q: ", "document": "", "passage": "p: "}, None, "q: ", "p: "),  # a version adds the empty one
        ({"corpus": "c: "}, None, "", "c: "),
        ({"search_query": "q: ", "search_document": "d: ", "clustering": "c: "}, None, "q: ", "d: "),
        ({"query": "", "document": "", "other": "o: "}, "other", "", ""),  # as encode_query and encode_document
        ({"query": "q: ", "document": None}, "query", "q: ", ""),
        ({"query": "q: "}, "query", "q: ", "q: "),
        ({"other": "o: "}, "other", "o: ", "o: "),
        ({"other": "o: "}, None, "", ""),
    ],
)
def test_prompts_of_both_sides(folder, stored, default, query, document):
    content = {"default_prompt_name": default} | ({} if stored is None else {"prompts": stored})
    place = folder(modules=[], prompts=content)
    assert read_prompts(ModelFiles.read(place)) == Prompts(query, document)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"prompts": ["q: "]}, "'prompts' must be an object with a text for each name"),
        ({"prompts": {"query": 3}}, "'prompts' must be an object with a text for each name"),
        ({"prompts": {"query": "q: "}, "default_prompt_name": "other"}, r"default prompt 'other' is none .* \(query\)"),
        ({"default_prompt_name": 3}, "default prompt 3 is none"),
    ],
)
def test_prompts_that_are_none(folder, content, sentence):
    place = folder(modules=[], prompts=content)
    with pytest.raises(CheckpointError, match=sentence):
        read_prompts(ModelFiles.read(place))
    assert json.loads((place / "config_sentence_transformers.json").read_text()) == content


def test_in_words():
    assert str(Prompts("q: ", "d: ")) == "'q: ' before queries, 'd: ' before documents"
    assert not NO_PROMPTS
    assert Prompts("", "d: ")
