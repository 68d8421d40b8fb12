"""A verdict is a sentence that says what to use."""

from posembed.quality.evaluate.verdict import verdict
from posembed.records.embedding_results import EmbeddingResults, PooledComparison, Recommendation
from posembed.records.interval import DocumentInterval


def use(budget, system, vectors, mean=0.5, ties=(), best=None):
    accuracy = DocumentInterval(mean, mean - 0.1, mean + 0.1)
    return Recommendation("title", "longer", (1024, 2048), budget, system, accuracy, vectors, best or system, ties)


def compare(first, second, mean, p_holm, scope="longer"):
    lengths = (1024, 2048) if scope == "longer" else (256,)
    return PooledComparison("title", scope, lengths, first, second, mean, mean - 0.1, mean + 0.1, p_holm, p_holm)


def said(recommendations, pooled=(), **options):
    return verdict(EmbeddingResults((), (), None, tuple(pooled), tuple(recommendations)), **options)


def test_what_to_use_with_each_budget():
    (sentence,) = said(
        [use("any", "BM25", None, 0.75), use("one vector", "truncated 256", 1.0, 0.55, ("truncated",)),
         use("several vectors", "best chunk 128", 12.75, 0.6)],
        [compare("checkpoint", "truncated", -0.26, 0.001), compare("truncated", "checkpoint", 0.26, 0.001),
         compare("truncated 256", "checkpoint", 0.2, 0.01), compare("BM25", "truncated 256", 0.2, 0.01)],
    )  # fmt: skip
    assert sentence == (
        "title at 1024 and 2048 tokens: use BM25 (no vectors), 0.75 (0.65 to 0.85); with one vector per document "
        "truncated 256 (1 vector), 0.55 (0.45 to 0.65), tied with truncated; with several vectors per document best "
        "chunk 128 (12.8 vectors), 0.60 (0.50 to 0.70); checkpoint − truncated = −0.26 (−0.36 to −0.16), significant "
        "loss; truncated 256 − checkpoint = +0.20 (+0.10 to +0.30), significant gain"
    )


def test_ties_are_called_ties():
    (sentence,) = said([
        use("any", "truncated", 1.0, 0.5, ("best chunk 128",), "best chunk 128"),
        use("one vector", "truncated", 1.0, 0.5, ("a", "b", "c", "d", "e")),
        use("several vectors", "best chunk 128", 9.0),
    ])  # fmt: skip
    assert "use truncated (1 vector), 0.50 (0.40 to 0.60); tied with a, b, c, d and 1 more; with several" in sentence
    assert sentence.endswith("best chunk 128 is not significantly better")


def test_documents_that_the_original_takes():
    (sentence,) = said([], [compare("checkpoint", "truncated", -0.05, 0.3, "native")])
    assert sentence == (
        "title at 256 tokens, which the original takes: checkpoint − truncated = −0.05 (−0.15 to +0.05), no "
        "significant difference"
    )


def test_without_an_original():
    assert said([], compared=False) == ("No original was given: how the checkpoint differs from it is not measured",)
