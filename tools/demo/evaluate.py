"""Mean reciprocal rank of the shipped model and of BM25 on held-out lists.

    python3 evaluate.py --model MODEL --data DATA [--part test] [--json FILE]

Scores every candidate of DATA/test.json.gz with Transformers in float32
arithmetic, with the official prompt, and prints a table. REQUIRES what
make_data.py wrote; needs a GPU to be quick.
"""

import argparse
import gzip
import json
import pathlib
import time

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

import tokenizer as tok
from bm25 import rank

TOKENS_PER_BATCH = 1 << 17


class Scorer:
    """Scores prompts with Transformers, float32 arithmetic, no TF32."""

    def __init__(self, folder):
        torch.backends.cuda.matmul.allow_tf32 = False
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32).to(self.device).eval()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.answers = [self.tokenizer.token_to_id(w) for w in ("no", "yes")]

    @torch.no_grad()
    def differences(self, prompts):
        """logit_yes - logit_no of each prompt, in their order."""
        rows = [e.ids for e in self.tokenizer.encode_batch(prompts)]
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        out = np.zeros(len(rows), np.float32)
        begin = 0
        while begin < len(order):
            most = TOKENS_PER_BATCH // len(rows[order[begin]])
            end = min(begin + max(most, 1), len(order))
            part = order[begin:end]
            out[part] = self._batch([rows[i] for i in part])
            begin = end
        return out

    def _batch(self, rows):
        # Padding stands on the right, where no earlier token sees it.
        longest = max(map(len, rows))
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, :len(tokens)] = torch.tensor(tokens)
        last = torch.tensor([len(r) - 1 for r in rows], device=self.device)
        hidden = self.model.model(input_ids=ids.to(self.device),
                                  use_cache=False).last_hidden_state
        hidden = hidden[torch.arange(len(rows), device=self.device), last]
        head = self.model.lm_head.weight[self.answers]
        no, yes = (hidden @ head.T).unbind(1)
        return (yes - no).cpu().numpy()


def evaluate(scorer, made, per_kind=None):
    """{kind: figures} over the lists; 'all' is the mean of the made kinds."""
    documents, lists = made["documents"], made["lists"]
    seen, chosen = {}, []
    for x in lists:
        seen[x["kind"]] = seen.get(x["kind"], 0) + 1
        if per_kind is None or seen[x["kind"]] <= per_kind:
            chosen.append(x)
    prompts = []
    for x in chosen:
        for c, gap in x["candidates"]:
            segments = documents[str(c)]["segments"]
            text = " ".join(s for i, s in enumerate(segments) if i != gap)
            prompts.append(tok.prompt(tok.INSTRUCTIONS[0], x["query"], text))
    scores = scorer.differences(prompts)
    figures, at = {}, 0
    for x in chosen:
        found = scores[at:at + len(x["candidates"])]
        at += len(x["candidates"])
        figures.setdefault(x["kind"], []).append(
            (rank(found), rank(x["bm25"]), found[0] > 0,
             float((found[1:] > 0).mean())))
    out = {}
    for kind, rows in figures.items():
        model, baseline, right, others = np.array(rows, np.float64).T
        out[kind] = {
            "lists": len(rows),
            "mrr": (1 / model).mean(), "bm25_mrr": (1 / baseline).mean(),
            "first": (model == 1).mean(), "bm25_first": (baseline == 1).mean(),
            "right_above_half": right.mean(),
            "others_above_half": others.mean()}
    made_kinds = [k for k in out if k != "hand"]
    out["all"] = {key: sum(out[k][key] for k in made_kinds) / len(made_kinds)
                  for key in out[made_kinds[0]] if key != "lists"}
    out["all"]["lists"] = sum(out[k]["lists"] for k in made_kinds)
    return out


def table(figures):
    lines = ["| query | lists | model MRR | BM25 MRR | model first "
             "| BM25 first |", "|---|---:|---:|---:|---:|---:|"]
    for kind, f in figures.items():
        lines.append(
            f"| {kind} | {f['lists']} | {f['mrr']:.3f} | {f['bm25_mrr']:.3f} "
            f"| {f['first']:.3f} | {f['bm25_first']:.3f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--part", default="test")
    parser.add_argument("--per-kind", type=int)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    began = time.time()
    made = json.loads(gzip.open(
        args.data / f"{args.part}.json.gz").read())
    figures = evaluate(Scorer(args.model), made, args.per_kind)
    print(table(figures))
    for kind in figures:
        f = figures[kind]
        print(f"{kind}: a score above .5 for {f['right_above_half']:.3f} of "
              f"the right and {f['others_above_half']:.3f} of the other "
              "candidates")
    print(f"{time.time() - began:.0f} s")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
