"""Read, edit and verify safetensors files without loading their tensors."""
