"""Sets of an evaluation, and what is said about those that cannot be made."""

import pytest

from posembed.errors import DataError
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.sets import SetMaker, read_held_out
from posembed.records.evaluation import EvaluationSetup
from tests.quality.tasks.documents import document, encode

HELD_OUT = HeldOut([list(range(2000))], [*(document(number) for number in range(15)), document(15, title="")])


def maker(held_out=HELD_OUT, **changed):
    usual = {"data": "x", "lengths": (102, 302, 702), "documents": 20, "seed": 0, "precision": "fp32", "pool": 10}
    usual |= {"usable_length": 400, "original_usable_length": 200, "tasks": ("title", "needle"), "shortage": "fewer"}
    return SetMaker(EvaluationSetup(**usual | changed), encode, held_out, special=2)


def test_fewer_documents_are_used_and_said():
    sets = maker()
    assert len(sets.make("title", 102).documents) == 15
    assert len(sets.make("section", 302).documents) == 16
    assert sets.make("title", 702) is None
    assert sets.make("cloze", 702) is None
    assert len(sets.make("needle", 302).documents) == 20
    assert sets.notes() == (
        "title: the test texts have fewer than 20 documents: 15 of 102 tokens",
        "section: the test texts have fewer than 20 documents: 16 of 302 tokens",
        "title is left out at 702 tokens: 0 of 16 test documents are that long and have a title that no other has; at "
        "least 10 are needed: give more or longer documents in `data`, shorter `lengths`, or documents_from='all' if "
        "the model was not made with these texts",
        "cloze is left out at 702 tokens: 0 of 16 test documents are that long and have a sentence to take out; at "
        "least 10 are needed: give more or longer documents in `data`, shorter `lengths`, or documents_from='all' if "
        "the model was not made with these texts",
    )


def test_a_number_that_was_named_is_kept():
    sets = maker(shortage="left out")
    assert sets.make("title", 102) is None
    assert len(sets.make("needle", 102).documents) == 20
    (note,) = sets.notes()
    assert note.startswith("title is left out at 102 tokens: 15 of 16 test documents are that long")
    assert "documents=20 asks for more" in note


def test_what_was_named_is_refused():
    with pytest.raises(DataError, match="title at 102 tokens: 15 of 16"):
        maker(shortage="refuse").make("title", 102)


def test_nothing_at_all_is_an_error():
    sets = maker()
    assert sets.make("title", 702) is None
    with pytest.raises(DataError, match="title at 702 tokens: 0 of 16"):
        sets.notes()
    assert maker().notes() == ()


def test_several_lengths_are_one_sentence():
    sets = maker()
    sets.make("needle", 102)
    assert [sets.make("title", length) for length in (602, 702)] == [None, None]
    assert sets.notes()[0].startswith("title is left out at 602, 702 tokens: 0 of 16")


def test_documents_are_read_for_the_tasks_that_ask_about_them(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.md").write_text(f"# T{number}\n\ntext", encoding="utf-8")
    setup = maker(data=str(tmp_path)).setup
    assert [each.title[:1] for each in read_held_out(setup, [[1]]).documents] == ["T", "T"]
    everything = read_held_out(maker(data=str(tmp_path), documents_from="all").setup, [])
    assert (len(everything.documents), everything.everything) == (20, True)
    none = maker(data=str(tmp_path / "absent"), tasks=("needle",)).setup
    assert read_held_out(none, [[1, 2]]).documents == ()


def test_all_documents_are_no_test_documents():
    held_out = HeldOut([list(range(2000))], HELD_OUT.documents, everything=True)
    sets = maker(held_out)
    assert [sets.make("title", length) is None for length in (102, 702)] == [False, True]
    assert sets.notes() == (
        "title: the texts have fewer than 20 documents: 15 of 102 tokens",
        "title is left out at 702 tokens: 0 of 16 documents are that long and have a title that no other has; at least "
        "10 are needed: give more or longer documents in `data`, shorter `lengths`",
    )
