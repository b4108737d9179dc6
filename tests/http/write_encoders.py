#!/usr/bin/env python3
"""Writes two small encoders of the same random weights, for tests: FOLDER/logit declares to sentence-transformers that its
score is the logit, as ms-marco-MiniLM does, and FOLDER/sigmoid declares nothing, as bge-reranker does.

usage: write_encoders.py PROGRAM FOLDER
"""

import json
import pathlib
import shutil
import string
import subprocess
import sys

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = list(string.ascii_lowercase) + ["##" + letter for letter in string.ascii_lowercase]
TOKENS = SPECIAL + PIECES
CONFIG = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 64,
          "intermediate_size": 128, "layer_norm_eps": 1e-12, "max_position_embeddings": 64, "num_attention_heads": 2,
          "num_hidden_layers": 2, "pad_token_id": 0, "id2label": {"0": "LABEL_0"}, "type_vocab_size": 2,
          "vocab_size": len(TOKENS)}
IDENTITY = {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}
TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                      "normalized": False, "special": True} for i, token in enumerate(SPECIAL)],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {token: i for i, token in enumerate(TOKENS)}},
}


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(json.dumps(TOKENIZER), encoding="utf-8")
    for name, declared in (("logit", IDENTITY), ("sigmoid", {})):
        config = folder / f"{name}.json"
        config.write_text(json.dumps({**CONFIG, **declared}), encoding="utf-8")
        subprocess.run([program, "synth", "--config", config, "--tokenizer", tokenizer, "--std", "0.2", "--out",
                        folder / name], check=True)


if __name__ == "__main__":
    main()
