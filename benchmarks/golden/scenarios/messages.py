"""Wrong calls of every command. Their exit codes are always compared, what they say only on demand."""

from __future__ import annotations

from benchmarks.golden.execution import Call

_BERT = "embeddings.position_embeddings.weight"
_TINY = "compare --train-length=16 --d-model=16 --layers=1 --heads=2 --batch-size=4 --steps=2 --no-plots --jobs=1"

_CALLS: dict[str, tuple[str, ...]] = {
    "": ("", "no-such-command", "--nothing", "bert", "--version extra", "inspekt bert"),
    "inspect": (
        *("", "nowhere", "bert extra more", "bert --tabel x", "bert --table nothing", "bert --reserved 2"),
        *("bert --prefix 1", "bert --grid 4x4", f"bert --table {_BERT} --grid 4", f"bert --table {_BERT} --grid 0x4"),
        *(f"bert --table {_BERT} --grid 9x9", f"bert --table {_BERT} --reserved -1", "three-bytes.safetensors"),
        *(f"bert --table {_BERT} --reserved 200", f"bert --table {_BERT} --prefix -2", "truncated.safetensors"),
        *("lying.safetensors", "nan.safetensors --json", "with-code.bin", "index-outside", "broken-config"),
        *("empty-folder", "words.txt", "bert --html a-page.html", "bert --html OUT.html --no-values"),
        *("bert roberta --no-values", "bert nowhere", "bert --html no/such/folder/x.html", "bert --html bert"),
        *(f"bert roberta --table {_BERT} --reserved 2", "bert roberta --table nothing", "bert --json=1", "a-page.html"),
        *("bert --reserved x", f"bert --table {_BERT} --table x --reserved 0"),
    ),
    "extend": (
        *("", "bert", "bert OUT", "bert OUT --to 128 --grid 4x4", "bert OUT --to 32", "bert OUT --to 64"),
        *("bert OUT --to 0", "bert OUT --to -4", "bert OUT --to many", "bert OUT --to 128 --method lineer"),
        *("bert OUT --to 128 --method bicubic", "vit OUT --to 128", "bert OUT --grid 4x4", "vit OUT --grid 4"),
        *("vit OUT --grid 4x4", "vit OUT --image-size x", "vit OUT --image-size 65", "vit OUT --image-size 0"),
        *("bert OUT --to 128 --method tile --alpha 0.2", "bert OUT --to 128 --method tile --range 500"),
        *("bert OUT --to 128 --method stretch --keep 64", "bert OUT --to 128 --method stretch --kernel other"),
        *("bert OUT --to 128 --method stretch --ratio 0", "bert OUT --to 128 --method hierarchical --alpha 1"),
        *("bert OUT --to 9999 --method hierarchical", "bert OUT --to 128 --method crop", "nowhere OUT --to 128"),
        *("bert bert --to 128", "bert bert/inner --to 128", "bert roberta --to 128", "bert OUT --to 128 --verify no"),
        *("bert OUT --to 128 --table nothing", "bert OUT --to 128 --reserved 2", "no-table.safetensors OUT --to 128"),
        *("sinusoid.safetensors OUT --to 128", "own.safetensors OUT --to 300", "nan.safetensors OUT --to 128"),
        *("truncated.safetensors OUT --to 128", "three-bytes.safetensors OUT --to 128", "with-code.bin OUT --to 128"),
        *("t5 OUT --to 128", "led OUT --to 70", "led OUT --to 70 --dry-run", "broken-config OUT --to 128"),
        *("bart OUT --to 128 --table encoder.embed_positions.weight --dry-run", "bert OUT --to 128 --data nowhere"),
        *("bert OUT --to 128 --data texts --method tile", "vit OUT --to 128 --data texts", "bert OUT --nothing"),
        *("embedder OUT --to 32 --data texts", "causal OUT --to 128 --data short.txt", "vit OUT --grid 6x6 --seed 1"),
        *("bert OUT --to 128 --method random --seed -1", "vit OUT --grid 6x6 --length-aware --dry-run"),
    ),
    "evaluate": (
        *(
            "",
            "nowhere",
            "vit",
            "bert",
            "clip --data texts",
            "embedder --documents 150 --data texts",
            "embedder --lengths many",
        ),
        *("embedder --lengths 512,", "embedder --lengths 32", "embedder --tasks hay", "embedder --tasks ,"),
        *(
            "embedder --data nowhere",
            "embedder --data empty.txt",
            "embedder --data short.txt",
            "embedder --pool 1 --data texts",
        ),
        *(
            "embedder --precision fp8",
            "embedder --short 0 --lengths 64 --data texts",
            "embedder --short 999 --lengths 64 --data texts",
        ),
        *(
            "embedder --original nowhere",
            "embedder --original causal",
            "embedder --original bert",
            "causal --lengths 9",
        ),
        *("causal --documents 1 --data texts", "causal --data short.txt", "causal --original masked --data texts"),
        *(
            "embedder --html a-page.html",
            "embedder --documents x",
            "embedder --lengths 64 --documents 2 --pool 2 --seed -1 --data texts",
            "embedder extra",
        ),
        *("masked --data texts --lengths 64 --original roberta", "three-bytes.safetensors", "timm.safetensors"),
    ),
    "calibrate": (
        *("", "embedder", "embedder OUT", "embedder OUT --data nowhere --to 128 --range 32", "vit OUT --data texts"),
        *("nowhere OUT --data texts", "embedder OUT --data texts --to 32", "embedder OUT --data texts"),
        *("embedder OUT --data texts --to 128 --range 500", "embedder OUT --data texts --range 32"),
        *("embedder OUT --data texts --to 128 --range 32 --keep 999", "causal OUT --data texts --to 128 --steps 0"),
        *("causal OUT --data texts --to 128 --batch 0", "causal OUT --data texts --to 128 --every 0"),
        *("causal OUT --data texts --to 128 --minutes 0", "causal OUT --data texts --to 128 --minutes -1"),
        *("causal OUT --data texts --to 128 --patience 0", "causal OUT --data texts --to 128 --precision fp8"),
        *("causal OUT --data texts --to 128 --shift-rate -1", "causal OUT --data texts --to 128 --row-rate nan"),
        *("embedder OUT --data texts --to 128 --range 32 --facts 2", "causal OUT --data texts --length-aware"),
        *("causal OUT --data texts --to 128 --document 9999", "causal OUT --data texts --to 128 --document 2"),
        *("embedder OUT --data texts --to 128 --document 40", "causal OUT --data short.txt --to 128"),
        *("causal causal --data texts --to 128", "causal masked --data texts --to 128", "causal OUT --nothing"),
        *("causal OUT --data texts --keep 999", "causal OUT --data texts --to 128 --seed -1", "clip OUT --data texts"),
    ),
    "lesson": (
        *("extra", "--html a-page.html", "--html no/such/folder/x.html", "--checkpoint nowhere", "--checkpoint vit"),
        *("--results nowhere.json", "--results bert/config.json", "--nothing", "--checkpoint t5", "--html"),
    ),
    "quiz": ("extra", "--nothing"),
}
_COMPARE = (
    *("--data nowhere", "--data empty.txt", "--data empty-folder", "--data short.txt", "--encodings learned,lerned"),
    *("--encodings ,", "--encodings rope,rope", "--train-length 100000", "--train-length 1", "--device tpu9"),
    *("--precision fp8", "--model gpt", "--steps 0", "--steps many", "--d-model 15", "--heads 0", "--layers 0"),
    *("--seeds 0", "--first-seed -1", "--jobs 0", "--learning-rate nan", "--learning-rate inf", "--batch-size 0"),
    *("--tokenizer nowhere.json", "--tokenizer bert/config.json", "--resume", "--out words.txt", "--out bert"),
    *("--sinusoid-rms 0", "--threads 0", "--nothing", "extra", "--out texts/inner --data texts", "--device cuda:99"),
)


def messages() -> list[Call]:
    """Every wrong call; names of scenarios are the calls themselves."""
    made = [
        Call(f"{command or 'posembed'} {rest}".strip().replace("/", "∕"), tuple(f"{command} {rest}".split()))
        for command, calls in _CALLS.items()
        for rest in calls
    ]
    made += [
        Call(f"compare {rest}".replace("/", "∕"), (*_TINY.split(), "--data", "words.txt", *rest.split()))
        for rest in _COMPARE
    ]
    answers = {"nothing": "", "one": "B\n", "too-few": "a\n2\n\nwhat\nc\n"}
    made += [Call(f"quiz answered by {name}", ("quiz",), stdin=text) for name, text in answers.items()]
    return made
