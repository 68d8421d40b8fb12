"""What is taken out of real documents, and what is asked with it."""

import pytest

from posembed.quality.documents.document import Document, Section, normal
from posembed.quality.tasks.excerpt import DEEP, LONGEST_QUERY, SHORTEST_QUERY, Source
from tests.quality.tasks.documents import document, encode, sentence, words

DOCUMENTS = [document(number) for number in range(30)]
BODY = 300


@pytest.fixture(scope="module")
def excerpts():
    return Source(DOCUMENTS, encode).excerpts(BODY, "test", 0)


def holds(excerpt, text):
    return f" {words(encode(text))} " in f" {words(excerpt.ids)} "


def test_every_document_is_cut_to_the_length(excerpts):
    assert len(excerpts) == 30
    assert {len(excerpt.ids) for excerpt in excerpts} == {BODY}
    assert len({excerpt.ids for excerpt in excerpts}) == 30


def test_the_title_is_asked_for_and_not_there(excerpts):
    assert {words(excerpt.title.ids) for excerpt in excerpts} == {f"a page on topic{number}" for number in range(30)}
    for excerpt in excerpts:
        assert excerpt.title.depth == 0
        assert not holds(excerpt, words(excerpt.title.ids))


def test_a_section_lies_deep_and_is_not_there(excerpts):
    places = set()
    for excerpt in excerpts:
        query = words(excerpt.section.ids)
        number = int(query.split()[1].removeprefix("d"))
        section = int(query.split()[0].removeprefix("heading"))
        assert query == words(encode(f"Heading{section} d{number} {sentence(number, section, 0)}"))
        assert words(excerpt.title.ids).endswith(f"topic{number}")
        # 44 tokens of the first section, and 46 of each after it, stand before it; 13 of its own must fit.
        begin = 44 + 46 * (section - 1)
        assert excerpt.section.depth == begin / BODY > DEEP
        assert begin + 13 <= BODY
        assert not holds(excerpt, f"Heading{section}")
        assert not holds(excerpt, sentence(number, section, 0))
        following = encode(sentence(number, section, 1))
        assert holds(excerpt, words(following)) or begin + 24 > BODY - 13 or excerpt.sentence.ids == tuple(following)
        places.add(section)
    assert places == {3, 4, 5, 6}, "every section that may be asked for is, of some document"


def test_a_sentence_is_taken_from_any_depth(excerpts):
    strata = set()
    for excerpt in excerpts:
        assert not holds(excerpt, words(excerpt.sentence.ids))
        assert words(excerpt.sentence.ids) not in words(excerpt.section.ids)
        assert len(excerpt.sentence.ids) == 11
        assert 0 <= excerpt.sentence.depth < 1
        strata.add(int(5 * excerpt.sentence.depth))
    assert strata == set(range(5))


def test_the_rest_is_the_document(excerpts):
    for excerpt in excerpts:
        number = int(words(excerpt.title.ids).split("topic")[1])
        rest = f" {words(encode(DOCUMENTS[number].text))} "
        for question in (excerpt.section, excerpt.sentence):
            assert rest.count(f" {words(question.ids)} ") == 1
            rest = rest.replace(f" {words(question.ids)} ", " ")
        assert rest.startswith(f" {words(excerpt.ids)} ")


def test_the_same_call_gives_the_same_excerpts(excerpts):
    assert Source(DOCUMENTS, encode).excerpts(BODY, "test", 0) == excerpts
    assert Source(DOCUMENTS, encode).excerpts(BODY, "test", 1) != excerpts
    assert Source(DOCUMENTS, encode).excerpts(BODY, "train", 0) != excerpts


def test_another_document_changes_no_other(excerpts):
    more = Source([document(99), *DOCUMENTS], encode).excerpts(BODY, "test", 0)
    assert len(more) == 31
    assert [excerpt for excerpt in more if excerpt in excerpts] == list(excerpts)


def test_short_documents_are_not_used():
    """What is taken out counts: 456 tokens without a section and a sentence are 432."""
    source = Source([*DOCUMENTS[:3], document(50, sections=2)], encode)
    tokens = len(encode(DOCUMENTS[0].text))
    assert tokens == 44 * 10 + 2 * 9
    assert len(source.excerpts(tokens - 24, "test", 0)) == 3
    assert len(source.excerpts(tokens - 23, "test", 0)) == 0
    assert len(source.excerpts(60, "test", 0)) == 4


def test_an_equal_title_is_not_asked_for():
    found = Source([document(1, title="Overview"), document(2, title="overview "), document(3)], encode)
    titles = [excerpt.title for excerpt in found.excerpts(BODY, "test", 0)]
    assert [title is None for title in titles].count(True) == 2


@pytest.mark.parametrize("title", ["", "1.2.3", "***"])
def test_titles_without_words(title):
    (found,) = Source([document(1, title=title)], encode).excerpts(BODY, "test", 0)
    assert found.title is None
    assert found.section is not None


