"""Sentences of many scripts."""

import pytest

from posembed.quality.documents.sentences import LONGEST, is_prose, spans


def sentences(text):
    return [text[begin:end] for begin, end in spans(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ('He said "no." Then "yes!" she said.', ['He said "no."', 'Then "yes!" she said.']),
        (
            "Use e.g. Python, i.e. Dr. No, J. Smith vs. Fig. 3. Next.",
            ["Use e.g. Python, i.e. Dr. No, J. Smith vs. Fig. 3.", "Next."],
        ),
        ("Version 3.12 of os.path is out. New", ["Version 3.12 of os.path is out.", "New"]),
        ("A line\nthat goes on. Another", ["A line\nthat goes on.", "Another"]),
        ("One\n\nTwo\n \nThree", ["One", "Two", "Three"]),
        ("Intro:\n- one\n- two\n1. three\n2) four", ["Intro:", "- one", "- two", "1. three", "2) four"]),
        ("猫は鼠を食べる。犬は？「いいえ。」終", ["猫は鼠を食べる。", "犬は？", "「いいえ。」", "終"]),
        ("बिल्ली सोती है। कुत्ता भौंकता है।", ["बिल्ली सोती है।", "कुत्ता भौंकता है।"]),
        ("القط نائم. هل الكلب هنا؟ نعم", ["القط نائم.", "هل الكلب هنا؟", "نعم"]),
        ("Кошка спит. Собака лает.", ["Кошка спит.", "Собака лает."]),
        ("Èlle dort. Élan.", ["Èlle dort.", "Élan."]),
        ("approx. five. Yes", ["approx. five.", "Yes"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text, wanted):
    assert sentences(text) == wanted


def test_a_stretch_without_ends_is_cut_at_spaces():
    text = "แมว " * 300
    found = sentences(text)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert max(map(len, found)) <= LONGEST
    assert all(each.startswith("แ") for each in found)
    assert [len(each) for each in sentences("x" * 1000)] == [400, 400, 200]


def test_a_cut_is_not_inside_a_character():
    text = "x" * (LONGEST - 1) + "e\u0301" + "y" * 10
    assert sentences(text) == ["x" * (LONGEST - 1) + "e\u0301", "y" * 10]


@pytest.mark.parametrize("text", ["Cats eat mice.", "猫は鼠。", "बिल्ली सोती है।", "It takes 3 or 4."])
def test_prose(text):
    assert is_prose(text)


@pytest.mark.parametrize("text", ["x[0] = {1: 2}", "| 1 | 2 |", ">>> f(x)", "12.5 33.1", "", "-----"])
def test_no_prose(text):
    assert not is_prose(text)
