#!/usr/bin/env python3
"""What rounding a model's products to numbers of a byte costs at the least.

    python3 number_formats.py MODEL REFERENCE.json

Computes the cases of a reference file (tests/data/scores-*.json, or what
tools/make_reference.py wrote) with Transformers in float32, but rounds the
weights and inputs of each product first: weights with a scale for each row,
inputs with a scale for each token. Nothing else is rounded, so that no engine
which computes products of such numbers can expect a smaller error. One error
is as much chance as format, since all cases share the weights: each format
is tried with several scales of rows, each up to twice what fits.
Needs torch 2.1 and transformers; a GPU for large models.
"""

import argparse
import json
import math

import torch
import transformers
from tokenizers import Tokenizer


def exact(x, _):
    return x


def e4m3(x, growth):
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-30) * growth / 448
    return (x / scale).to(torch.float8_e4m3fn).to(x.dtype) * scale


def int8(x, growth):
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-30) * growth / 127
    return (x / scale).round() * scale


def turned_int8(x, growth, columns=64):
    """As int8, after a Hadamard matrix on each run of columns, and back."""
    matrix = torch.ones(1, 1, dtype=x.dtype, device=x.device)
    while len(matrix) < columns:
        matrix = torch.cat([torch.cat([matrix, matrix], 1),
                            torch.cat([matrix, -matrix], 1)])
    matrix /= math.sqrt(columns)

    def turn(y):
        return (y.reshape(*y.shape[:-1], -1, columns) @ matrix).reshape(y.shape)

    return turn(int8(turn(x), growth))


# Name, of weights, of inputs.
FORMATS = [
    ("float32", exact, exact),
    ("e4m3", e4m3, e4m3),
    ("e4m3, weights alone", e4m3, exact),
    ("e4m3, inputs alone", exact, e4m3),
    ("int8", int8, int8),
    ("int8, turned", turned_int8, turned_int8),
]

KINDS = {
    "query, key, value": ("q_proj", "k_proj", "v_proj"),
    "output": ("o_proj",),
    "gate, up": ("gate_proj", "up_proj"),
    "down": ("down_proj",),
}
ALL = sum(KINDS.values(), ())


def difference(logits):
    return logits["logit_yes"] - logits["logit_no"]


def rms(errors):
    return math.sqrt(sum(e * e for e in errors) / len(errors))


class Quantised:
    """A model whose products' weights and inputs are rounded as told."""

    def __init__(self, folder, device):
        self.device = device
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32).to(device).eval()
        self.num_layers = self.model.config.num_hidden_layers
        self.products = {
            name: module for name, module in self.model.model.named_modules()
            if isinstance(module, torch.nn.Linear)}
        self.weights = {
            name: module.weight.data for name, module in self.products.items()}
        self.inputs = {}
        for name, module in self.products.items():
            module.register_forward_pre_hook(
                lambda _, arguments, name=name:
                (self.inputs[name](arguments[0], self.growth),))
        self.growth = 1

    def set(self, weights, inputs, layers, kinds, growth):
        self.growth = growth
        for name, module in self.products.items():
            _, layer, *_, kind = name.split(".")
            is_rounded = int(layer) in layers and kind in kinds
            module.weight.data = (weights if is_rounded else exact)(
                self.weights[name], growth)
            self.inputs[name] = inputs if is_rounded else exact

    @torch.no_grad()
    def difference(self, ids, answers):
        hidden = self.model.model(
            input_ids=torch.tensor([ids], device=self.device),
            use_cache=False).last_hidden_state[0, -1]
        no, yes = (self.model.lm_head.weight[answers] @ hidden).tolist()
        return yes - no


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("reference")
    parser.add_argument("--growths", type=float, nargs="+",
                        default=[1, 1.15, 1.32, 1.52, 1.74],
                        help="of scales, one computation each; for int8, "
                        "which loses range by them, the first alone")
    parser.add_argument("--spared", type=int, nargs="+", default=[1, 2, 4, 6],
                        help="first layers left in float32, a line each")
    arguments = parser.parse_args()
    with open(arguments.reference, encoding="utf-8") as file:
        cases = [case for case in json.load(file)["cases"]
                 if case.get("token_ids")]
    if not cases:
        raise SystemExit(f"{arguments.reference}: no case has token_ids")
    tokenizer = Tokenizer.from_file(f"{arguments.model}/tokenizer.json")
    answers = [tokenizer.token_to_id("no"), tokenizer.token_to_id("yes")]
    # Whatever the GPU would round products to by itself.
    torch.backends.cuda.matmul.allow_tf32 = False
    model = Quantised(arguments.model,
                      "cuda" if torch.cuda.is_available() else "cpu")
    wanted = [difference(case["float32"]) for case in cases]
    yardstick = rms([difference(case["bfloat16"]) - want
                     for case, want in zip(cases, wanted)])
    print(f"{len(cases)} cases; Transformers in bfloat16: rms {yardstick:.4f}")

    def show(name, weights, inputs, layers, kinds=ALL):
        several = e4m3 in (weights, inputs)
        errors = []
        for growth in arguments.growths if several else arguments.growths[:1]:
            model.set(weights, inputs, layers, kinds, growth)
            errors.append(rms([
                model.difference(case["token_ids"], answers) - want
                for case, want in zip(cases, wanted)]) / yardstick)
        print(f"  {name:32} {rms(errors):6.2f} times"
              + (f" ({min(errors):.1f} to {max(errors):.1f})" if several else ""),
              flush=True)

    layers = range(model.num_layers)
    for name, weights, inputs in FORMATS:
        show(name, weights, inputs, layers)
    show("e4m3, but first and last layer", e4m3, e4m3, layers[1:-1])
    show("int8 turned, the same", turned_int8, turned_int8, layers[1:-1])
    show("e4m3, but the last layer", e4m3, e4m3, layers[:-1])
    for count in arguments.spared:
        if count < model.num_layers:
            show(f"e4m3, but the first {count}", e4m3, e4m3, layers[count:])
    for name, kinds in KINDS.items():
        show(f"e4m3, {name} alone", e4m3, e4m3, layers, kinds)


if __name__ == "__main__":
    main()