def test_equal_documents_are_one():
    assert len(Source([document(1), document(1)], encode).excerpts(BODY, "test", 0)) == 1


def test_a_sentence_that_others_have_is_not_asked_for():
    """Only the fifth section's first sentence, and one other, are a document's own."""
    notice = "This sentence stands in every file of the collection as it is."
    filler = " ".join(["Licensed words that everybody has in all of these files."] * 4)

    def page(number):
        parts = [Section(f"Part {k}", f"{notice} {filler}", 1) for k in range(10)]
        parts[5] = Section("Part 5", f"Only document{number} has this first sentence of its own here. {filler}", 1)
        parts[1] = Section(
            "Part 1", f"{notice} Another sentence that only document{number} has, and nobody else. Only{number} x", 1
        )
        return Document(f"Page {number}", tuple(parts))

    found = Source([page(number) for number in range(4)], encode).excerpts(400, "test", 0)
    assert len(found) == 4
    for excerpt in found:
        assert words(excerpt.section.ids).startswith("part 5 only document")
        assert words(excerpt.sentence.ids).startswith("another sentence that only")


def test_a_sentence_that_stands_twice_in_a_document_is_not_asked_for():
    twice = "This very sentence is repeated word by word further below."
    text = " ".join(f"Filler{n} sentence about thing{n} and nothing else at all." for n in range(20))
    parts = (Section("", text), Section("Deep", twice, 1), Section("Deeper", f"{twice} {text}", 1))
    (found,) = Source([Document("Title", parts)], encode).excerpts(200, "test", 0)
    assert found.section is None
    assert found.sentence is None or "repeated" not in words(found.sentence.ids)


def test_an_entry_of_the_contents_does_not_give_the_heading_away():
    text = " ".join(f"Filler{n} sentence about thing{n} and nothing else at all." for n in range(12))
    own = "The only deep part begins with this sentence of its own."
    parts = (
        Section("", f"Contents\n\n1. Getting out\n2. Coming back\n\n{text}"),
        Section("Coming back", f"{own} {text}", 1),
    )
    (found,) = Source([Document("Title", parts)], encode).excerpts(150, "test", 0)
    assert words(found.section.ids) == f"coming back {words(encode(own))}"
    assert not holds(found, "Coming back")
    assert holds(found, "Getting out")


def test_code_is_not_asked_for():
    code = "\n".join(f"    x[{n}] = {{{n}: ({n}, {n})}} + y[{n}]" for n in range(40))
    parts = (Section("", code), Section("Part", f"    f(x[0], y=[1, 2]) == {{}}; z = -1 + 2 * 3\n{code}", 1))
    (found,) = Source([Document("Title", parts)], encode).excerpts(100, "test", 0)
    assert (found.section, found.sentence) == (None, None)
    assert found.title is not None


def test_long_queries_are_cut_and_short_ones_not_used():
    long = " ".join(one + two for one in "abcdefgh" for two in "qrstuvwxyz")
    text = " ".join(f"Filler{n} sentence about thing{n} and nothing else at all." for n in range(12))
    pages = [
        Document("A", (Section("", text), Section("Part", f"{long}. {text}", 1))),
        Document(long, (Section("", text.replace("Filler", "Stuffing")), Section("", "Too short. " + text, 0))),
    ]
    found = {len(each.title.ids): each for each in Source(pages, encode).excerpts(200, "test", 0)}
    assert set(found) == {1, LONGEST_QUERY}
    assert found[LONGEST_QUERY].section is None, f"'Too short.' has less than {SHORTEST_QUERY} tokens"
    query = words(found[1].section.ids)
    assert query.startswith("part aq ar")
    assert len(found[1].section.ids) == min(LONGEST_QUERY, 1 + len(encode(long)))


@pytest.mark.parametrize(
    ("lead", "own"),
    [
        ("猫は毎日たくさんの鼠を食べる。犬は夜に大きな声で鳴く。", "この文はこの文書にだけある。"),
        ("बिल्ली रात को सोती है और दिन में खेलती है। ", "यह वाक्य केवल इसी पाठ में है। "),
        ("Кошка спит днём и охотится ночью. ", "Это предложение есть только здесь. "),
    ],
)
def test_scripts(lead, own):
    filler = "".join(lead.replace("。", f"い{n}あ。") if "。" in lead else f"А{n}Б {lead}" for n in range(30))
    more = "".join(lead.replace("。", f"う{n}え。") if "。" in lead else f"В{n}Г {lead}" for n in range(30))
    parts = (Section("", filler), Section("見出し", own + more, 1))
    (found,) = Source([Document("題名", parts)], lambda text: [ord(sign) for sign in text]).excerpts(
        len(filler) + len(own) + 10, "test", 0
    )
    kept = "".join(map(chr, found.ids))
    assert normal("".join(map(chr, found.section.ids))) == normal(f"見出し {own}")
    assert own.strip() not in kept
    assert "".join(map(chr, found.sentence.ids)) not in kept
