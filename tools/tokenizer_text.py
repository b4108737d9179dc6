"""Random text and random tokenizers for tools/tokenizer_compare.py: what is hard to tokenize, drawn from a seed."""

import base64
import itertools
import struct
import unicodedata

WORDS = (
    "the of and to a in is it you that he was for on are with as his they be at one have this from or had by hot but "
    "some what there we can out other were all your when up use word how said an each she which do their time if will "
    "Internationalization transformer retrieval RERANKER McDonald's iPhone naïve façade Straße GRÜSSE Ærøskøbing "
    "Łódź žluťoučký Ελλάδα λόγος Москва привет Україна ՀԱՅԵՐԵՆ שלום עולם مرحبا بالعالم नमस्ते दुनिया বাংলা ไทยแลนด์ "
    "தமிழ் ქართული 你好 世界 東京 カタカナ ひらがな 한국어 대한민국 Việt Nam tiếng ệ ǆ ﬁ ﬀ ſ K Å Ω ㎏ ½ ² ٣ ४ Ⅷ ㊗ 𝔘𝔫𝔦 𝟘𝟙"
).split()
CODE = ("def f(x):", "return x", "    ", "\tif (a != b) {", "}", "->", "=>", "::", "std::vector<int>", "0x1F", "3.14e-5", "!=", "==",
        "&&", "||", "/* c */", "// c", "#include <a.h>", "a[i]++;", "\"s\\n\"", "<div class='x'>", "</div>", "https://a.b/c?d=e&f",
        "user@example.org", "SELECT * FROM t", "{\"k\": [1, 2]}", "$HOME", "\\frac{1}{2}", "snake_case", "camelCase")
CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'vE", "'M", "'LL", "'lL", "'D", "'\u017f",
                "'\u212a", "\u2019s", "\u2019t", "'", "''", "'sx", "'st", "'ss", "'\ufb06", "'rE", "'r", "'l")
SPACES = (" ", "  ", "   ", "\n", "\r\n", "\r", "\t", "\n\n", " \n", "\n ", "\u00a0", "\u3000", "\u2028", "\u2029", "\u0085", "\u200b",
          "\u2009", "\u1680", "\u202f", "\u205f", "\v", "\f", "\ufeff", "\u180e", " \u00a0 ", "\u001c", "\u001f")
EMOJI = ("\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\U0001f1e9\U0001f1ea",
         "#\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\u200d", "\ufe0f", "\ufe0e", "\U0001fae8", "\U0001fadf")
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + list("«»„“”‘’…–—·¿¡§¶†‡•‰′″‹›€£¥©®™°±×÷。、「」！？：；（）")
MARKS = [chr(c) for c in (
    *range(0x300, 0x370), *range(0x591, 0x5c8), *range(0x64b, 0x660), *range(0x1ab0, 0x1acf),
    *range(0x1dc0, 0x1e00), *range(0x20d0, 0x20f1), 0x93c, 0x94d, 0x9be, 0x9d7, 0xe38, 0xe48,
    0x3099, 0x309a, 0x11930, 0x11935, 0x1e000, 0x1d165, 0x110ba, 0x11127, 0x113b8)]
BASES = list("aeiouAEIOUnNsScCzZyYkK") + [chr(c) for c in (
    0x1100, 0x1161, 0x11a8, 0xac00, 0xac01, 0x915, 0x9c7, 0xb47, 0xbc6, 0xcc6, 0xd46, 0xdd9, 0x1025, 0x304b, 0x306f,
    0x30ab, 0x3b1, 0x3c9, 0x415, 0x438, 0x1f00, 0x11099, 0x11131, 0x1d157, 0x2126, 0x212b, 0xf900, 0xfb1d, 0x2f800,
    0x1e9b, 0x11935, 0x11347, 0x114b9, 0x16d67, 0x16121, 0x105d2, 0x11382)]


def random_code_point(rng):
    """Any scalar value: half of them from the first plane, where most assigned ones are."""
    ceiling = rng.choice((0x250, 0x3000, 0x10000, 0x10000, 0x20000, 0x110000))
    code_point = rng.randrange(ceiling)
    return chr(code_point) if not 0xd800 <= code_point < 0xe000 else "\ufffd"


