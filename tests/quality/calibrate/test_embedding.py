"""How embedding models are calibrated: what is kept, which documents and queries."""

import dataclasses

import pytest
import torch

from posembed.errors import InvalidArgumentError
from posembed.quality.calibrate.embedding import EmbeddingStrategy
from posembed.quality.calibrate.strategy import FrozenParts
from posembed.quality.models.embedding import EMBEDDING
from posembed.records.calibration import CalibrationStart
from tests.fixtures.calibrations import configured, request_of

STRATEGY = EmbeddingStrategy(EMBEDDING)


def kept(count):
    return CalibrationStart("tile", {"range": count}, count, max(1, count), ("because",))


@pytest.mark.parametrize(
    ("old", "length", "keep", "length_aware", "document", "above", "kept_rows", "queries_trained"),
    [
        (512, 4096, 128, False, 1024, 0, 128, False),
        (512, 4096, 512, False, 1024, 0, 512, False),
        (1024, 8192, 600, False, 1200, 0, 600, False),  # twice the kept rows
        (512, 700, 128, False, 700, 0, 128, False),  # no longer than the table
        (512, 4096, 63, False, 1024, 0, 63, True),  # too few for a query
        (512, 4096, 64, False, 1024, 0, 64, False),
        (512, 4096, 0, False, 1024, 0, 0, True),
        (512, 4096, 128, True, 1024, 128, 0, False),  # short inputs read a table of their own
        (512, 4096, 63, True, 1024, 512, 0, False),
        (2048, 8192, 0, True, 4096, 2048, 0, False),
    ],
)
def test_documents_reach_trained_rows(old, length, keep, length_aware, document, above, kept_rows, queries_trained):
    config = STRATEGY.configuration(request_of(old, length=length, length_aware=length_aware), kept(keep))
    assert (config.document, config.above, config.keep) == (document, above, kept_rows)
    assert config.queries_trained is queries_trained
    assert config.train_kept_rows is True
    assert config.spread is False


def test_facts_and_documents_may_be_given():
    config = STRATEGY.configuration(request_of(length=128, facts=0.25, document=100), kept(32))
    assert (config.facts, config.document) == (0.25, 100)


@pytest.mark.parametrize(("count", "old", "short"), [(63, 512, 512), (64, 512, 64), (512, 512, 512), (513, 512, 512)])
def test_short_inputs_hold_a_query(count, old, short):
    """As many tokens as rows are kept, if a query of 64 fits and there are so many."""
    assert STRATEGY.short_inputs(count, old) == short


def test_a_document_alone_cannot_be_told_from_others():
    with pytest.raises(InvalidArgumentError, match="batch=1 must be at least 2"):
        STRATEGY.configuration(request_of(length=128, batch=1), kept(32))
    assert STRATEGY.configuration(request_of(length=128, batch=2), kept(32)).batch == 2


@pytest.mark.parametrize("length_aware", [False, True])
@pytest.mark.parametrize("document", [60, 64])
def test_documents_that_a_search_may_find_too_short_are_refused(document, length_aware):
    request = request_of(length=128, document=document, length_aware=length_aware)
    with pytest.raises(InvalidArgumentError, match=f"document={document} must exceed 64, because up to 64 leading"):
        STRATEGY.check(request, resumed=False)
    STRATEGY.check(request, resumed=True)  # its start has been chosen


@pytest.mark.parametrize("length_aware", [False, True])
@pytest.mark.parametrize(
    "options", [{"length": 128, "document": 65}, {"length": 128, "range": 32, "document": 65}, {"length": 128}]
)
def test_documents_that_are_long_enough_pass(options, length_aware):
    STRATEGY.check(request_of(length_aware=length_aware, **options), resumed=False)


def test_documents_below_the_kept_rows_are_refused():
    for options, sentence in (
        ({"range": 64, "document": 64}, "document=64 must be above keep=64"),
        ({"keep": 50, "document": 50}, "document=50 must be above keep=50"),
        ({"range": 64, "document": 64, "length_aware": True}, "document=64 must be above 64: with length_aware=True"),
    ):
        with pytest.raises(InvalidArgumentError, match=sentence):
            STRATEGY.check(request_of(length=128, **options), resumed=False)
    STRATEGY.check(request_of(length=None, keep=10, document=20), resumed=False)


def test_options_are_taken_as_they_are():
    options = request_of(length=128, length_aware=True).options
    assert STRATEGY.settle(options) is options


def test_old_rows_embed_the_queries(embedder, texts):
    """Also where the start has other rows in their place."""
    loaded = EMBEDDING.load(embedder)
    stored = torch.zeros(64, 32)
    parts = FrozenParts(loaded, loaded.model, torch.ones(128, 32), stored, 0, kept(32), 5)
    config = configured(length=128, keep=0, document=100, batch=4, held_out=4, queries_trained=True)
    sets = EMBEDDING.read_texts(texts)
    objective = STRATEGY.objective(parts, config, sets)
    assert objective.old[:64].eq(0).all()
    assert objective.old[64:].eq(1).all()
    assert parts.rows.eq(1).all()
    assert objective.reader.at_once == 5
    assert objective.embedder.pooling == loaded.pooling == STRATEGY.pooling(loaded)


def test_defaults_of_the_objectives():
    start = kept(32)
    made = STRATEGY.configuration(request_of(length=4096), start)
    real = STRATEGY.configuration(request_of(length=4096, hidden=0.0), start)
    mixed = STRATEGY.configuration(request_of(length=4096, hidden=0.5), start)
    assert (made.steps, made.batch, made.row_rate, made.knots, made.train_kept_rows) == (250, 16, 0.0, 0, True)
    assert (made.asked, real.asked) == (0.0, 0.5)
    assert (real.steps, real.batch, real.row_rate, real.knots, real.train_kept_rows) == (1000, 4, 5e-3, 129, False)
    assert (made.document, real.document, real.held_out) == (1024, 2048, 16)
    assert mixed == dataclasses.replace(real, hidden=0.5)
    short = STRATEGY.configuration(request_of(length=700, hidden=0.0), start)
    assert (short.document, short.knots) == (700, 44)
