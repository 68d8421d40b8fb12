"""What runs inside a library's own environment: make a small source model, and compare a source with its extended copy.

    python probes.py make RUNTIME FOLDER
    python probes.py run RUNTIME SOURCE COPY WORK

This file is run as a script and imports nothing of posembed, so that the libraries meet the files alone. ``run`` prints
one JSON object: ``old``, the largest difference between source and copy at the old length, ``new``, the largest
difference at the new length from what Transformers gives (``WORK/reference.npy``; there is none for models that
Transformers does not load), and ``shape``, that of the output at the new length.
"""

import ctypes
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np

OLD, NEW = 200, 1000  # tokens of the two inputs of text models, special tokens included
NEW_ROWS = 1024
CHARACTERS = 4000  # characters, which are more than 512 tokens and fewer than NEW_ROWS
PROMPT_OLD, PROMPT_NEW = 77, 154  # tokens that CLIP's text encoders take
IMAGE_OLD, IMAGE_NEW = 64, 96  # pixels


def tokens(length: int) -> np.ndarray:
    """Token ids that every vocabulary here has, with BERT's special tokens at both ends."""
    ids = np.random.default_rng(length).integers(5, 25, (1, length))
    ids[0, 0], ids[0, -1] = 2, 3
    return ids


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest one, or an error where the shapes differ."""
    if one.shape != other.shape:
        raise ValueError(f"outputs have the shapes {one.shape} and {other.shape}")
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).max())


# --- text: each function loads a folder and returns a function from ids to states [tokens, d_model] ---


def transformers_states(folder: Path, gelu: Callable[[Any], Any] | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """AutoModel, or one with another activation in the layers of BERT."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    for layer in model.encoder.layer if gelu else ():
        layer.intermediate.intermediate_act_fn.forward = gelu

    def states(ids: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(input_ids=torch.from_numpy(ids), attention_mask=torch.ones(ids.shape, dtype=torch.long))[0][
                0
            ].numpy()

    return states


def sentence_transformer(folder: Path, backend: str = "torch") -> Any:
    """SentenceTransformer on the CPU."""
    from sentence_transformers import SentenceTransformer

    options = {"export": True, "provider": "CPUExecutionProvider"} if backend == "onnx" else {}
    return SentenceTransformer(str(folder), device="cpu", backend=backend, model_kwargs=options)


def sentence_transformers_states(folder: Path, backend: str = "torch") -> Callable[[np.ndarray], np.ndarray]:
    """SentenceTransformer; ids go in as they would come from its tokenizer."""
    import torch

    model = sentence_transformer(folder, backend)

    def states(ids: np.ndarray) -> np.ndarray:
        if ids.shape[1] > model.max_seq_length:
            raise ValueError(f"its limit is {model.max_seq_length} tokens")
        given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.ones(ids.shape, dtype=torch.long)}
        if backend == "onnx":
            given["token_type_ids"] = torch.zeros(ids.shape, dtype=torch.long)
        with torch.no_grad():
            return model[0](given)["token_embeddings"][0].numpy()

    return states


