"""Fields that repeat a table's size: every law is a pattern of files, a path and a reason."""

from fnmatch import fnmatchcase

import pytest

from posembed.find import families
from posembed.find.families import companions


@pytest.mark.parametrize("law", families.TOKEN_FIELDS, ids=lambda law: f"{law.files}:{'.'.join(law.path)}")
def test_limits_on_tokens(law):
    assert law.path
    assert all(isinstance(name, str) for name in law.path)
    assert "/" not in law.files
    assert law.why


def test_a_limit_is_said_once():
    places = [(law.files, law.path) for law in families.TOKEN_FIELDS]
    assert len(set(places)) == len(places)


def test_files_of_sentence_transformers():
    (pattern,) = {law.files for law in families.TOKEN_FIELDS if law.path == ("max_seq_length",) and law.at_root}
    assert fnmatchcase("sentence_bert_config.json", pattern)
    assert fnmatchcase("sentence_roberta_config.json", pattern)
    assert not fnmatchcase("config_sentence_transformers.json", pattern)


@pytest.mark.parametrize(
    "fields",
    [
        companions.LENGTH_ALIASES,
        companions.PROCESSOR_SIZES,
        companions.PROCESSOR_PARTS,
        companions.PROCESSOR_FILES,
        companions.IMAGE_TOKEN_FIELDS,
        companions.IMAGE_PART_SIZES,
        families.GRID_COUNT_ALIASES,
    ],
)
def test_fields_are_said_once(fields):
    assert len(set(fields)) == len(fields)


def test_shared_sizes_are_several_fields():
    assert all(len(law.fields) > 1 for law in families.SHARED_SIZES)
    assert all(not set(law.sides) & set(law.fields) for law in families.SHARED_SIZES)


@pytest.mark.parametrize("law", families.MERGES, ids=lambda law: law.families[0])
def test_merges_have_a_side(law):
    assert law.families
    assert (law.side > 1) if isinstance(law.side, int) else law.side.isidentifier()


def test_a_whisper_of_thirty_seconds():
    (law,) = families.SOUND_WINDOWS
    assert 1500 * law.frames * 160 == 30 * 16_000  # rows, frames per row, hop; seconds, sampling rate


def test_laws_register():
    law = families.SharedSize(("acme",), ("vision.image_size", "decoder.image_size"))
    families.register(law)
    assert families.SHARED_SIZES[0] is law
    families.unregister(law)
    assert law not in families.SHARED_SIZES