def hangul(rng):
    """Leading, vowel and trailing jamo in and out of order, old and modern, and precomposed syllables."""
    parts = (lambda: chr(rng.randrange(0x1100, 0x1160)), lambda: chr(rng.randrange(0x1160, 0x11a8)),
             lambda: chr(rng.randrange(0x11a7, 0x1200)), lambda: chr(rng.randrange(0xac00, 0xd7a4)),
             lambda: chr(rng.choice((0xa960, 0xd7b0, 0xd7cb, 0x3131, 0xffa1))))
    return "".join(rng.choice(parts)() for _ in range(rng.randint(1, 5)))


def combining(rng):
    base = rng.choice(BASES) if rng.random() < 0.8 else random_code_point(rng)
    marks = "".join(rng.choice(MARKS) for _ in range(rng.choice((0, 1, 1, 2, 3, 8))))
    return rng.choice((base + marks, marks, unicodedata.normalize("NFD", base) + marks))


def fragment(rng, words):
    """A token's text, whole or damaged."""
    token = rng.choice(words) if words else "<|im_start|>"
    cut = rng.randrange(len(token) + 1)
    return rng.choice((token, token, token[:cut], token[cut:], token.upper(), token[:cut] + " " + token[cut:], token + token))


def digits(rng):
    alphabet = rng.choice(("0123456789", "0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३", "０１２", "²³¹¼", "𝟎𝟏𝟐", "ⅠⅡⅢ", "一二三"))
    return "".join(rng.choice(alphabet) for _ in range(rng.choice((1, 1, 2, 3, 4, 7, 12))))


def piece(rng, words):
    kind = rng.randrange(16)
    if kind < 3:
        return rng.choice(WORDS)
    if kind < 5:
        return rng.choice(SPACES) * rng.choice((1, 1, 1, 2, 3, 9))
    if kind == 5:
        return rng.choice(WORDS) + rng.choice(CONTRACTIONS)
    if kind == 6:
        return rng.choice(CONTRACTIONS)
    if kind == 7:
        return digits(rng)
    if kind == 8:
        return "".join(rng.choice(PUNCTUATION) for _ in range(rng.choice((1, 1, 2, 3, 6))))
    if kind == 9:
        return "".join(random_code_point(rng) for _ in range(rng.randint(1, 6)))
    if kind == 10:
        return combining(rng)
    if kind == 11:
        return hangul(rng)
    if kind == 12:
        return rng.choice(EMOJI)
    if kind == 13:
        return fragment(rng, words)
    if kind == 14:
        return rng.choice(CODE)
    return "".join(chr(rng.randrange(0x20, 0x7f)) for _ in range(rng.randint(1, 12)))


def random_string(rng, words):
    """`words` are the contents of the tokenizer's added tokens."""
    style = rng.random()
    if style < 0.01:
        return rng.choice(("a", " ", "ab", "\n", "é", "e\u0301", "=", "が", "\u0301\u0323")) * rng.randint(1, 400)
    glue = " " if style < 0.35 else ""
    return glue.join(piece(rng, words) for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 13, 21))))


def code_point_strings():
    """Every scalar value between letters, digits, spaces, marks and itself, a few to a string."""
    contexts = "a{0}b {0}{0}1{0} {0}\n{0}e\u0301{0}\u0345{0}\u0334.{0}'{0}s"
    row = []
    for code_point in range(0x110000):
        if 0xd800 <= code_point < 0xe000:
            continue
        row.append(contexts.format(chr(code_point)))
        if len(row) == 4:
            yield "x ".join(row)
            row = []
    if row:
        yield "x ".join(row)


PATTERNS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", r"\s", r"\d+", r"[\S]", r"[^\S\n]+", r"\P{L}", r"\p{^Lu}+", r"(?:a|ab)(?=c)",
    r"(?>a|ab)c?", r"(a+?)(b*?)c", r"[\x{300}-\x{36f}]", r"\p{Cn}+|\p{Co}|\p{Cc}", r"(?i:k)|(?i:d'S)", r"\p{Sc}|\p{Zs}{2,}", r"[\D\n]{2,4}",
)


