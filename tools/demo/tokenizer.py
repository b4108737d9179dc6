"""The demo's own tokenizer and the official prompt in its token ids.

A byte-level BPE tokenizer.json of Qwen3's form with a small vocabulary, and
the pieces of the Qwen3-Reranker prompt. Documents and queries are given as
text; where they come from is not known here.
"""

import json
import re

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models,
                        normalizers, pre_tokenizers, processors, trainers)

VOCAB_SIZE = 8192
ADDED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
           r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SYSTEM = ("Judge whether the Document meets the requirements based on the "
          "Query and the Instruct provided. Note that the answer can only be "
          "\"yes\" or \"no\".")
INSTRUCTIONS = (
    "Given a web search query, retrieve relevant passages that answer the "
    "query",
    "Given a description in plain words, find the Debian package that it "
    "describes",
    "Find the software that does what the query asks for",
    "Retrieve the document that matches the query",
)
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def prefix(instruction):
    """The prompt up to the query, which follows after a space."""
    return (f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
            f"<Instruct>: {instruction}\n<Query>:")


DOCUMENT = "<Document>:"  # the document follows after a space


def prompt(instruction, query, document):
    """The official prompt as one text."""
    return f"{prefix(instruction)} {query}\n{DOCUMENT} {document}{SUFFIX}"


def train(texts, path):
    """Writes tokenizer.json. The same texts give the same file."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False,
                                 use_regex=False)])
    tokenizer.post_processor = processors.ByteLevel(
        add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel(
        add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(ADDED), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    # Often enough for each word of the prompt to become one token. Control
    # tokens cut the text as line ends do.
    fixed = [re.sub(r"<\|\w+\|>|</?think>", "\n", prompt(i, "", ""))
             for i in INSTRUCTIONS]
    fixed += ["yes", "no"]
    tokenizer.train_from_iterator([*texts, *fixed * 2000], trainer)
    tokenizer.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t in ADDED[:3]])
    tokenizer.add_tokens(
        [AddedToken(t, normalized=False, special=False) for t in ADDED[3:]])
    spelled = json.loads(tokenizer.to_str())
    model = spelled["model"]
    model["merges"] = [" ".join(pair) for pair in model["merges"]]
    # As Qwen3's file spells them.
    model["continuing_subword_prefix"] = model["end_of_word_suffix"] = ""
    with open(path, "w", encoding="utf-8") as out:
        json.dump(spelled, out, ensure_ascii=False, indent=0)
        out.write("\n")


def check(tokenizer):
    """Raises if the vocabulary isn't fit for a reranker."""
    if tokenizer.get_vocab_size() != VOCAB_SIZE:
        raise SystemExit("the texts are too few for a vocabulary of this size")
    for word in ("yes", "no"):
        ids = tokenizer.encode(f'"{word}"').ids
        if tokenizer.token_to_id(word) not in ids:
            raise SystemExit(f"{word} did not become one token")


def tokenizer_config():
    return {
        "add_prefix_space": False, "model_max_length": 2048,
        "pad_token": ADDED[0], "eos_token": ADDED[2], "bos_token": None,
        "unk_token": None, "padding_side": "left",
        "clean_up_tokenization_spaces": False, "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer", "errors": "replace",
    }
