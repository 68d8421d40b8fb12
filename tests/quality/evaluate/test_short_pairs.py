"""Pairs of short texts from paragraphs."""

import pytest

from posembed.quality.evaluate.short_pairs import short_pairs

PARAGRAPHS = [f"Sentence {k} begins a paragraph. The rest of it says {k} more things. It ends here." for k in range(7)]
TEXTS = ["\n\n".join(PARAGRAPHS[:4]), "\n \n".join(PARAGRAPHS[4:])]


def make(texts=TEXTS, longest=80, documents=6, pool=3, seed=0):
    return short_pairs(
        texts, lambda text: list(text.encode()), longest, documents=documents, pool=pool, split="test", seed=seed
    )


def pairs(found):
    return [(bytes(q).decode(), bytes(d).decode()) for q, d in zip(found.queries, found.documents, strict=True)]


def test_the_first_sentence_and_the_rest():
    found = make()
    assert (len(found.documents), found.pool, found.depths) == (6, 3, (0,) * 6)
    for query, document in pairs(found):
        assert f"{query} {document}" in PARAGRAPHS
        assert query.endswith("paragraph.")
    assert make() == found != make(seed=1)


def test_a_pool_may_be_smaller_and_is_whole():
    assert (len(make(documents=200, pool=100).documents), make(documents=200, pool=100).pool) == (7, 7)
    assert (len(make(documents=200, pool=2).documents), make(documents=200, pool=2).pool) == (6, 2)


@pytest.mark.parametrize(
    "texts", [[], [""], ["One short sentence is here.\n\nAnother one without more."], [PARAGRAPHS[0], PARAGRAPHS[0]]]
)
def test_too_few(texts):
    assert make(texts) is None


def test_long_ones_and_fragments_are_left_out():
    assert make(longest=20) is None
    long = "It is a paragraph. " + "It is far too long to be read. " * 9
    found = make(
        [*TEXTS, long, "No. It is not one with a sentence.", "It begins as a sentence does. No."], documents=20
    )
    assert sorted(pairs(found)) == sorted(pairs(make(documents=20)))


def test_scripts_without_spaces():
    texts = ["今日はとても良い天気です。明日は雨が降るでしょう。", "彼は新しい本を読みました。それは面白い話でした。"]
    assert sorted(query for query, _ in pairs(make(["\n\n".join(texts)]))) == sorted(
        text.split("。")[0] + "。" for text in texts
    )


def test_white_space_within_a_paragraph_is_one_space():
    found = make(["The first\r\n   line goes on here. The second one does\tnot.\n\n" + PARAGRAPHS[0]])
    assert ("The first line goes on here.", "The second one does not.") in pairs(found)
