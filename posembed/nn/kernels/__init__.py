"""The input embedding as one operator: its definition in plain PyTorch, its Triton kernels, and the choice of one."""