def onnx_states(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """ONNX Runtime, on a graph that was exported from the source and extended by posembed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])

    def states(ids: np.ndarray) -> np.ndarray:
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        return np.asarray(session.run(None, {each.name: given[each.name] for each in session.get_inputs()})[0][0])

    return states


def ctranslate2_states(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """CTranslate2, converted from the folder."""
    import ctranslate2

    converted = folder.parent / f"{folder.name}-ct2"
    ctranslate2.converters.TransformersConverter(str(folder)).convert(str(converted), force=True)
    encoder = ctranslate2.Encoder(str(converted), device="cpu")

    def states(ids: np.ndarray) -> np.ndarray:
        return np.asarray(encoder.forward_batch(ids.tolist()).last_hidden_state)[0]

    return states


def run_text(load: Callable[[Path], Callable[[np.ndarray], np.ndarray]], given: Mapping[str, Path]) -> dict[str, Any]:
    """Compare at the old length with the source, at the new one with Transformers."""
    copy = load(given["copy"])
    long = copy(tokens(NEW))
    reference = given["work"] / "reference.npy"
    if not reference.exists():
        np.save(reference, long)
    old = difference(load(given["source"])(tokens(OLD)), copy(tokens(OLD)))
    return {"old": old, "new": difference(long, np.load(reference)), "shape": list(long.shape)}


# --- GGUF files in llama.cpp ---


def llama_states(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """llama.cpp, whose batch must hold a whole text of a model that looks both ways."""
    import llama_cpp

    llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())

    def states(ids: np.ndarray) -> np.ndarray:
        count, width = ids.shape[1], llama_cpp.llama_model_n_embd(model)
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = count
        options.embeddings, options.pooling_type = True, llama_cpp.LLAMA_POOLING_TYPE_NONE
        context = llama_cpp.llama_init_from_model(model, options)
        batch = llama_cpp.llama_batch_init(count, 0, 1)
        batch.n_tokens = count
        for at, token in enumerate(ids[0].tolist()):
            batch.token[at], batch.pos[at], batch.logits[at] = token, at, True
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
        if llama_cpp.llama_decode(context, batch):
            raise RuntimeError(f"llama.cpp does not run {count} tokens of {path.name}")
        found = np.ctypeslib.as_array(llama_cpp.llama_get_embeddings(context), (count, width)).copy()
        llama_cpp.llama_batch_free(batch)
        llama_cpp.llama_free(context)
        return found

    return states


def agreement(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """The largest difference of states, and the cosine of their means, which are the texts' vectors."""
    means = np.asarray(one, np.float64).mean(0), np.asarray(other, np.float64).mean(0)
    cosine = float(means[0] @ means[1] / np.linalg.norm(means[0]) / np.linalg.norm(means[1]))
    return {"difference": difference(one, other), "cosine": cosine}


def llama_vector(path: Path, text: str) -> tuple[list[int], np.ndarray]:
    """Return the tokens of a text and its vector, as llama.cpp's own tokenizer and pooling make them."""
    import llama_cpp

    room = {"n_ctx": 0, "n_batch": NEW_ROWS, "n_ubatch": NEW_ROWS}  # a context of 0 is as long as the file says
    model = llama_cpp.Llama(str(path), embedding=True, verbose=False, **room)
    return model.tokenize(text.encode()), np.asarray(model.embed(text, normalize=True, truncate=False))


def rounded_gelu(values: Any) -> Any:
    """The activation as llama.cpp computes it on a CPU: GELU by tanh, from a table of 16-bit numbers."""
    import torch

    inner = torch.nn.functional.gelu(values.half().float(), approximate="tanh").half().float()
    return torch.where(values <= -10, 0.0, torch.where(values >= 10, values, inner))


def run_llama(given: Mapping[str, Path]) -> dict[str, Any]:
    """Compare GGUF files of several types with Transformers: the source at the old length, the copy at both."""
    from pydoc_data.topics import topics

    source, copy = given["source"], given["copy"]
    expected = {
        name: (transformers_states(source, gelu)(tokens(OLD)), transformers_states(copy, gelu)(tokens(NEW)))
        for name, gelu in (("own", None), ("rounded", rounded_gelu))
    }
    text = topics["objects"][:CHARACTERS]
    reference = sentence_transformer(copy)
    ids, vector = reference.tokenizer(text)["input_ids"], reference.encode(text)
    types = {}
    for path in sorted(copy.glob("*.gguf")):
        before, after = llama_states(source / path.name), llama_states(path)
        short, long = before(tokens(OLD)), after(tokens(NEW))
        own_ids, own_vector = llama_vector(path, text)
        if own_ids != ids:
            raise ValueError(f"{path.name} has other tokens than the tokenizer")
        types[path.stem] = {
            "old": difference(short, after(tokens(OLD))),
            "source": {name: agreement(short, states[0]) for name, states in expected.items()},
            "copy": {name: agreement(long, states[1]) for name, states in expected.items()},
            "text": {"tokens": len(ids), **agreement(own_vector[None], vector[None])},
        }
    found = {"old": max(kind["old"] for kind in types.values()), "new": types["f32"]["copy"]["own"]["difference"]}
    return {**found, "shape": [*long.shape], "note": "F32, F16 and Q8_0; F32 is shown", "types": types}


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def _silent(level: int, text: bytes, data: object) -> None:
    """Take llama.cpp's messages."""


# --- CLIP's text encoder in a pipeline of diffusers ---


def make_pipeline(folder: Path) -> None:
    """A Stable Diffusion pipeline of random weights."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    names = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "cat": 3, "dog": 4, "and": 5}
    inner = Tokenizer(models.WordLevel(names, unk_token="<|endoftext|>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=PROMPT_OLD, **ends)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = CLIPTextModel(CLIPTextConfig(**sizes, vocab_size=6, bos_token_id=0, eos_token_id=1, pad_token_id=1))
    blocks = {"down_block_types": ("CrossAttnDownBlock2D",), "up_block_types": ("CrossAttnUpBlock2D",)}
    unet = UNet2DConditionModel(
        sample_size=8, layers_per_block=1, block_out_channels=(32,), cross_attention_dim=32, attention_head_dim=8,
        norm_num_groups=8, **blocks,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL(block_out_channels=(32,), norm_num_groups=8), text_encoder=text, tokenizer=tokenizer,
        unet=unet, scheduler=DDIMScheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)


def run_pipeline(given: Mapping[str, Path]) -> dict[str, Any]:
    """Compare what the pipeline makes of a prompt, and draw an image with a prompt that only the copy takes whole."""
    import torch
    from diffusers import StableDiffusionPipeline

    def prompt(folder: Path, words: int) -> Any:
        pipeline = StableDiffusionPipeline.from_pretrained(folder)
        pipeline.set_progress_bar_config(disable=True)
        text = " ".join(["a cat", "and a dog"][number % 2] for number in range(words // 2))
        limit = pipeline.tokenizer.model_max_length
        given = pipeline.tokenizer(text, padding="max_length", max_length=limit, truncation=True, return_tensors="pt")
        with torch.no_grad():
            vectors = pipeline.text_encoder(given.input_ids)[0][0].numpy()
        image = pipeline(text, num_inference_steps=1, height=16, width=16, output_type="np").images
        return vectors, image.shape

    (copy, shape), (source, _) = prompt(given["copy"], PROMPT_NEW), prompt(given["source"], PROMPT_NEW)
    if len(copy) != PROMPT_NEW or len(source) != PROMPT_OLD:
        raise ValueError(f"prompts have {len(source)} and {len(copy)} tokens")
    return {"old": difference(source, copy[:PROMPT_OLD]), "new": None, "shape": [*copy.shape], "image": [*shape]}


# --- images ---


def without_image_functions() -> str | None:
    """Put an empty torchvision in place of one whose compiled operators do not load; return what to tell."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in (
            "",
            ".transforms",
            ".transforms.functional",
            ".transforms.v2",
            ".datasets",
            ".ops",
            ".ops.misc",
            ".io",
        ):
            sys.modules[f"torchvision{name}"] = _Empty(f"torchvision{name}")
        return "without torchvision"
    return None


