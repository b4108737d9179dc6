#!/usr/bin/env python3
"""A family of models is named in its own files alone: prints one line for each line of code elsewhere that names one.
Comments may, and so may an example of a repository's name in a message. docs/adding_a_model.md has the list of the files.

usage: tools/check_families.py [ROOT]
"""

import pathlib
import re
import sys

PAGE = "docs/adding_a_model.md"
SOURCES = (".h", ".cc", ".cu", ".cuh")
# In identifiers too, as Qwen3Weights or is_gemma.
FAMILY = re.compile(r"(?i:qwen|mxbai|zerank|ctxl|roberta|nemotron|(?<![a-z])(gemma|ettin|gte)(?![a-z]))"
                    r"|Bert|BERT|(?<!sentence_)(?<![a-z])bert(?![a-z])")
EXAMPLE = re.compile(r"Qwen/Qwen3-Reranker-[0-9.]+B")
# Types of tokenizer.json are called so, whatever the model: BertNormalizer, RobertaProcessing.
TOKENIZER, TOKENIZER_TYPE = "src/tokenizer/", re.compile(r"bert|roberta", re.IGNORECASE)
# Not in a string, near enough: where // begins a comment, no line of the project has a string with // before it.
COMMENT = re.compile(r"(?<!:)//.*")
LISTED = re.compile(r"^    (src/\S+)", re.MULTILINE)
EXEMPT_ENDINGS = ("_test.cc", "_bench.cc")


def faults_in(root):
    own = LISTED.findall((root / PAGE).read_text(encoding="utf-8"))
    faults = [f"{PAGE}: names {name}, which does not exist" for name in own if not (root / name).exists()]
    for folder in ("src", "include"):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix not in SOURCES or name.endswith(EXEMPT_ENDINGS) or name in own:
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = FAMILY.search(EXAMPLE.sub("", COMMENT.sub("", line)))
                if match and not (name.startswith(TOKENIZER) and TOKENIZER_TYPE.fullmatch(match[0])):
                    faults.append(f"{name}:{number}: names a family of models, {match[0]}: only its own files may, see {PAGE}")
    return faults


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    faults = faults_in(root)
    for fault in faults:
        print(fault)
    print(f"families: {len(faults)} violations")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
