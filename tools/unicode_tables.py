#!/usr/bin/env python3
"""Writes the two Unicode tables of src/tokenizer, which pin the versions that the Hugging Face `tokenizers` package
(0.23) works with, so that ids do not depend on the Unicode version of the PCRE2 and utf8proc at hand.

  unicode_category_table.cc   general categories of Unicode 16.0 (its regular expression engine's), from unicodedata2
  nfc_table.cc                the code points that its NFC knows of (Unicode 9.0), found by asking the package itself

Needs: pip install 'tokenizers>=0.23,<0.24' unicodedata2==16.0.0.  Run: tools/unicode_tables.py src/tokenizer
"""

import pathlib
import sys

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


def lines(items, width):
    row = ""
    for item in items:
        if len(row) + len(item) + 1 > width:
            yield row
            row = ""
        row += (" " if row else "    ") + item
    yield row


def write(path, comment, include, declaration, items):
    body = "\n".join(lines(items, 110))
    path.write_text(
        f"// {comment}\n// Written by tools/unicode_tables.py; do not edit.\n#include \"tokenizer/{include}\"\n\n"
        f"namespace rerank {{\n\n// clang-format off\n{declaration} = {{\n{body}\n}};\n// clang-format on\n\n}}  // namespace rerank\n"
    )


def main():
    room = pathlib.Path(sys.argv[1])
    if unicodedata2.unidata_version != "16.0.0":
        sys.exit(f"unicodedata2 is of Unicode {unicodedata2.unidata_version}: pip install unicodedata2==16.0.0")
    entries = list(category_entries())
    write(room / "unicode" / "unicode_category_table.cc", "General categories of Unicode 16.0, in the form unicode_category.h tells.",
          "unicode/unicode_category.h", f"const std::array<uint32_t, {len(entries)}> kCategoryTable",
          [f"{e:#x}," for e in entries])
    runs = nfc_entries()
    write(room / "normalizers" / "nfc_table.cc",
          f"What normalization to NFC looks at in Unicode 9.0, as `tokenizers` {tokenizers.__version__} has it.",
          "normalizers/nfc_table.h", f"const NfcRange kNfcTable[{len(runs)}]",
          ["{%#x, %#x, NfcKind::%s}," % (a, b, {"B": "kBase", "R": "kReacts"}[k]) for a, b, k in runs])
    print(f"{len(entries)} category runs, {len(runs)} NFC ranges")


if __name__ == "__main__":
    main()