class _AnyName(type):
    """A class that has every attribute, as an enumeration would: its own name."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Empty(ModuleType):
    """A module that has every name; classes can derive from them."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None)
        self.__version__ = "0.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AnyName(name, (), {}) if name[0].isupper() else MagicMock()


def make_timm(folder: Path) -> None:
    """A ViT of timm with random weights, saved as for the hub."""
    without_image_functions()
    import timm
    import torch

    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", img_size=IMAGE_OLD, depth=2, num_classes=3).eval()
    timm.models.save_for_hf(model, folder, safe_serialization=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["model_args"] = {"img_size": IMAGE_OLD, "depth": 2}
    config["pretrained_cfg"]["input_size"] = [3, IMAGE_OLD, IMAGE_OLD]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def run_timm(given: Mapping[str, Path]) -> dict[str, Any]:
    """Run the copy on larger images; at the old size, timm itself resizes the copy's grid back."""
    note = without_image_functions()
    import timm
    import torch

    def output(folder: Path, side: int) -> np.ndarray:
        model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        torch.manual_seed(side)
        with torch.no_grad():
            return model.forward_features(torch.randn(1, 3, side, side))[0].numpy()

    long = output(given["copy"], IMAGE_NEW)
    own = timm.create_model(f"local-dir:{given['source']}", pretrained=True, img_size=IMAGE_NEW).eval()
    torch.manual_seed(IMAGE_NEW)
    with torch.no_grad():
        resized = own.forward_features(torch.randn(1, 3, IMAGE_NEW, IMAGE_NEW))[0].numpy()
    return {"old": None, "new": difference(long, resized), "shape": list(long.shape), "note": note}


def make_open_clip(folder: Path) -> None:
    """A CLIP of open_clip with random weights, saved as for the hub."""
    without_image_functions()
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    text = {"context_length": PROMPT_OLD, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": IMAGE_OLD, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16}
    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    model = open_clip.CLIP(
        **{**config, "vision_cfg": open_clip.CLIPVisionCfg(**vision), "text_cfg": open_clip.CLIPTextCfg(**text)}
    )
    folder.mkdir(parents=True)
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    words = {"model_cfg": config, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(words), encoding="utf-8")


def run_open_clip(given: Mapping[str, Path]) -> dict[str, Any]:
    """Encode texts of the old and of the new length."""
    note = without_image_functions()
    import open_clip
    import torch

    def vectors(folder: Path, length: int) -> np.ndarray:
        model = open_clip.create_model(f"local-dir:{folder}", pretrained=None, load_weights=True).eval()
        limit = model.context_length
        ids = torch.zeros(1, limit, dtype=torch.long)
        generator = torch.Generator().manual_seed(0)
        ids[0, : length - 1] = torch.randint(1, 49000, (length - 1,), generator=generator)
        ids[0, length - 1] = 49407
        with torch.no_grad():
            return model.encode_text(ids)[0].numpy()

    short = difference(vectors(given["source"], PROMPT_OLD), vectors(given["copy"], PROMPT_OLD))
    return {"old": short, "new": None, "shape": list(vectors(given["copy"], PROMPT_NEW).shape), "note": note}


TEXT = {
    "transformers": transformers_states,
    "sentence-transformers": sentence_transformers_states,
    "sentence-transformers, ONNX": lambda folder: sentence_transformers_states(folder, "onnx"),
    "ONNX Runtime": onnx_states,
    "CTranslate2": ctranslate2_states,
}
MAKE = {"diffusers": make_pipeline, "timm": make_timm, "open_clip": make_open_clip}
OTHER = {"llama.cpp": run_llama, "diffusers": run_pipeline, "timm": run_timm, "open_clip": run_open_clip}


def main() -> None:
    """Run what the command line says."""
    warnings.simplefilter("ignore")
    what, runtime, *folders = sys.argv[1:]
    paths = [Path(folder) for folder in folders]
    if what == "make":
        MAKE[runtime](paths[0])
        return
    given = dict(zip(("source", "copy", "work"), paths, strict=True))
    found = run_text(TEXT[runtime], given) if runtime in TEXT else OTHER[runtime](given)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
