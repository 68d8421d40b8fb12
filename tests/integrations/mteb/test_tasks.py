import pytest

from posembed.errors import DataError, InvalidArgumentError
from posembed.integrations.mteb.tasks import local_tasks


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Thirty pages whose words are their own, each with a title and two sections."""
    folder = tmp_path_factory.mktemp("pages")
    for number in range(30):
        parts = [f"The keeper of house{number}x{k} told the story of a river and its bridge." for k in range(15)]
        text = [f"# Title {number} of it", *parts[:7], f"## Heading {number} here", *parts[7:]]
        (folder / f"page{number}.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    return str(folder)


def loaded(task):
    task.load_data()
    return task.dataset["default"]


def test_documents_have_the_words_that_their_split_names(pages):
    title, cloze = local_tasks(pages, tasks=("title", "cloze"), lengths=(64, 128), documents=10)
    assert (title.metadata.name, cloze.metadata.name) == ("PosembedTitle", "PosembedCloze")
    assert title.metadata.eval_splits == ["words_64", "words_128"]
    assert title.metadata.main_score == "ndcg_at_1"
    for task in (title, cloze):
        for split, content in loaded(task).items():
            words = int(split.removeprefix("words_"))
            assert {len(text.split()) for text in content["corpus"]["text"]} == {words}
            assert content["corpus"]["id"] == [f"d{k}" for k in range(10)]
            assert content["relevant_docs"] == {f"q{k}": {f"d{k}": 1} for k in range(10)}


def test_a_query_belongs_to_its_document_and_is_not_in_it(pages):
    (title,) = local_tasks(pages, tasks=("title",), lengths=(64,), documents=10)
    content = loaded(title)["words_64"]
    for query, document in zip(content["queries"]["text"], content["corpus"]["text"], strict=True):
        number = query.split()[1]
        assert f"house{number}x" in document
        assert query not in document


def test_the_revision_is_that_of_the_documents(pages):
    def revision(**options):
        (task,) = local_tasks(pages, tasks=("title",), lengths=(64,), **options)
        return task.metadata.dataset["revision"]

    assert revision(documents=10) == revision(documents=10)
    assert len({revision(documents=10), revision(documents=10, seed=1), revision(documents=11)}) == 3


def test_fewer_documents_where_the_texts_have_no_more(pages):
    (title,) = local_tasks(pages, tasks=("title",), lengths=(64,))
    assert len(loaded(title)["words_64"]["corpus"]) == 30


def test_what_cannot_be_made(pages):
    (title,) = local_tasks(pages, tasks=("title",), lengths=(64, 4096), documents=10)
    assert title.metadata.eval_splits == ["words_64"]
    with pytest.raises(DataError, match="title cannot be made at any of the lengths: title at 4096 tokens"):
        local_tasks(pages, tasks=("title",), lengths=(4096,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ("titel",)}, r"tasks=\['titel'\] must be some of title, section"),
        ({"tasks": ()}, r"tasks=\[\] must be some of"),
        ({"tasks": ("title", "title")}, "title"),
        ({"lengths": ()}, r"lengths=\[\] must be at least one number, each at least 64 words"),
        ({"lengths": (63,)}, r"lengths=\[63\] must be"),
        ({"documents": 1}, "documents=1 must be at least 2"),
    ],
)
def test_refused(pages, options, message):
    with pytest.raises(InvalidArgumentError, match=message):
        local_tasks(pages, **options)
