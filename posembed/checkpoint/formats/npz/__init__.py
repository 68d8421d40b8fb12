"""Read and rewrite NumPy archives (``.npz``)."""
