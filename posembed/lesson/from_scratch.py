import torch
from torch import nn

torch.manual_seed(0)
max_len, d_model, vocab_size = 16, 8, 10
token = nn.Embedding(vocab_size, d_model)
position = nn.Parameter(0.02 * torch.randn(max_len, d_model))  # the learned table
head = nn.Sequential(nn.ReLU(), nn.Linear(d_model, 2))
before = position.detach().clone()
optimizer = torch.optim.Adam([*token.parameters(), position, *head.parameters()], lr=0.02)
for _step in range(400):
    ids = torch.randint(vocab_size, (32, 12))  # texts of 12 tokens: rows 12 to 15 are never read
    hidden = token(ids) + position[: ids.shape[1]]  # lookup, then addition number by number
    target = (ids + torch.arange(ids.shape[1])) % 2  # depends on the token and on where it stands
    loss = nn.functional.cross_entropy(head(hidden).flatten(0, 1), target.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
moved = (position - before).norm(dim=1)
print(f"loss {loss.item():.4f}; row 3 moved by {moved[3].item():.3f}, row 15 by {moved[15].item():.3f}")
