#!/usr/bin/env python3
"""Reference scores of a Qwen3-Reranker checkpoint, by Transformers.

    python3 make_reference.py MODEL REFERENCE.json [--pairs FILE.jsonl]

Renders the official prompt, encodes it in one piece with control tokens
parsed, and writes the logits in float32 and in bfloat16 arithmetic, for
`rerank verify MODEL REFERENCE.json`. MODEL is a checkpoint directory with a
tokenizer.json. A line of FILE is a JSON object with `query`, `document` and,
if wanted, `instruction`; without --pairs, reference_pairs.jsonl beside this
script is taken. Needs torch, transformers, tokenizers; a GPU for large models.
"""

import argparse
import json
import math
import pathlib

import torch
import transformers
from tokenizers import Tokenizer

INSTRUCTION = ("Given a web search query, retrieve relevant passages that "
               "answer the query")
PROMPT = """\
<|im_start|>system
Judge whether the Document meets the requirements based on the Query and the \
Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>
<|im_start|>user
<Instruct>: {instruction}
<Query>: {query}
<Document>: {document}<|im_end|>
<|im_start|>assistant
<think>

</think>

"""
SHORT = 1024  # cases of at most so many tokens carry their ids
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def read_pairs(path):
    pairs = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            pair = json.loads(line)
            if not {"query", "document"} <= pair.keys():
                raise SystemExit(f"{path}:{number}: needs query and document")
            pair.setdefault("instruction", INSTRUCTION)
            pairs.append(pair)
    return pairs


def encode(tokenizer, pair):
    text = PROMPT.format(instruction=pair["instruction"], query=pair["query"],
                         document=pair["document"])
    return tokenizer.encode(text).ids


@torch.no_grad()
def logits(folder, kind, device, rows, answers):
    """{logit_no, logit_yes, score} of each row of token ids, one at a time.

    The weights are the checkpoint's, rounded to bfloat16 if it holds wider
    ones; `kind` is the arithmetic.
    """
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16).to(device).eval()
    if kind == torch.float32:
        model = model.float()
    out = []
    for ids in rows:
        ids = torch.tensor([ids], device=device)
        hidden = model.model(input_ids=ids, use_cache=False)
        last = hidden.last_hidden_state[0, -1].float()
        no, yes = (model.lm_head.weight[answers].float() @ last).tolist()
        out.append({"logit_no": no, "logit_yes": yes,
                    "score": 1 / (1 + math.exp(no - yes))})
    return out


def bfloat16_error(cases):
    """What bfloat16 arithmetic loses of logit_yes - logit_no."""
    def difference(case, kind):
        return case[kind]["logit_yes"] - case[kind]["logit_no"]

    lost = [difference(c, "bfloat16") - difference(c, "float32")
            for c in cases]
    return {"rms": math.sqrt(sum(x * x for x in lost) / len(lost)),
            "max": max(map(abs, lost))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("reference", type=pathlib.Path)
    parser.add_argument("--pairs", type=pathlib.Path,
                        default=pathlib.Path(__file__).with_name(
                            "reference_pairs.jsonl"))
    parser.add_argument("--device", default="cuda"
                        if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    config = json.loads((args.model / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    answers = [tokenizer.token_to_id(word) for word in ("no", "yes")]
    if None in answers:
        raise SystemExit("the tokenizer has no tokens `no` and `yes`")
    pairs = read_pairs(args.pairs)
    rows = [encode(tokenizer, pair) for pair in pairs]
    found = {name: logits(args.model, kind, args.device, rows, answers)
             for name, kind in KINDS.items()}
    cases = []
    for i, (pair, ids) in enumerate(zip(pairs, rows)):
        case = {"query": pair["query"], "instruction": pair["instruction"],
                "document": pair["document"], "token_count": len(ids)}
        if len(ids) <= SHORT:
            case["token_ids"] = ids
        cases.append(case | {name: found[name][i] for name in KINDS})
    made_by = (f"transformers {transformers.__version__} Qwen3ForCausalLM, "
               f"torch {torch.__version__}, {args.device}: bf16-rounded "
               "weights, float32 arithmetic (float32) and bfloat16 arithmetic "
               "(bfloat16)")
    error = bfloat16_error(cases)
    args.reference.write_text(json.dumps(
        {"config": config, "reference": made_by,
         "bfloat16_logit_difference_error": error, "cases": cases},
        ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(f"{len(cases)} cases; bfloat16 error {error}")


if __name__ == "__main__":
    main()
