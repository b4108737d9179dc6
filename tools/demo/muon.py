"""Muon for stacks of matrices and AdamW for the rest, in one optimizer."""

import torch


def orthogonal(update, steps=5):
    """The nearest semi-orthogonal matrices, by Newton-Schulz.

    REQUIRES update [n, rows, cols] with rows <= cols. The quintic of
    K. Jordan's Muon (2024), which trades accuracy for speed.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = update.bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        gram = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, gram, x, beta=a)
    return x.to(update.dtype)


class Muon(torch.optim.Optimizer):
    """Groups with `muon=True` hold stacks [n, rows, cols]; the others AdamW's.

    Muon's steps are scaled to the size of AdamW's, so that both share one
    learning rate (Liu et al. 2025).
    """

    def __init__(self, groups, lr, weight_decay=0.05, momentum=0.95,
                 betas=(0.9, 0.98)):
        super().__init__(groups, dict(lr=lr, weight_decay=weight_decay,
                                      momentum=momentum, betas=betas,
                                      muon=False))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            used = [p for p in group["params"] if p.grad is not None]
            for p in used:
                p.mul_(1 - group["lr"] * group["weight_decay"])
            if group["muon"]:
                self._muon(used, group)
            else:
                for p in used:
                    self._adam(p, group)

    def _muon(self, used, group):
        # Matrices of one shape, either way up, are made orthogonal together.
        by_shape = {}
        for p in used:
            state = self.state[p]
            if not state:
                state["mean"] = torch.zeros_like(p)
            mean = state["mean"].lerp_(p.grad, 1 - group["momentum"])
            update = p.grad.lerp(mean, group["momentum"])
            tall = p.shape[1] > p.shape[2]
            update = update.mT if tall else update
            by_shape.setdefault(update.shape, []).append((p, update, tall))
        for shape, rows in by_shape.items():
            made = orthogonal(torch.cat([update for _, update, _ in rows]))
            scale = 0.2 * max(shape[1:]) ** 0.5
            for (p, _, tall), update in zip(rows, made.split(shape[0])):
                update = update.mT if tall else update
                p.add_(update, alpha=-group["lr"] * scale)

    def _adam(self, p, group):
        state = self.state[p]
        if not state:
            state.update(step=0, mean=torch.zeros_like(p),
                         square=torch.zeros_like(p))
        state["step"] += 1
        first, second = group["betas"]
        state["mean"].lerp_(p.grad, 1 - first)
        state["square"].lerp_(p.grad.square(), 1 - second)
        mean = state["mean"] / (1 - first ** state["step"])
        square = state["square"] / (1 - second ** state["step"])
        p.addcdiv_(mean, square.sqrt_().add_(1e-8), value=-group["lr"])
