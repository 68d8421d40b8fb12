"""Read and rewrite PyTorch files without running what is in them."""
