"""All benchmarks of a CPU: ``python -m benchmarks.bench``, one JSON file each and one page."""