def made_up_tokenizer(rng):
    """Returns (document, contents of its added tokens): a byte-level BPE tokenizer with everything else at random."""
    alphabet = byte_alphabet()
    vocab = {token: i for i, token in enumerate(alphabet)}
    merges = []
    tokens = list(alphabet)
    common = "".join(alphabet[b] for b in b" etaoinshr\n'0123=") + alphabet[0xcc] + alphabet[0x81] + alphabet[0xe3]
    for _ in range(rng.randint(0, 150)):
        left = rng.choice(tokens) if rng.random() < 0.4 else rng.choice(common)
        right = rng.choice(tokens) if rng.random() < 0.4 else rng.choice(common)
        merged = left + right
        if len(merged) > 12 or any(merge == [left, right] for merge in merges):
            continue
        if merged not in vocab:
            vocab[merged] = len(vocab)
            tokens.append(merged)
        merges.append([left, right])
    rng.shuffle(merges)
    if rng.random() < 0.5:
        merges = [" ".join(merge) for merge in merges]
    added = added_tokens(rng, vocab)
    splits = [{"type": "Split", "pattern": {"Regex": rng.choice(PATTERNS)}, **rng.choice((
        {"behavior": "Isolated", "invert": False}, {"behavior": "Isolated", "invert": True},
        {"behavior": "Removed", "invert": False}, {"behavior": "Removed", "invert": True}))}
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    byte_level = {"type": "ByteLevel", "add_prefix_space": rng.random() < 0.3, "trim_offsets": True,
                  "use_regex": rng.random() < 0.4}
    document = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": rng.choice((None, {"type": "NFC"}, {"type": "Sequence", "normalizers": [{"type": "NFC"}]})),
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*splits, byte_level]} if splits or rng.random() < 0.5 else byte_level,
        "post_processor": rng.choice((None, byte_level)), "decoder": {**byte_level},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": rng.choice((None, "")),
                  "end_of_word_suffix": rng.choice((None, "")), "fuse_unk": False, "byte_fallback": False,
                  "ignore_merges": rng.random() < 0.3, "vocab": vocab, "merges": merges}}
    return document, [token["content"] for token in added]


SPACE_MARK = "\u2581"
FALLBACK_CHARACTERS = " etaoinshr\n'0123=<>é\u0301北が한" + SPACE_MARK
REPLACEMENTS = ((), ((" ", SPACE_MARK),), ((" ", SPACE_MARK),), ((" ", ""),), ((" ", "e\n"), ("\n", SPACE_MARK)), (("e", "é"), (" ", "h")))


def made_up_fallback_tokenizer(rng):
    """Returns (document, contents of its added tokens): a BPE tokenizer with byte fallback and all else at random."""
    vocab = {f"<0x{byte:02X}>": i for i, byte in enumerate(rng.sample(range(256), 256))}
    characters = rng.sample(FALLBACK_CHARACTERS, rng.randint(3, len(FALLBACK_CHARACTERS)))
    for token in characters:
        vocab[token] = len(vocab)
    merges, tokens = [], list(characters)
    for _ in range(rng.randint(0, 200)):
        left, right = (rng.choice(tokens if rng.random() < 0.4 else characters) for _ in range(2))
        if len(left + right) > 9 or [left, right] in merges:
            continue
        if left + right not in vocab:
            vocab[left + right] = len(vocab)
            tokens.append(left + right)
        merges.append([left, right])
    rng.shuffle(merges)
    symbols = rng.sample(("\n\n", SPACE_MARK * 2, "<b>", "</b>", "<s>", "<bos>", "12", "the"), 4)
    apart = {symbol for symbol in symbols if symbol not in vocab}  # out of the reach of merges
    for symbol in apart:
        vocab.setdefault(symbol, len(vocab))
    replacements = rng.choice(REPLACEMENTS)
    steps = [{"type": "Replace", "pattern": {"String": text}, "content": content} for text, content in replacements]
    normalizer = None if not steps else steps[0] if len(steps) == 1 else {"type": "Sequence", "normalizers": steps}
    split = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    added = fallback_added_tokens(rng, vocab, symbols, apart, replacements)
    document = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": normalizer, "pre_tokenizer": split if normalizer and rng.random() < 0.5 else None,
        "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": rng.random() < 0.5, "byte_fallback": True,
                  "ignore_merges": False, "vocab": vocab, "merges": merges}}
    return document, [token["content"] for token in added]


