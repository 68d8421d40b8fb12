"""Names and addresses: which arguments name a checkpoint elsewhere, and what may be shown of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

from posembed.errors import InvalidArgumentError

PUBLIC_HUB = "https://huggingface.co"
_HUB_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# ``Path("s3://bucket")`` is ``s3:/bucket``; one letter before the colon is a drive.
_COLLAPSED = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")
# As the hub has them: an organization or user, and a name; models of the early days have no organization.
_NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
# Endings of a file on a disk: "model.safetensors" that is not there is not looked for on a hub.
_FILES = re.compile(r"\.(?:safetensors|bin|pt|pth|ckpt|tar|pkl|json|gguf|onnx|npz|npy|h5|msgpack|zip|gz|txt|md)$")
# Revisions of which a slash is part, as in huggingface_hub.
_SPECIAL_REVISION = re.compile(r"(refs/(?:convert/[\w-]+|pr/\d+))(?:/(.*))?", re.DOTALL)
_COMMIT = re.compile(r"[0-9a-f]{40}")

_USER = re.compile(r"(?<=://)[^/\s@]*@")
_QUERY = re.compile(r"([?&][^=&\s'\"]+=)[^&\s'\"]+")
_TOKEN = re.compile(r"\b(?:hf_|api_org_)[A-Za-z0-9]{6,}|(?i:\bbearer\s+)[^\s'\",]+")


@dataclass(frozen=True)
class HubAddress:
    """A model of a hub.

    Attributes:
        repo: ``"org/model"``, or ``"model"`` alone.
        revision: branch, tag or commit; ``None`` for the main one.
        inner: a file or folder in it; empty for the model itself.
        is_name: whether it was written as a name, which may be a mistyped path as well.
    """

    repo: str
    revision: str | None = None
    inner: str = ""
    is_name: bool = False

    @property
    def shown(self) -> str:
        """The name as results have it."""
        if self.inner:
            return f"hf://{self.repo}{'' if self.revision is None else f'@{self.revision}'}/{self.inner}"
        return self.repo if self.revision is None else f"{self.repo}@{self.revision}"

    @property
    def is_commit(self) -> bool:
        """Whether the revision is one state of the files for good."""
        return self.revision is not None and _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True)
class UrlAddress:
    """An address that fsspec opens.

    Attributes:
        url: as it was given, secrets included.
    """

    url: str

    @property
    def shown(self) -> str:
        """The address without user names, passwords and signatures."""
        return redacted(self.url)

    @property
    def scheme(self) -> str:
        """The part before ``://``, of the first one where several are chained."""
        return self.url.partition("://")[0].rpartition("::")[2].lower()


Address = HubAddress | UrlAddress


def address_of(value: object) -> Address | Path | None:
    """Return where a checkpoint lies that is not on this machine, or ``None`` for a path.

    What exists on this machine is a path, whatever it is called. ``file://`` gives the path.

    Raises:
        InvalidArgumentError: for an address of a hub that names no model.

    Example:
        >>> address_of("org/model@v2")
        HubAddress(repo='org/model', revision='v2', inner='', is_name=True)
        >>> address_of("hf://org/model@refs/pr/1/unet").inner
        'unet'
        >>> address_of("https://user:secret@example.org/a.safetensors?token=1").shown
        'https://***@example.org/a.safetensors?token=***'
        >>> address_of("./models/bert"), address_of("bert.safetensors")
        (None, None)
    """
    if not isinstance(value, str | os.PathLike):
        return None
    text = os.fspath(value)
    if not isinstance(text, str) or not text or "\0" in text or _exists(text):
        return None
    if isinstance(value, PurePath):
        text = _COLLAPSED.sub(r"\1://", text, count=1)
    if _SCHEME.match(text) or ("::" in text and "://" in text):
        return _of_url(text)
    return _of_name(text)


def redacted(text: str) -> str:
    """Return a text without what may be secret: user names and queries of addresses, and tokens.

    Example:
        >>> redacted("GET https://a:b@c.org/x?X-Amz-Signature=1f&expires=9 with Bearer hf_abcdefgh")
        'GET https://***@c.org/x?X-Amz-Signature=***&expires=*** with ***'
    """
    text = _QUERY.sub(r"\1***", _USER.sub("***@", text)) if "://" in text else text
    return _TOKEN.sub("***", text)


def _exists(text: str) -> bool:
    try:
        return os.path.lexists(text)
    except (OSError, ValueError):  # too long for a name
        return False


def _of_url(text: str) -> Address | Path:
    scheme, _, rest = text.partition("://")
    if scheme.lower() in ("file", "local"):
        return Path(unquote(urlsplit(text).path) if scheme.lower() == "file" else rest)
    if scheme.lower() == "hf":
        return _in_hub(rest, text)
    return _of_page(text) or UrlAddress(text)


def _of_page(text: str) -> HubAddress | None:
    """Return the model of a hub's page, or of a file's link there; ``None`` for any other address."""
    parts = urlsplit(text)
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or PUBLIC_HUB)
    base = endpoint.path.strip("/")
    hosts = (endpoint.netloc,) if endpoint.netloc not in _HUB_HOSTS else _HUB_HOSTS
    if parts.scheme not in ("http", "https") or parts.netloc not in (*hosts, *_HUB_HOSTS):
        return None
    words = parts.path.strip("/").removeprefix(base).strip("/").split("/")
    for place in (1, 2):
        if len(words) > place + 1 and words[place] in ("resolve", "blob", "tree", "raw"):
            return _in_hub(f"{'/'.join(words[:place])}@{'/'.join(words[place + 1 :])}", text)
    return _in_hub("/".join(words), text) if len(words) == 2 and all(words) else None


def _in_hub(rest: str, text: str) -> HubAddress:
    words = rest.removeprefix("models/").strip("/")
    repo, marked, after = words.partition("@")
    revision: str | None = None
    if marked:
        special = _SPECIAL_REVISION.fullmatch(after)
        revision, inner = (special[1], special[2] or "") if special else after.partition("/")[::2]
        revision = unquote(revision)
    else:
        repo, inner = "/".join(words.split("/")[:2]), "/".join(words.split("/")[2:])
    if words.partition("/")[0] in ("datasets", "spaces", "buckets") or not _NAME.fullmatch(repo) or revision == "":
        raise InvalidArgumentError(
            f"checkpoint={redacted(text)!r} must name a model as hf://ORG/MODEL, with @REVISION and /FILE if needed"
        )
    return HubAddress(repo, revision, unquote(inner))


def _of_name(text: str) -> HubAddress | None:
    name, marked, revision = text.partition("@")
    if not _NAME.fullmatch(name) or _FILES.search(name.lower()) or ".." in name or "--" in name:
        return None
    if name.endswith((".", "-")) or (marked and not revision):
        return None
    return HubAddress(name, revision or None, is_name=True)
