"""Trains the demo reranker from nothing on one GPU.

    python3 train.py --data DATA --out FOLDER [--state FILE] [--until STEP]

Reads what make_data.py wrote; writes config.json, model.safetensors, the
tokenizer and log.jsonl to FOLDER. With --state, training stops at step
--until, keeps everything in FILE, and goes on from there in the next call.
"""

import argparse
import json
import math
import pathlib
import random
import shutil
import time

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

import batches
import tokenizer as tok
from bm25 import rank
from model import BLOCK, Config, Layout, MATRICES, Reranker
from muon import Muon

SEED = 1
LONG_EVERY = 6  # one batch in six holds fewer and longer documents


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--state", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=25000)
    parser.add_argument("--until", type=int)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--documents", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--check-every", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=SEED)
    return parser.parse_args()


class Schedule:
    """What changes as training goes on; `done` is the share of it, 0..1."""

    def __init__(self, done):
        warm = min(1.0, done / 0.02)
        fall = min(1.0, (1 - done) / 0.6)
        self.rate = warm * fall
        early = max(0.0, 1 - done / 0.3)
        self.language = 0.1 + 0.9 * early
        self.probe = 0.5 * max(0.0, 1 - done / 0.4)
        self.mix = batches.Mix(
            hard=0.75 - 0.6 * max(0.0, 1 - done / 0.15),
            swapped=0.3 * min(1.0, max(0.0, (0.9 - done) / 0.1)))


def differences(model, batch, hidden, answers):
    """logit_yes - logit_no of each document, [batch, documents]."""
    last = batch.last[..., None].expand(-1, -1, hidden.shape[-1])
    rows = hidden.gather(1, last.flatten(1, 1)).float()
    return rows @ (model.embed[answers[1]] - model.embed[answers[0]])


def losses(model, batch, layout, schedule, dropout, answers):
    hidden, early = model(batch.ids, batch.positions, layout, dropout)
    found = differences(model, batch, hidden, answers)
    right = torch.zeros_like(found)
    right[:, 0] = 1
    listwise = F.cross_entropy(found, right[:, 0].long() * 0)
    # The right one counts as much as five others: in use, lists are short.
    pointwise = F.binary_cross_entropy_with_logits(
        found, right, weight=1 + 4 * right)
    out = {"list": listwise, "point": pointwise}
    total = listwise + 0.3 * pointwise
    # The right document, word by word, with the query before it.
    text = slice(BLOCK, BLOCK + layout.tokens)
    ids, body = batch.ids[:, text], batch.body[:, 0]
    logits = F.linear(hidden[:, text][:, :-1],
                      model.embed.to(hidden.dtype))
    told = F.cross_entropy(logits.flatten(0, 1).float(),
                           ids[:, 1:].flatten(), reduction="none")
    fair = (body[:, 1:] & ~batch.swapped[:, None]).flatten().float()
    out["language"] = (told * fair).sum() / fair.sum().clamp(min=1)
    total = total + schedule.language * 0.5 * out["language"]
    if schedule.probe > 0:
        seen = early[:, BLOCK:].float() @ model.probe
        every = F.binary_cross_entropy_with_logits(
            seen, batch.asked.flatten(1).float(), reduction="none")
        real = batch.body.flatten(1).float()
        out["probe"] = (every * real).sum() / real.sum()
        total = total + schedule.probe * out["probe"]
    out["total"] = total
    out["first"] = (found.argmax(1) == 0).float().mean()
    return out


@torch.no_grad()
def check(model, lists, layout, answers):
    """Mean reciprocal rank by kind on held-out lists."""
    places = {}
    for kind, batch in lists:
        layout.head_length.copy_(batch.head_length)
        hidden, _ = model(batch.ids, batch.positions, layout)
        found = differences(model, batch, hidden, answers)
        for row in found.view(-1, 20).cpu().numpy():
            places.setdefault(kind, []).append(1 / rank(row))
    means = {k: sum(v) / len(v) for k, v in places.items()}
    return {**means, "all": sum(means.values()) / len(means)}


