"""Sets made from texts: real tasks where there is structure, paragraphs where there is none."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.documents.document import Document, Section
from posembed.quality.search.embedding.sets import TextSets
from posembed.quality.tasks.held_out import HeldOut
from posembed.records.search import SearchOptions

KNOWN = {}


class Words:
    """One token for each word; two special ones."""

    special = query_special = 2

    def encode(self, text):
        return [KNOWN.setdefault(word.strip(".").casefold(), len(KNOWN)) for word in text.split()]


def sentence(*words):
    return "The sentence " + " ".join(f"{word} tells about it" for word in words) + "."


def document(number, structured=True):
    parts = [
        Section(
            f"Heading{k} of page{number}" if k else "",
            " ".join(sentence(f"s{number}x{k}x{n}", f"own{number}") for n in range(5)),
            int(k > 0),
        )
        for k in range(8)
    ]
    if not structured:
        return Document("", (Section("", "\n\n".join(part.text for part in parts)),))
    return Document(f"A page named topic{number}", tuple(parts))


TEXTS = [sentence(f"w{n}", "other") + "\n\n" + sentence(f"a{n}") + " " + sentence(f"b{n}") for n in range(40)]


def make(count=30, tokens=(), lengths=(128, 256), old=64, structured=True, **options):
    documents = [document(number, structured) for number in range(count)]
    options = SearchOptions(**{"data": "my-texts", "pool": 10} | options)
    return TextSets(HeldOut(tokens, documents), TEXTS, Words(), old, lengths, options)


def test_every_task_at_every_length_shares_its_documents():
    found = make().longer(1.0)
    assert {each.key for each in found} == {(t, n) for t in ("title", "section", "cloze") for n in (128, 256)}
    assert {each.scope for each in found} == {"longer"}
    assert all(each.decides for each in found)
    for length in (128, 256):
        one, *others = [each for each in found if each.length == length]
        assert {len(text) for text in one.documents} == {length - 2}
        assert all(set(each.documents) <= set(one.documents) for each in others)
        assert len(one.documents) == 30
    assert {part.stop - part.start for each in found for part, _ in each.parts} <= {9, 10}


def test_fewer_documents_are_among_the_more():
    sets = make()
    few, all_of_them = ({each.key: each for each in sets.longer(share)} for share in (0.1, 1.0))
    for key, each in few.items():
        assert 10 <= len(each.documents) < len(all_of_them[key].documents)
        assert each.documents == all_of_them[key].documents[: len(each.documents)]
        assert each.queries == all_of_them[key].queries[: len(each.queries)]


def test_no_more_documents_than_asked_for():
    assert {len(each.documents) for each in make(documents=12).longer(1.0)} == {12}


def test_documents_that_the_old_table_has_room_for_and_short_texts():
    found = {each.key: each for each in make().native()}
    assert {("title", 64), ("cloze", 64), ("short texts", 64)} <= set(found)
    assert {each.scope for each in found.values()} == {"native"}
    assert all(len(text) + 2 <= 64 for each in found.values() for text in each.documents)


def test_texts_without_structure_are_asked_for_by_sentences_and_paragraphs():
    stream = [np.random.default_rng(0).integers(1000, 9000, 9000).tolist()]
    found = make(structured=False, tokens=stream)
    assert found.tasks == ("cloze", "paragraph")
    assert {each.task for each in found.longer(1.0)} == {each.task for each in found.longer(0.2)} == set(found.tasks)
    few, more = (next(each for each in found.longer(share) if each.key == ("paragraph", 128)) for share in (0.1, 1.0))
    assert few.documents == more.documents[: len(few.documents)]
    assert 10 <= len(few.documents) < len(more.documents)
    pairs = make(structured=False, tokens=stream, pool=2)
    assert min(len(each.queries) for each in pairs.longer(0.01)) == 10  # five pools


def test_too_little_text_is_refused_unless_a_training_follows():
    with pytest.raises(DataError, match=r"data='my-texts': fewer than 10 documents have 128 tokens"):
        make(count=4)
    start = make(count=4, must_be_better=False)
    assert start.tasks == ("passkey",)
    assert {each.key for each in start.longer(1.0)} == {("passkey", 128), ("passkey", 256)}


def test_needles_are_measured_and_decide_nothing():
    stream = [np.random.default_rng(0).integers(1000, 9000, 9000).tolist()]
    found = make(tokens=stream, lengths=(128, 192, 256)).beside()
    assert [(each.key, each.decides, len(each.documents)) for each in found] == [
        (("needle", 128), False, 10),
    ]
    assert make().beside() == []  # no text to hide them in
