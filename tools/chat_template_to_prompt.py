#!/usr/bin/env python3
"""Writes a prompt file (rerank_prompt.json, see docs/prompts.md) from a chat template: renders it by Jinja as
Transformers does, with the messages of sentence-transformers' CrossEncoder, for several texts, and refuses what a
prompt file cannot say: a text that is changed, occurs twice, or decides what is written around it.

usage: tools/chat_template_to_prompt.py MODEL --yes WORD_OR_ID [--no WORD_OR_ID] [-o MODEL/rerank_prompt.json]

MODEL is a model's directory (chat_template.jinja, or chat_template in tokenizer_config.json) or a template's file.
Needs jinja2.
"""

import argparse
import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

SAMPLES = {
    "instruction": ["Find the passage.", "finde\nes", " a  b ", "0", "{{x}}", "Ä\u0301 <b>&</b>"],
    "query": ["What is a cat?", "", " ", "\n", "katze\n\n", "'\"\\{% x %}", "猫？", "a" * 5000],
    "document": ["A cat is an animal.", "", "  ", "\n\nx", "<|im_end|>", "{{ y }}", "\t猫\r\n", "b " * 5000],
}


class Refused(Exception):
    """What a prompt file cannot say, in words."""


def environment():
    """Jinja as transformers sets it up in apply_chat_template."""
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                        extensions=[jinja2.ext.loopcontrols])

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    made.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, **other: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent)
    return made


class Template:
    """A chat template with what it may ask for besides messages."""

    def __init__(self, text, variables):
        self.template = environment().from_string(text)
        self.variables = {"tools": None, "documents": None, "add_generation_prompt": False, **variables}

    def render(self, query, document, instruction=None):
        messages = [{"role": "query", "content": query}, {"role": "document", "content": document}]
        if instruction is not None:
            messages.insert(0, {"role": "system", "content": instruction})
        return self.template.render(messages=messages, **self.variables)


def cut(text, marks):
    """[words, field, words, field, ..., words] of a rendering with `marks` in place of the texts."""
    places = []
    for field, mark in marks.items():
        found = text.count(mark)
        if found > 1:
            raise Refused(f"the {field} occurs {found} times")
        if found == 0 and field != "instruction":
            raise Refused(f"the {field} does not occur, or not as it is: the template has no message of the role "
                          f"\"{field}\", or changes its text")
        if found == 1:
            places.append((text.index(mark), field))
    parts, at = [], 0
    for place, field in sorted(places):
        parts += [text[at:place], field]
        at = place + len(marks[field])
    return parts + [text[at:]]


def fill(parts, texts):
    return "".join(texts[part] if i % 2 else part for i, part in enumerate(parts))


def escape(words):
    return words.replace("{", "{{").replace("}", "}}")


def written(parts):
    return "".join("{" + part + "}" if i % 2 else escape(part) for i, part in enumerate(parts))


def with_optional(parts, without):
    """The text of a prompt file from the renderings with an instruction and without one."""
    whole = [unit for i, part in enumerate(parts) for unit in ([("field", part)] if i % 2 else part)]
    short = [unit for i, part in enumerate(without) for unit in ([("field", part)] if i % 2 else part)]
    first = 0
    while first < min(len(whole), len(short)) and whole[first] == short[first]:
        first += 1
    end = len(whole) - (len(short) - first)
    if end < first or whole[end:] != short[first:] or ("field", "instruction") not in whole[first:end]:
        raise Refused("without an instruction, it says something else besides leaving a part out")

    def text(units):
        return "".join("{" + unit[1] + "}" if isinstance(unit, tuple) else escape(unit) for unit in units)

    return text(whole[:first]) + "{if instruction}" + text(whole[first:end]) + "{end}" + text(whole[end:])


def default_in(parts, without):
    """What `without` has in place of the instruction, where that is the only difference; else None."""
    at = parts.index("instruction")
    begin, end = "".join(parts[:at]), "".join(parts[at + 1:])
    other = "".join(without)
    has_both = other.startswith(begin) and other.endswith(end) and len(other) >= len(begin) + len(end)
    found = other[len(begin):len(other) - len(end)] if has_both else None
    rest = [part for i, part in enumerate(parts) if i % 2 and part != "instruction"]
    return found if found is not None and [p for i, p in enumerate(without) if i % 2] == rest else None


def splits_at(words, i):
    """Whether every byte-level pre-tokenizer splits before words[i]: split_prompt.h has the same rule."""
    before, after = words[i - 1], words[i]

    def prints(c):
        return "\x20" < c < "\x7f"

    if after == " ":
        return prints(before)
    if after == "\n":
        return before.isascii() and before.isalnum()
    return before == "\n" and i >= 2 and prints(words[i - 2]) and prints(after) and after != "/"


