"""Read and rewrite GGUF files, those of llama.cpp."""
