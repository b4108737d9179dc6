#!/usr/bin/env python3
"""Writes tests/data/chat_templates.json: random chat templates with what Jinja renders, for the test of the program's
own reader. Half are as publishers write them, which it must read; half hold random expressions, which it may refuse but
not read as something else. Needs jinja2.

usage: tools/chat_template_cases.py [--count N] [--seed N] > tests/data/chat_templates.json
"""

import argparse
import json
import random
import sys

import jinja2

from chat_template_to_prompt import Template

SPACES = ["", "", " ", "\n", "\n\n", "  \n", "\n  ", "\t", " \n \n ", "\r\n", "\r"]
WORDS = ["Q: ", "<|im_end|>\n", "d:", "}", "%", "#}", "x {y} ", "Ü", "{ {", "'", "\\n", "猫"]


def selection(pick, role):
    """One of the ways in which publishers select a message by its role."""
    quote = pick.choice("'\"")
    chosen = f"messages | selectattr({quote}role{quote}, {quote}eq{quote}, {quote}{role}{quote})"
    return pick.choice([
        f"({chosen} | first).content",
        f"({chosen} | list | first)['content']",
        f"({chosen} | list)[0].content",
        f"{chosen} | map(attribute={quote}content{quote}) | first",
        f"({chosen} | map(attribute={quote}content{quote}) | list)[-1]",
    ])


def tag(pick, kind, inner):
    open_sign = pick.choice(["", "", "-", "+"])
    close_sign = pick.choice(["", "", "-"] + (["+"] if kind != "{" else []))
    close = {"{": "}}", "%": "%}", "#": "#}"}[kind]
    return "{" + kind + open_sign + pick.choice(["", " ", "\n "]) + inner + pick.choice(["", " "]) + close_sign + close


def template(pick):
    """A template that has instruction, query and document, in some order, in some of the ways."""
    parts = []

    def add(kind, inner):
        parts.append(pick.choice(SPACES) + tag(pick, kind, inner) + pick.choice(SPACES))

    names = {}
    for role in ("query", "document"):
        if pick.random() < 0.5:
            names[role] = "the_" + role
            add("%", f"set {names[role]} = {selection(pick, role)}")
    system = "messages | selectattr('role', 'eq', 'system') | map(attribute='content') | first"
    instruction = pick.choice([None, f"({system} | default('Find \"it\".'))", "optional", f"{system}",
                               f"({system}) or 'Find it.'", "inline", "message"])
    order = pick.choice([("instruction", "query", "document"), ("document", "query", "instruction"),
                         ("query", "instruction", "document")])
    for field in order:
        parts.append(pick.choice(WORDS) + pick.choice(SPACES))
        if pick.random() < 0.2:
            add("#", " a {{ comment }} ")
        if field != "instruction":
            form = pick.choice(["{}", "'<' ~ ({}) ~ '>\\n'", "\"}}\" + ({})"])
            add("{", form.format(names.get(field) or selection(pick, field)))
            parts.append("a b")  # where tokenizers split, or it would be refused
        elif instruction == "optional":
            add("%", pick.choice(["if messages[0]['role'] == 'system'",
                                  "if messages[0].role == \"system\" and not false", "if (" + system + ") is defined"]))
            add("{", "'do: ' + messages[0]['content']")
            if pick.random() < 0.3:
                add("%", "elif nothing")
            add("%", "endif")
        elif instruction == "inline":
            add("{", "'do: ' ~ messages[0].content ~ '\\n' if messages[0].role == 'system' else ''")
        elif instruction == "message":
            add("%", "for m in messages")
            add("%", "if m.role in ['system', 'developer'] and loop.first")
            add("{", "m['content']")
            add("%", "endif")
            add("%", "endfor")
        elif instruction:
            add("{", instruction)
    if pick.random() < 0.5:
        add("%", "if add_generation_prompt")
        parts.append("<a>" + pick.choice(SPACES))
        if pick.random() < 0.3:
            add("%", "else")
            parts.append("{% set ns = namespace(a=1) %}")
        add("%", "endif")
    parts.append(pick.choice(WORDS) + pick.choice(SPACES))
    return "".join(parts)


def expression(pick, depth):
    """A random one, of what the program reads and of some of what it does not."""
    if depth == 0:
        return pick.choice(["'a'", "''", "0", "1", "-1", "true", "false", "none", "nothing", "messages", "messages[0]",
                            "messages[-1].content", "messages[0].role", "messages[0].content", "messages[9]", "'system'",
                            "add_generation_prompt", "messages[-2]['content']"])

    def part():
        return expression(pick, pick.randrange(depth))

    form = pick.choice(["({})", "{} if {} else {}", "{} if {}", "{} and {}", "{} or {}", "not {}", "{} == {}", "{} != {}",
                        "{} ~ {}", "{} + {}", "{} in [{}, {}]", "{} not in [{}]", "{} in ({})", "{} is defined",
                        "{} is not none", "{} is string", "{} | default({})", "{} | default({}, true)", "{} | first",
                        "{} | length", "{} == {} == {}", "{}[{}]", "({}).role", "{}, {}", "({} | list)[{}]",
                        "{} | selectattr('role', 'eq', {})", "{} | map(attribute='role')", "{} | trim"])
    return form.format(*(part() for _ in range(form.count("{}"))))


def random_template(pick):
    chosen = expression(pick, pick.randrange(1, 5))
    space = pick.choice(SPACES + ["\u00a0", "\u3000 ", "x\u00a0\n"])
    start = pick.choice([
        lambda: tag(pick, "{", chosen),
        lambda: tag(pick, "%", "if " + chosen) + "a" + space + tag(pick, "%", "endif"),
        lambda: "{% if 0 %}a" + tag(pick, "%", "elif " + chosen) + "b{% else %}c" + tag(pick, "%", "endif"),
        lambda: tag(pick, "%", "set x = " + chosen) + space + "{{ x }}{{ 'd' if x }}",
        lambda: tag(pick, "%", "for m in " + chosen) + "{{ m.role }}" + tag(pick, "%", "endfor"),
    ])()
    return space + start + space + "{{ messages[-2].content }}a b{{ messages[-1].content }}"


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    pick = random.Random(options.seed)
    cases = []
    while len(cases) < options.count:
        is_supported = len(cases) < options.count // 2
        text = template(pick) if is_supported else random_template(pick)
        try:
            made = Template(text, {"add_generation_prompt": True})
            case = {"template": text, "with": made.render("<Q>", "<D>", "<I>"), "without": made.render("<Q>", "<D>"),
                    "is_supported": is_supported}
        except (jinja2.exceptions.TemplateError, TypeError):
            continue
        if " object " in case["with"] + case["without"]:  # an address, of each run its own
            continue
        if not is_supported or ("<Q>" in case["with"] and "<D>" in case["with"]):  # not swallowed by a comment
            cases.append(case)
    sys.stdout.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
