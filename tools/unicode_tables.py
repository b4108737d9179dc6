#!/usr/bin/env python3
"""Writes the Unicode tables of src/tokenizer, which pin the versions that the Hugging Face `tokenizers` package (0.23)
works with, so that ids do not depend on the Unicode version of the PCRE2 and utf8proc at hand.

  unicode/unicode_category_table.cc   general categories of Unicode 16.0 (its regular expression engine's)
  unicode/grapheme_table.cc           grapheme clusters of Unicode 16.0, found by asking the package itself
  unicode/character_table.cc          what its normalizer and pre-tokenizer for BERT tell apart, found in the same way
  normalizers/nfc_table.cc            the code points that its NFC knows of (Unicode 9.0), found in the same way

Needs: pip install 'tokenizers>=0.23,<0.24' unicodedata2==16.0.0 regex.  Run: tools/unicode_tables.py src/tokenizer
"""

import pathlib
import struct
import sys

import regex
import tokenizers
import unicodedata2

CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split()
ALTERNATING = len(CATEGORIES)  # a run Lu Ll Lu Ll ...; one more: a run Ll Lu Ll Lu ...
END = 0x110000
ALL = [c for c in range(END) if not 0xD800 <= c < 0xE000]


def category_entries():
    """Yields first << 5 | code for each run of one category, or of upper and lower case in turn."""
    names = [unicodedata2.category(chr(c)) for c in range(END)]
    other = {"Lu": "Ll", "Ll": "Lu"}
    c = 0
    while c < END:
        last = c
        while last + 1 < END and names[last] in other and names[last + 1] == other[names[last]]:
            last += 1
        code = ALTERNATING + (names[c] == "Ll")
        if last - c < 2:
            last = c
            while last + 1 < END and names[last + 1] == names[c]:
                last += 1
            code = CATEGORIES.index(names[c])
        yield c << 5 | code
        c = last + 1


def nfc_entries():
    """Yields (first, last, kind): 'B', a starter that may change or compose with what follows; 'R', anything that
    may change or move because of what precedes it, so that text without an R is in NFC already."""
    nfc = tokenizers.normalizers.NFC().normalize_str
    low, high = "\u0334", "\u0345"  # combining classes 1 and 240, the ends of the scale
    reordering = {c for c in ALL if nfc(high + chr(c)) != high + chr(c) or nfc(chr(c) + low) != chr(c) + low}
    changing = {c for c in ALL if nfc(chr(c)) != chr(c)}
    # `nfc(c + low)` also differs where c composes with a class-1 mark; there is no such composition.
    first, second, composite = set(), set(), set()
    for c in ALL:
        decomposed = unicodedata2.normalize("NFD", chr(c))
        if decomposed != chr(c):
            composite.add(c)
            for i in range(1, len(decomposed)):
                pair = nfc(decomposed[:i]), decomposed[i]
                if nfc(pair[0] + pair[1]) == chr(c):
                    first.add(ord(pair[0]))
                    second.add(ord(pair[1]))
    reacting = reordering | changing | second
    kinds = {c: "B" for c in first | {c for c in composite if known(nfc, c)}} | {c: "R" for c in reacting}
    runs = []
    for c in sorted(kinds):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == kinds[c]:
            runs[-1][1] = c
        else:
            runs.append([c, c, kinds[c]])
    return runs


def known(nfc, c):
    """Whether the package's NFC knows the decomposition of the composite c."""
    return nfc(unicodedata2.normalize("NFD", chr(c))) != unicodedata2.normalize("NFD", chr(c)) or nfc(chr(c)) != chr(c)


def runs_of(code_points):
    """[first, last] of each run, ascending."""
    runs = []
    for c in sorted(code_points):
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return runs


def replacing(text):
    """A Precompiled normalizer that makes X of the text: a charsmap with that one entry. It makes X of a whole cluster of
    fewer than 6 bytes that begins with the text, which shows where the package ends clusters."""
    key = text.encode()
    units = [0] * (256 * (len(key) + 2))
    at = 0
    for i, byte in enumerate((0, *key)):
        base = 256 * (i + 1)
        units[at] = (at ^ base) << 10 | byte | (1 << 8 if i == len(key) else 0)
        at = base ^ key[i] if i < len(key) else base
    units[at] = 1 << 31
    return tokenizers.normalizers.Precompiled(struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + b"X\0").normalize_str


GRAPHEME_KINDS = ("Other CR LF Control Extend Linker ZWNJ ZWJ Regional Prepend SpacingMark L V T LV LVT Pictographic "
                  "Consonant").split()


