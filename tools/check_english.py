#!/usr/bin/env python3
"""Finds phrases that puzzle readers of the documentation, of --help, of error messages and of comments, and says what to
write instead. It looks at the prose of the folders in HELD alone: Markdown without its code, comments and string literals
of sources and of Python, comments and messages of shell scripts. A room whose texts have been cleaned up is added there. Prints one
line a violation.

usage: tools/check_english.py [ROOT]
"""

import io
import pathlib
import re
import sys
import tokenize

from check_naming import tracked_files

# Folders and files, from the root.
HELD = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs", "apps", "scripts", "include", "python/src/rerank_cpp",
        "src")
EXEMPT = ("src/load/words.cc",)  # a vocabulary, not prose

# What is not to be written, as a regular expression in which a space is any white space, line breaks included -> what to
# write instead. Each is here because it was written often, and can be found with few false alarms.
PHRASES = {
    r"stands?\b(?! (?:alone|out|up)\b)(?!-)": "\"is\", \"are\"; for an abbreviation \"is short for\"",
    r"(?<!there\s)(?:is|are|was|were) no (?!longer\b|more\b|less\b|fewer\b|\w+er than\b)": "\"is not a\", \"are not\"",
    r"(?:is|are) none of (?!its\b|our\b|your\b)": "\"is not one of\"",
    r"unless (?:given|told|switched off)": "\"default ...\", \"on by default\"",
    r"(?<=[;,]) else (?!if\b)": "\"otherwise\", \"default ...\"",
    r"that will do": "\"a suitable\", \"a supported\"",
    r"(?:is|are|was|were|what it is) asked (?:of|to)": "say what is requested or configured",
    r"has no use for": "\"does not use\"",
    r"(?:say|says|said) nothing": "\"is empty\", \"does not say\"",
    r"(?:go|goes|going|went) on (?:with|after|from|where)": "\"continue\", \"resume\"",
    r"under way": "\"in progress\", \"running\"",
    r"(?:prompt )heads?": "\"prefix\"",
    r"heads of prompts": "\"prefixes\"",
    r"yardsticks?(?!\":)": "\"tolerance\", \"baseline\"",
    r"mends?|mended|mending": "\"fix\"",
    r"whom": "name the thing: the server, the client",
    r"strangers?": "\"untrusted clients\", \"untrusted input\"",
    r"(?:is|are) (?:believed|coped with|spoken to)": "\"is trusted\", \"is handled\", \"is supported\"",
    r"(?:is|are) told (?:by|so|of|with)": "\"is reported\", \"gets a message\"",
    r"shared out": "\"divided among\"",
    r"anew": "\"again\"",
    r"thereof|therein|therewith|whereof": "\"of it\", \"in it\"",
    r"so many (?:requests|milliseconds|seconds|bytes) (?:are|is)": "name the number",
    r"in (?:their|its) turn": "\"in turn\"",
    r"nothing of (?:it|that|them|a)\b": "\"none of it\"",
    r"of (?:a|its|their) kind": "say which kind",
}
RULES = [(re.compile(r"(?<![\w-])(?:" + phrase.replace(" ", r"\s+") + (r")" if "(?!" in phrase else r")\b"), re.IGNORECASE),
          instead)
         for phrase, instead in PHRASES.items()]

TEXT_OF_SOURCE = re.compile(r'//(?P<comment>[^\n]*)|R"(?P<tag>\w*)\((?P<raw>.*?)\)(?P=tag)"|"(?P<string>(?:[^"\\\n]|\\.)*)"'
                            r"|(?<![0-9a-fA-F])'(?:[^'\\\n]|\\.)+'", re.DOTALL)
INCLUDE = re.compile(r"^\s*#\s*include[^\n]*", re.MULTILINE)
CODE_OF_MARKDOWN = re.compile(r"^```.*?^```|^(?: {4}|\t)[^\n]*|`[^`\n]*`|\]\([^)\n]*\)", re.MULTILINE | re.DOTALL)
QUOTES = re.compile(r"(?P<open>\w*(?:\"{3}|'{3}|\"|'))(?P<text>.*?)(?P<close>\"{3}|'{3}|\"|')", re.DOTALL)
MESSAGE_OF_SHELL = re.compile(r'\b(?:fail|say|wrong_usage|echo) "(.*)"')


def blank(text):
    """`text` with every character but line breaks replaced by one that no phrase holds."""
    return re.sub(r"[^\n]", "\0", text)


def prose_of_source(text):
    """Comments and strings of a C++ or CUDA source at their places. Neighbouring lines of a comment, and literals side by
    side, read on."""
    result, end = [], 0
    text = INCLUDE.sub(lambda match: blank(match.group()), text)
    for match in TEXT_OF_SOURCE.finditer(text):
        between = text[end:match.start()]
        result.append(between if not between.strip() else blank(between))
        kind = next((name for name in ("comment", "raw", "string") if match[name] is not None), None)
        if kind is None:
            result.append(blank(match.group()))
        else:
            result.append(" " * (match.start(kind) - match.start()) + match[kind] + " " * (match.end() - match.end(kind)))
        end = match.end()
    return "".join(result)


def prose_of_python(text):
    """Comments and strings of a Python source at their places. Literals side by side, and lines of a comment, read on."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    result, end = [], 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            prose = " " + token.string[1:]
        elif token.type == tokenize.STRING:
            parts = QUOTES.fullmatch(token.string)
            prose = " " * len(parts["open"]) + parts["text"] + " " * len(parts["close"])
        elif tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            prose = token.string
        else:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        between = text[end:begin]
        result.append(between if not between.strip() else blank(between))
        result.append(prose)
        end = begin + len(prose)
    return "".join(result)


def prose_of_shell_line(line):
    if line.lstrip().startswith("#"):
        return line.replace("#", " ", 1)
    message = MESSAGE_OF_SHELL.search(line)
    return blank(line[:message.start(1)]) + message[1] if message else blank(line)


def prose_of(path, text):
    if path.suffix == ".md":
        return CODE_OF_MARKDOWN.sub(lambda match: blank(match.group()), text)
    if path.suffix in (".h", ".cc", ".cu", ".cuh"):
        return prose_of_source(text)
    if path.suffix == ".py":
        return prose_of_python(text)
    if path.suffix == ".sh":
        return "\n".join(prose_of_shell_line(line) for line in text.split("\n"))
    return ""


def faults_in(root, held=HELD):
    found = []
    for path in tracked_files(root):
        name = path.as_posix()
        if name in EXEMPT or not any(name == place or name.startswith(place + "/") for place in held):
            continue
        prose = prose_of(path, (root / path).read_text(encoding="utf-8")) if path.suffix else ""
        for rule, instead in RULES:
            for match in rule.finditer(prose):
                line = prose.count("\n", 0, match.start()) + 1
                found.append((name, line, f"\"{' '.join(match.group().split())}\": write {instead}"))
    return [f"{name}:{line}: {text}" for name, line, text in sorted(found)]


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    found = faults_in(root)
    for line in found:
        print(line)
    print(f"english: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