def fallback_added_tokens(rng, vocab, symbols, apart, replacements):
    def normalized(text):
        for pattern, content in replacements:
            text = text.replace(pattern, content)
        return text

    contents = [*symbols, "<x>", "<xy>", "x<", "  ", " a", "e\n", "0", "<|a|>"]
    rng.shuffle(contents)
    added = []
    for content in contents[: rng.randint(0, len(contents))]:
        if any(normalized(t["content"]) == normalized(content) for t in added) or not normalized(content):
            continue  # refused
        token_id = vocab[content] if content in vocab else len(vocab) + sum(t["content"] not in vocab for t in added)
        special = rng.random() < 0.5 and (content not in vocab or content in apart)
        added.append({"id": token_id, "content": content, "single_word": rng.random() < 0.2,
                      "lstrip": rng.random() < 0.2 and not content.isspace(), "rstrip": rng.random() < 0.2,
                      "normalized": rng.random() < 0.5 and (special or content not in vocab), "special": special})
    return added


def added_tokens(rng, vocab):
    contents = ["<|a|>", "<|ab|>", "<|a", "<x>", "tok", "token", "e\u0301", "é", "Å", "\u212b", "\n", "  ", "the", " the", "'s", "한", "0",
                "<s>", "x<s>", "\u0301", "ſ"]
    rng.shuffle(contents)
    added = []
    for content in contents[: rng.randint(0, 10)]:
        token_id = vocab[content] if content in vocab else len(vocab) + sum(t["content"] not in vocab for t in added)
        if any(unicodedata.normalize("NFC", t["content"]) == unicodedata.normalize("NFC", content) for t in added):
            continue  # refused
        # The package panics where white space with lstrip follows a token with rstrip.
        lstrip = rng.random() < 0.3 and not content.isspace()
        added.append({"id": token_id, "content": content, "single_word": rng.random() < 0.3, "lstrip": lstrip, "rstrip": rng.random() < 0.3, "normalized": rng.random() < 0.5,
                      "special": rng.random() < 0.5 and content not in vocab})
    return added


def byte_alphabet():
    """One character for each byte, in the order of the bytes (GPT-2's table)."""
    printable = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def made_up_charsmap(rng):
    """A character map as SentencePiece's, in base64: a double array of a few keys, and what each becomes."""
    pool = ("a", "b", "A", "B", "\u00e9", "e\u0301", "\u0301", "\n", "\t", "\r\n", "\r", "\u00a0", "\ufb01", "\u2460", "\u3000", "\uff21",
            "\u0958", "\u0915\u093c", "\u200b", "\u200d", "\u00a9", "\u0600", "\u0600a", "\U0001f600", "=", "  ", "\u2026", "1", "<")
    keys = {key.encode(): rng.choice(("", "a", "b c", " ", "fi", "\u00e9", "e\u0301", "1", "\u5317\u4eac", "<s>"))
            for key in rng.sample(pool, rng.randint(1, len(pool)))}
    trie = {}
    for key, value in keys.items():
        node = trie
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = value
    units, texts, taken = {}, b"", set()

    def place(node, at, label):
        """The first base whose places are free, as real maps are packed."""
        nonlocal texts
        children = [byte for byte in node if byte is not None]
        base = next(base for base in itertools.count(1) if base not in taken and
                    not any((base ^ byte) in units or (base ^ byte) == 0 for byte in (0, *children)))
        taken.add(base)
        units[at] = (at ^ base) << 10 | label | (None in node) << 8
        units[base] = 1 << 31 | len(texts) if None in node else units.get(base, 0xFF)
        if None in node:
            texts += node[None].encode() + b"\0"
        for byte in children:
            units[base ^ byte] = 0
        for byte in children:
            place(node[byte], base ^ byte, byte)

    units[0] = 0
    place(trie, 0, 0)
    size = max(units) // 256 * 256 + 256
    array = struct.pack(f"<I{size}I", 4 * size, *(units.get(at, 0) for at in range(size)))
    return base64.b64encode(array + texts).decode()


