#!/bin/sh
# Everything that needs a GPU, in at most 8 minutes on one card; writes one JSON and prints its rows.
#
#   sh benchmarks/gpu.sh [OUT.json] [MODEL TEXTS]
#
# MODEL is a sentence-embedding checkpoint and TEXTS what it is calibrated, evaluated and extended on; without them these
# rows stay empty.
# Needs: pip install -e '.[dev]' and, for the fused kernels, pip install triton.
set -eu
cd "$(dirname "$0")/.."
out=${1:-gpu.json}
python=${PYTHON:-python}
[ $# -gt 0 ] && shift
"$python" -m pytest -q -m gpu -p no:cacheprovider --junit-xml="$out.tests.xml" tests || true
"$python" -m benchmarks.gpu --tests "$out.tests.xml" --out "$out" "$@"
