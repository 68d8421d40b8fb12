"""Which arguments name a checkpoint elsewhere, and what is shown of them."""

from pathlib import Path

import pytest

from posembed.checkpoint.remote.address import HubAddress, UrlAddress, address_of, redacted
from posembed.errors import InvalidArgumentError

NAMES = {
    "org/model": ("org/model", None, ""),
    "gpt2": ("gpt2", None, ""),
    "org/model@v1.0": ("org/model", "v1.0", ""),
    "hf://org/model": ("org/model", None, ""),
    "hf://models/org/model": ("org/model", None, ""),
    "hf://org/model@refs/pr/12/text_model": ("org/model", "refs/pr/12", "text_model"),
    "hf://org/model@feature%2Flong/model.safetensors": ("org/model", "feature/long", "model.safetensors"),
    "hf://org/model/onnx/model.onnx": ("org/model", None, "onnx/model.onnx"),
    "https://huggingface.co/org/model": ("org/model", None, ""),
    "https://huggingface.co/org/model/tree/main": ("org/model", "main", ""),
    "https://hf.co/org/model/resolve/main/a/model.safetensors?download=true": (
        "org/model",
        "main",
        "a/model.safetensors",
    ),
    "https://huggingface.co/gpt2/blob/main/model.safetensors": ("gpt2", "main", "model.safetensors"),
}
PATHS = (
    "./bert",
    "../bert",
    "/models/bert",
    "~/bert",
    "a/b/c",
    "bert.safetensors",
    "a/model.bin",
    "a--b",
    "x@",
    "a b",
    "",
)
URLS = ("https://example.org/m", "s3://bucket/m", "gs://b/m", "memory://m", "simplecache::https://example.org/m")


@pytest.mark.parametrize(("text", "parts"), NAMES.items())
def test_names_and_pages_of_the_hub(text, parts):
    found = address_of(text)
    assert (found.repo, found.revision, found.inner) == parts


@pytest.mark.parametrize("text", PATHS)
def test_paths_stay_paths(text):
    assert address_of(text) is None


@pytest.mark.parametrize("text", URLS)
def test_addresses(text):
    assert address_of(text) == UrlAddress(text)


def test_a_path_that_lost_a_slash_is_the_address_it_was():
    assert address_of(Path("s3://bucket/model")) == UrlAddress("s3://bucket/model")
    assert address_of(Path("hf://org/model@v1")) == HubAddress("org/model", "v1")


def test_what_exists_here_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert address_of("org/model") is None
    assert address_of("org/other") == HubAddress("org/other", is_name=True)


def test_file_addresses_are_paths():
    assert address_of("file:///models/my%20bert") == Path("/models/my bert")


def test_another_hub_has_its_own_pages(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:8000/mirror")
    assert address_of("http://127.0.0.1:8000/mirror/org/model/blob/v1/a.bin") == HubAddress("org/model", "v1", "a.bin")
    assert address_of("http://127.0.0.1:9/org/model") == UrlAddress("http://127.0.0.1:9/org/model")


@pytest.mark.parametrize("text", ["hf://", "hf://datasets/org/data", "hf://org/model@", "hf://a b/c"])
def test_what_names_no_model_is_refused(text):
    with pytest.raises(InvalidArgumentError, match="must name a model as hf://ORG/MODEL"):
        address_of(text)


def test_secrets_are_not_shown():
    secret = "https://ann:hunter2@example.org/m.safetensors?X-Amz-Signature=5ecret&sig=5ecret"
    assert "5ecret" not in UrlAddress(secret).shown
    assert "hunter2" not in UrlAddress(secret).shown
    assert redacted("invalid token hf_abcDEF123456 in Authorization: Bearer abc.def") == (
        "invalid token *** in Authorization: ***"
    )
    assert UrlAddress("s3://bucket/model").shown == "s3://bucket/model"