def made_up_normalizer(rng):
    def flag():
        return rng.random() < 0.5

    steps = [{"type": "BertNormalizer", "clean_text": flag(), "handle_chinese_chars": flag(),
              "strip_accents": rng.choice((None, True, False)), "lowercase": flag()},
             {"type": "Precompiled", "precompiled_charsmap": made_up_charsmap(rng)},
             {"type": "Strip", "strip_left": False, "strip_right": flag()},
             {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": rng.choice((" ", SPACE_MARK, ""))},
             {"type": "Replace", "pattern": {"String": rng.choice(" e\n")}, "content": rng.choice(("", "x", "  ", "e\u0301"))},
             {"type": "Lowercase"}, {"type": "NFC"}]
    chosen = rng.sample(steps, rng.choice((0, 1, 1, 2, 3)))
    return None if not chosen else chosen[0] if len(chosen) == 1 else {"type": "Sequence", "normalizers": chosen}


def made_up_words(rng, characters, prefix):
    """Tokens of a few characters, `prefix` before some."""
    tokens = {rng.choice(("", prefix)) + "".join(rng.choice(characters) for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))))
              for _ in range(rng.randint(5, 400))}
    return sorted(tokens)


WORD_CHARACTERS = "etaoinshrET '0123.,<>s\u00e9\u0301\u5317\u304c\ud55c\u1112\u1161"


def made_up_word_piece_tokenizer(rng):
    """Returns (document, contents of its added tokens): a WordPiece tokenizer with everything else at random."""
    prefix = rng.choice(("##", "##", "", "_"))
    tokens = ["[UNK]", "[CLS]", "<s>", "the", *(t for t in made_up_words(rng, WORD_CHARACTERS, prefix) if t not in ("the", "<s>"))]
    vocab = {token: i for i, token in enumerate(tokens)}
    pre_tokenizer = rng.choice(({"type": "BertPreTokenizer"}, {"type": "WhitespaceSplit"},
                                {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}]}))
    added = made_up_word_tokens(rng, vocab, ("[UNK]", "[CLS]", "<s>", "the", "<x>", "e\u0301", " a", "TH"))
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": made_up_normalizer(rng),
        "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": prefix,
                  "max_input_chars_per_word": rng.choice((100, 100, 5)), "vocab": vocab}}, [t["content"] for t in added]


def made_up_unigram_tokenizer(rng):
    """Returns (document, contents of its added tokens): a Unigram tokenizer with everything else at random."""
    words = [t for t in made_up_words(rng, WORD_CHARACTERS, SPACE_MARK) if t not in ("<s>", "</s>", "the")]
    tokens = ["<s>", "</s>", "<unk>", "the", SPACE_MARK, *(t for t in words if t != SPACE_MARK)]
    few = rng.random() < 0.5  # scores that make ties
    vocab = [[token, 0.0 if token in ("<s>", "</s>", "<unk>") else
              -rng.choice((1.5, 2.0, 3.7, 7.4)) if few else -10 * rng.random()] for token in tokens]
    metaspace = {"type": "Metaspace", "replacement": SPACE_MARK, "prepend_scheme": rng.choice(("always", "never")), "split": True}
    added = made_up_word_tokens(rng, {token: i for i, token in enumerate(tokens)},
                                ("<s>", "</s>", "<unk>", "the", "<x>", "e\u0301", " a", "TH"))
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": made_up_normalizer(rng),
        "pre_tokenizer": rng.choice((metaspace, {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]})),
        "post_processor": None, "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": False}}, [t["content"] for t in added]


def made_up_word_tokens(rng, vocab, contents):
    added = []
    for content in rng.sample(contents, rng.randint(0, len(contents))):
        token_id = vocab[content] if content in vocab else len(vocab) + sum(t["content"] not in vocab for t in added)
        special = content in ("[UNK]", "[CLS]", "<s>", "</s>", "<unk>") or rng.random() < 0.3 and content not in vocab
        # Not in normalized text: what two of them become there may be the same, which is refused.
        added.append({"id": token_id, "content": content, "single_word": rng.random() < 0.2, "lstrip": rng.random() < 0.2,
                      "rstrip": rng.random() < 0.2, "normalized": False, "special": special})
    return added


MADE_UP_TOKENIZERS = {"byte-level": made_up_tokenizer, "byte-fallback": made_up_fallback_tokenizer,
                      "WordPiece": made_up_word_piece_tokenizer, "Unigram": made_up_unigram_tokenizer}