def check_splits(without):
    """Refuses a prompt whose query and document a prompt file cannot tell apart, from [words, field, words, ...] of a
    rendering without an instruction: what may be left out has no place that is always there."""
    fields = without[1::2]
    between = without[2 * fields.index("query") + 2:2 * fields.index("document") + 1] or \
        without[2 * fields.index("document") + 2:2 * fields.index("query") + 1]
    if not any(splits_at(words, i) for words in between[::2] for i in range(1, len(words))):
        raise Refused("it has no place between query and document where every tokenizer splits, such as the end of a "
                      "line before \"Document: \"")


def check(template, parts, has_instruction):
    """Refuses unless `parts` are what the template renders, whatever the texts."""
    for query in SAMPLES["query"]:
        for document in SAMPLES["document"]:
            for instruction in SAMPLES["instruction"] if has_instruction else [None]:
                texts = {"query": query, "document": document, "instruction": instruction}
                if template.render(**texts) != fill(parts, texts):
                    raise Refused(f"what it writes depends on the texts, or changes them, such as those of the query "
                                  f"{query[:20]!r} and the document {document[:20]!r}")


def prompt_of(text, variables, default_instruction=""):
    """{"prompt": ..., "default_instruction": ...} of a template. Throws Refused."""
    try:
        template = Template(text, variables)
        marks = {"instruction": "Vq7instruction7qV", "query": "Vq7query7qV", "document": "Vq7document7qV"}
        parts = cut(template.render(marks["query"], marks["document"], marks["instruction"]), marks)
        check(template, parts, True)
        if "instruction" not in parts[1::2]:
            if template.render("q", "d") != template.render("q", "d", "i"):
                raise Refused("it says something else where there is an instruction, but not the instruction")
            check_splits(parts)
            return {"prompt": written(parts)}
        if default_instruction:
            check_splits(parts)
            return {"prompt": written(parts), "default_instruction": default_instruction}
        without = cut(template.render(marks["query"], marks["document"]), marks)
        check(template, without, False)
        check_splits(without)
    except jinja2.exceptions.TemplateError as error:
        raise Refused(f"it cannot be rendered: {error}") from error
    found = default_in(parts, without)
    if found is None:
        return {"prompt": with_optional(parts, without)}
    return {"prompt": written(parts), **({"default_instruction": found} if found else {})}


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def token_text(value):
    return value["content"] if isinstance(value, dict) else value


def read_model(path):
    """The template's text, the variables that it may ask for, and the default instruction."""
    if path.is_file():
        return path.read_text(encoding="utf-8"), {}, ""
    config = read_json(path / "tokenizer_config.json")
    file = path / "chat_template.jinja"
    text = file.read_text(encoding="utf-8") if file.is_file() else config.get("chat_template")
    if not isinstance(text, str):
        raise Refused(f"{path} has neither chat_template.jinja nor a text chat_template in tokenizer_config.json")
    variables = {key: token_text(config[key]) for key in ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token",
                                                          "cls_token", "mask_token") if config.get(key)}
    processing = read_json(path / "sentence_bert_config.json").get("processing_kwargs", {})
    variables.update(processing.get("chat_template", {}))
    trained = read_json(path / "config_sentence_transformers.json")
    default = trained.get("prompts", {}).get(trained.get("default_prompt_name")) or ""
    return text, variables, default


def answer(value):
    return int(value) if value.isdigit() and not value.startswith("word:") else value.removeprefix("word:")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--yes", help="the answer whose logit counts: a token's id, a word, or word:1 for the word 1")
    parser.add_argument("--no", help="the answer whose logit is taken off, if there is one")
    parser.add_argument("--classifier", action="store_true", help="the model has a classification head, no answers")
    parser.add_argument("--score", default="sigmoid", choices=["sigmoid", "logit"])
    parser.add_argument("--instruction", help="the default instruction, if the model declares none or another")
    parser.add_argument("--add-generation-prompt", action="store_true")
    parser.add_argument("-o", "--output", type=pathlib.Path, help="default: standard output")
    options = parser.parse_args(arguments)
    if options.classifier == bool(options.yes):
        parser.error("say either --yes or --classifier")
    try:
        text, variables, default = read_model(options.model)
        if options.add_generation_prompt:
            variables["add_generation_prompt"] = True
        made = prompt_of(text, variables, options.instruction if options.instruction is not None else default)
    except Refused as refused:
        print(f"{options.model}: {refused}", file=sys.stderr)
        return 1
    answers = {key: answer(value) for key, value in (("yes", options.yes), ("no", options.no)) if value}
    made.update(answers="none" if options.classifier else answers, score=options.score)
    output = json.dumps(made, ensure_ascii=False, indent=2) + "\n"
    if options.output:
        options.output.write_text(output, encoding="utf-8")
    else:
        sys.stdout.write(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
