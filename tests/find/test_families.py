"""The laws together: families that exist, and laws that are added and taken away."""

from fnmatch import fnmatchcase

import pytest
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.find import families
from tests.fixtures.tensors import found_as

MODEL_TYPES = set(CONFIG_MAPPING_NAMES)
# Model types of checkpoints on the hub that this version of Transformers knows under another name, or inside another.
ELSEWHERE = {"internvl_chat", "mluke", "bridgetower_text_model", "xlm-prophetnet", "flax-vit"}


def patterns():
    """Every tuple of family patterns in the laws."""
    for law in (
        *families.LOOK_ALIKES,
        *families.SINUSOIDS,
        *families.OFFSETS,
        *families.SUFFIXES,
        *families.LIMITS,
        *families.LOOK_AHEAD,
        *families.RESIZES,
        *families.SHARED_SIZES,
        *families.SWITCHES,
        *families.UNREAD,
    ):
        yield from law.families
    yield from families.SINUSOID_SWITCHES
    yield from families.OBLONG
    yield from families.COMPUTED


@pytest.mark.parametrize("pattern", sorted(p for p in set(patterns()) - ELSEWHERE if not p.startswith("timm")))
def test_every_family_of_a_law_exists(pattern):
    assert any(fnmatchcase(name, pattern) for name in MODEL_TYPES), pattern


def test_names_are_those_of_the_package():
    assert len(families.__all__) == len(set(families.__all__))
    for name in families.__all__:
        getattr(families, name)


LAWS = [
    ("LOOK_ALIKES", families.LookAlike("my_pos", "a table of something else")),
    ("SINUSOIDS", families.Sinusoid("my_pos", "a fixed sinusoid of mine")),
    ("OFFSETS", families.Offset(("acmebert",), 4, "AcmeEmbeddings adds 4 to every position")),
    ("LOOK_AHEAD", families.LookAhead(("acmebert",), "position", 3)),
    ("SUFFIXES", families.Suffix(("acmevit",), 2, "two tokens are appended")),
    ("RESIZES", families.Resize(("acmevit",), "nearest")),
    ("SHARED_SIZES", families.SharedSize(("acmevit",), ("a", "b"))),
    ("LIMITS", families.Limit(("acmebert",), "its rows are hash buckets")),
    ("SWITCHES", families.Switch(("acmebert",), "use_positions", (True,), True)),
    ("UNREAD", families.Unread(("acmebert",), "wpe", "AcmeModel ignores it")),
]


@pytest.mark.parametrize(("table", "law"), LAWS, ids=[name for name, _ in LAWS])
def test_a_law_goes_first_into_its_table_and_out_again(table, law):
    before = getattr(families, table)
    families.register(law)
    try:
        assert getattr(families, table) == (law, *before)
    finally:
        families.unregister(law)
    assert getattr(families, table) == before


def test_a_registered_law_holds():
    config = {"model_type": "acmebert", "max_position_embeddings": 516}
    law = families.Offset(("acmebert",), 4, "AcmeEmbeddings adds 4 to every position")
    assert found_as(config, "embeddings.position_embeddings.weight", (516, 8)).layout.reserved == 0
    families.register(law)
    try:
        table = found_as(config, "embeddings.position_embeddings.weight", (516, 8))
        assert (table.layout.reserved, table.usable_length) == (4, 512)
        assert table.evidence[-1] == f"reserved 4: {law.source}"
    finally:
        families.unregister(law)
    assert found_as(config, "embeddings.position_embeddings.weight", (516, 8)).layout.reserved == 0


def test_a_table_that_is_set_holds(monkeypatch):
    monkeypatch.setattr(families, "LOOK_ALIKES", (families.LookAlike("position", "never a table for this test"),))
    table = found_as({}, "embeddings.position_embeddings.weight", (16, 8))
    assert table.refused == "never a table for this test"


def test_what_is_no_law_is_refused():
    with pytest.raises(ArgumentTypeError, match=r"law='x' must be one of LookAlike, .*Unread, got str"):
        families.register("x")
    with pytest.raises(InvalidArgumentError, match="is not in LIMITS"):
        families.unregister(families.Limit(("nobody",), "never registered"))