def grapheme_entries():
    """Yields first << 5 | kind for each run; of Hangul syllables, which follow a rule, LV stands for both kinds."""
    def all_of(name):
        return {c for c in ALL if regex.match(rf"\p{{{name}}}", chr(c))}

    joins = replacing("a")
    extending = {c for c in ALL if joins("a" + chr(c)) == "X" and c != 0x61}
    follows = replacing("\u00a9")
    pictographic = {c for c in ALL if follows("\u00a9\u200d" + chr(c)) != "X" + chr(c)} - extending
    conjunct = {c for c in all_of("InCB=Consonant")
                if replacing(chr(c))("\u0915\u094d" + chr(c) + "\u0300") != "\u0915\u094dX"}
    kinds = {c: "Extend" for c in extending}
    kinds |= {c: "SpacingMark" for c in all_of("GCB=SpacingMark") & extending}
    kinds |= {c: "Linker" for c in all_of("InCB=Linker") & extending}
    for name in ("CR", "LF", "Control", "Prepend", "L", "V", "T", "LV", "LVT"):
        kinds |= {c: "LV" if name == "LVT" else name for c in all_of("GCB=" + name)}
    kinds |= {c: "Regional" for c in all_of("GCB=Regional_Indicator")}
    kinds |= {c: "Pictographic" for c in pictographic} | {c: "Consonant" for c in conjunct}
    kinds |= {0x200C: "ZWNJ", 0x200D: "ZWJ"}
    last = None
    for c in range(END):
        kind = kinds.get(c, "Other")
        if kind != last:
            yield c << 5 | GRAPHEME_KINDS.index(kind)
        last = kind


def bert(**options):
    every = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return tokenizers.normalizers.BertNormalizer(**every | options).normalize_str


def lowercase_runs():
    """[first, last, step, what is added] of the code points whose lower case is another one, but U+0130's, which is two."""
    lower = bert(lowercase=True)
    runs = []
    for c in ALL:
        to = lower(chr(c))
        if to == chr(c) or c == 0x130:
            continue
        change = ord(to) - c
        first, last, step, same = runs[-1] if runs else (0, 0, 0, None)
        if change == same and c - last <= 2 and step in (0, c - last):
            runs[-1] = [first, c, c - last, same]
        else:
            runs.append([c, c, 0, change])
    return [[first, last, step or 1, change] for first, last, step, change in runs]


def write_character_table(room):
    clean, strip = bert(clean_text=True), bert(strip_accents=True)
    words = tokenizers.pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    tables = {"kControlTable": {c for c in ALL if clean(chr(c)) == ""},
              "kMarkTable": {c for c in ALL if strip(chr(c)) == ""},
              "kPunctuationTable": {c for c in ALL if len(words(f"a{chr(c)}a")) == 3}}
    ranges = {name: runs_of(members) for name, members in tables.items()}
    lower = lowercase_runs()
    parts = [("const CodePointRange %s[%d]" % (name, len(runs)), ["{%#x, %#x}," % tuple(run) for run in runs])
             for name, runs in ranges.items()]
    parts.append(("const LowercaseRange kLowercaseTable[%d]" % len(lower), ["{%#x, %#x, %d, %d}," % tuple(run) for run in lower]))
    write(room / "unicode" / "character_table.cc",
          f"What the normalizer and the pre-tokenizer for BERT of `tokenizers` {tokenizers.__version__} tell apart.",
          "unicode/character_table.h", *parts)
    return {**{name: len(runs) for name, runs in ranges.items()}, "kLowercaseTable": len(lower)}


def lines(items, width):
    row = ""
    for item in items:
        if len(row) + len(item) + 1 > width:
            yield row
            row = ""
        row += (" " if row else "    ") + item
    yield row


def write(path, comment, include, *tables):
    """`tables`: of (declaration, items)."""
    bodies = "\n\n".join(f"{declaration} = {{\n" + "\n".join(lines(items, 110)) + "\n};" for declaration, items in tables)
    path.write_text(
        f"// {comment}\n// Written by tools/unicode_tables.py; do not edit.\n#include \"tokenizer/{include}\"\n\n"
        f"namespace rerank {{\n\n// clang-format off\n{bodies}\n// clang-format on\n\n}}  // namespace rerank\n"
    )


def main():
    room = pathlib.Path(sys.argv[1])
    if unicodedata2.unidata_version != "16.0.0":
        sys.exit(f"unicodedata2 is of Unicode {unicodedata2.unidata_version}: pip install unicodedata2==16.0.0")
    entries = list(category_entries())
    write(room / "unicode" / "unicode_category_table.cc", "General categories of Unicode 16.0, in the format of unicode_category.h.",
          "unicode/unicode_category.h",
          (f"const std::array<uint32_t, {len(entries)}> kCategoryTable", [f"{e:#x}," for e in entries]))
    graphemes = list(grapheme_entries())
    write(room / "unicode" / "grapheme_table.cc", "Grapheme clusters of Unicode 16.0, in the format of grapheme.h.",
          "unicode/grapheme.h",
          (f"const std::array<uint32_t, {len(graphemes)}> kGraphemeTable", [f"{e:#x}," for e in graphemes]))
    characters = write_character_table(room)
    runs = nfc_entries()
    write(room / "normalizers" / "nfc_table.cc",
          f"What normalization to NFC looks at in Unicode 9.0, as `tokenizers` {tokenizers.__version__} has it.",
          "normalizers/nfc_table.h",
          (f"const NfcRange kNfcTable[{len(runs)}]",
           ["{%#x, %#x, NfcKind::%s}," % (a, b, {"B": "kBase", "R": "kReacts"}[k]) for a, b, k in runs]))
    print(f"{len(entries)} category runs, {len(graphemes)} grapheme runs, {len(runs)} NFC ranges, {characters}")


if __name__ == "__main__":
    main()