class Training:
    def __init__(self, args):
        torch.manual_seed(args.seed)
        random.seed(args.seed)
        self.args = args
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        gpu = self.device == "cuda"
        self.data = batches.Data(args.data / "train.npz", self.device,
                                 args.seed)
        self.tokenizer = Tokenizer.from_file(str(args.data / "tokenizer.json"))
        self.config = Config(num_hidden_layers=args.layers)
        self.model = Reranker(self.config, compiled=gpu).to(self.device)
        self.short = Layout(args.batch, args.documents, BLOCK, self.device)
        self.long = Layout(args.batch, 5, 3 * BLOCK, self.device)
        stacks = [getattr(self.model, n) for n in MATRICES]
        others = [p for p in self.model.parameters()
                  if all(p is not s for s in stacks)]
        self.optimizer = Muon([{"params": stacks, "muon": True},
                               {"params": others, "weight_decay": 0.01}],
                              args.lr)
        self.answers = self.data.answers.tolist()
        self.step = 0
        self.seconds = 0.0
        if args.state and args.state.exists():
            self.load()
        per_kind = 256 if gpu else 8
        self.lists = list(batches.held_out(
            self.data, self.long, args.data / "valid.json.gz",
            self.tokenizer, per_kind))

    def load(self):
        kept = torch.load(self.args.state, map_location=self.device)
        self.model.load_state_dict(kept["model"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.data.rng.set_state(kept["rng"].cpu())
        torch.set_rng_state(kept["dropout"][0].cpu())
        if self.device == "cuda":
            torch.cuda.set_rng_state(kept["dropout"][1].cpu())
        self.step, self.seconds = kept["step"], kept["seconds"]

    def save(self):
        gpu = self.device == "cuda"
        torch.save({
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.data.rng.get_state(), "step": self.step,
            "dropout": (torch.get_rng_state(),
                        torch.cuda.get_rng_state() if gpu else None),
            "seconds": self.seconds}, self.args.state)

    def one(self):
        schedule = Schedule(self.step / self.args.steps)
        layout = self.long if self.step % LONG_EVERY == 0 else self.short
        batch = batches.make_batch(self.data, layout, self.config.vocab_size,
                                   schedule.mix)
        layout.head_length.copy_(batch.head_length)
        out = losses(self.model, batch, layout, schedule, self.args.dropout,
                     self.answers)
        out["total"].backward()
        for group in self.optimizer.param_groups:
            group["lr"] = self.args.lr * schedule.rate
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return out

    def report(self, out, began):
        line = {"step": self.step, "seconds": round(
            self.seconds + time.time() - began, 1)}
        line |= {k: round(v.item(), 4) for k, v in out.items()}
        if self.step % self.args.check_every == 0:
            found = check(self.model, self.lists, self.long, self.answers)
            line["valid"] = {k: round(v, 4) for k, v in found.items()}
        if not math.isfinite(line["total"]):
            raise SystemExit(f"the loss is {line['total']}")
        print(json.dumps(line), flush=True)
        with (self.args.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")

    def run(self):
        args = self.args
        args.out.mkdir(parents=True, exist_ok=True)
        began = time.time()
        until = min(args.until or args.steps, args.steps)
        while self.step < until:
            out = self.one()
            if self.step % 100 == 0 or self.step in (1, 10, until):
                self.report(out, began)
            if args.state and self.step % 2000 == 0:
                self.save()
        self.seconds += time.time() - began
        if args.state:
            self.save()
        ids = [self.tokenizer.token_to_id(t) for t in tok.ADDED]
        self.model.export(args.out, ids[0], ids[2])
        shutil.copy(args.data / "tokenizer.json", args.out)
        (args.out / "rerank_prompt.json").write_text(json.dumps({"prompt": "qwen3-reranker"}) + "\n")
        (args.out / "tokenizer_config.json").write_text(
            json.dumps(tok.tokenizer_config(), indent=2) + "\n")
        print(f"step {self.step} of {args.steps}, {self.seconds:.0f} s")


if __name__ == "__main__":
    Training(parse()).run()
