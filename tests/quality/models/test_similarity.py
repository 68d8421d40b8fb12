"""How vectors are compared, as the files say."""

import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.models.model_files import ModelFiles
from posembed.quality.models.similarity import read_similarity


@pytest.mark.parametrize(
    ("content", "similarity"),
    [
        ({}, "cosine"),
        ({"similarity_fn_name": None}, "cosine"),
        ({"similarity_fn_name": "cosine"}, "cosine"),
        ({"similarity_fn_name": "dot"}, "dot"),
    ],
)
def test_names(folder, content, similarity):
    assert read_similarity(ModelFiles.read(folder(modules=[], prompts=content))) == similarity


def test_where_the_files_do_not_say(folder):
    assert read_similarity(ModelFiles.read(folder(modules=[])), "dot") == "dot"
    named = folder(modules=[], prompts={"similarity_fn_name": "cosine"})
    assert read_similarity(ModelFiles.read(named), "dot") == "cosine"


@pytest.mark.parametrize("name", ["euclidean", "manhattan", ["dot"], 3])
def test_distances_are_refused(folder, name):
    place = folder(modules=[], prompts={"similarity_fn_name": name})
    with pytest.raises(InvalidArgumentError, match=r"compares vectors by .*; supported are cosine and dot: set the"):
        read_similarity(ModelFiles.read(place))
