"""Makes everything that training and evaluation read, from apt's index.

    python3 make_data.py --lists /var/lib/apt/lists --out DATA

Writes to DATA: tokenizer.json, train.npz (documents, queries and hard
negatives as flat arrays of token ids), valid.json.gz and test.json.gz
(candidate lists with BM25's scores), about.json (figures and choices). Needs
no GPU. Same index and seed, same files.
"""

import argparse
import collections
import gzip
import json
import pathlib
import random
import time

import numpy as np
from tokenizers import Tokenizer

import bm25
import tokenizer as tok
from packages import (name_words, part_of, query_sentence, read_packages,
                      words)
from queries import KINDS, Query, QueryMaker

SEED = 1
HAND = "hand"  # the kind of the queries in hand_queries.tsv
NUM_NEGATIVES = 24
NUM_CANDIDATES = 20
DOCUMENT_TOKENS = 384
QUERY_TOKENS = 56
TRAIN_QUERIES = {"synopsis": 1, "question": 4, "sentence": 5, "keywords": 3,
                 "tags": 2}
GRID = [(k1, b) for k1 in (0.1, 0.2, 0.4, 0.6, 1.2)
        for b in (0.4, 0.6, 0.8, 1.0)]


class Corpus:
    """The packages, who is held out, and which words give a name away."""

    def __init__(self, packages):
        self.packages = packages
        self.frequency = collections.Counter(
            w for p in packages for w in set(words(p.text)))
        seen = collections.Counter(
            s for p in packages for s in set(p.segments))
        self.part = [part_of(p.source, SEED) for p in packages]
        self.given = [name_words(p, self.frequency) for p in packages]
        self.sentence = [query_sentence(p, lambda s: seen[s] == 1)
                         for p in packages]
        self.source = {}
        for i, p in enumerate(packages):
            self.source.setdefault(p.source, []).append(i)

    def siblings(self, i):
        return self.source[self.packages[i].source]

    def members(self, *parts):
        return [i for i, part in enumerate(self.part) if part in parts]

    def removed(self, i, kind):
        """The segment that package i's document lacks for such queries."""
        if kind in ("synopsis", "question"):
            return 0
        return self.sentence[i] if kind == "sentence" else None


def make_queries(corpus, maker, i, counts):
    """`counts[kind]` queries of each kind for package i, where they can be."""
    package, given = corpus.packages[i], corpus.given[i]
    fit = [s for s in range(1, len(package.segments))
           if 5 <= len(words(package.segments[s])) <= 60]
    for kind, count in counts.items():
        for turn in range(count):
            if kind != "sentence":
                query = getattr(maker, kind)(package, given)
            elif sum(counts.values()) == len(counts):  # held out: the one
                chosen = corpus.sentence[i]
                query = None if chosen is None else maker.sentence(
                    package, given, chosen)
            else:
                query = maker.sentence(package, given, maker.rng.choice(fit)
                                       ) if fit else None
            if query:
                yield i, query


def hand_written(corpus, part):
    """Queries that a person wrote; documents stay whole for them."""
    place = {p.name: i for i, p in enumerate(corpus.packages)}
    path = pathlib.Path(__file__).with_name("hand_queries.tsv")
    for line in path.read_text().splitlines():
        name, text = line.split("\t")
        if name in place and corpus.part[place[name]] == part:
            yield place[name], Query(HAND, text, -1)


def held_out_lists(corpus, part, settings, rng):
    """Candidate lists for one held-out part; the right package comes first."""
    maker = QueryMaker(corpus.frequency, len(corpus.packages), rng)
    made = [pair for i in corpus.members(part) for pair in make_queries(
        corpus, maker, i, dict.fromkeys(KINDS, 1))]
    made += hand_written(corpus, part)
    lists = []
    for kind in (*KINDS, HAND):
        of_kind = [(i, q) for i, q in made if q.kind == kind]
        index = bm25.Bm25(corpus_counts(corpus, kind, settings["plural"]),
                          settings["k1"], settings["b"])
        all_scores = index.scores([q.text for _, q in of_kind])
        for (i, query), (found, scores) in zip(of_kind, all_scores):
            others, values = bm25.hardest(found, scores, corpus.siblings(i),
                                          NUM_CANDIDATES - 1)
            listed = [i, *others.tolist()]
            values = [scores[found == i].sum(), *values]  # no word: 0
            lists.append({
                "kind": kind, "query": query.text,
                "candidates": [[c, corpus.removed(c, kind)] for c in listed],
                "bm25": [round(float(v), 5) for v in values]})
    return lists


COUNTS = {}


def corpus_counts(corpus, kind, plural):
    """Word counts of all documents as queries of this kind see them."""
    group = {"question": "synopsis", "tags": "keywords",
             HAND: "keywords"}.get(kind, kind)
    if (group, plural) not in COUNTS:
        COUNTS[group, plural] = bm25.Counts(
            [p.without(corpus.removed(i, group))
             for i, p in enumerate(corpus.packages)], plural)
    return COUNTS[group, plural]


def mean_reciprocal_ranks(lists):
    """Of BM25, by kind and (the mean over the five made kinds) in all."""
    found = {}
    for x in lists:
        found.setdefault(x["kind"], []).append(1 / bm25.rank(x["bm25"]))
    means = {kind: float(np.mean(f)) for kind, f in found.items()}
    return {**means, "all": float(np.mean([means[k] for k in KINDS]))}


def tune(corpus):
    """Plural rule, k1 and b with the best mean reciprocal rank on valid."""
    best = None
    for plural in (False, True):
        for k1, b in GRID:
            settings = {"plural": plural, "k1": k1, "b": b}
            lists = held_out_lists(corpus, "valid", settings,
                                   random.Random(SEED))
            found = mean_reciprocal_ranks(lists)["all"]
            if best is None or found > best[0]:
                best = found, settings
            print(settings, round(found, 4), flush=True)
    return best[1]


def train_queries(corpus, rng):
    """Queries for the training packages, and their hard negatives."""
    train = corpus.members("train")
    place = {i: n for n, i in enumerate(train)}
    maker = QueryMaker(corpus.frequency, len(corpus.packages), rng)
    made = [pair for i in train
            for pair in make_queries(corpus, maker, i, TRAIN_QUERIES)]
    negatives = np.zeros((len(made), NUM_NEGATIVES), np.uint16)
    for removed in (True, False):  # synopsis taken out of the documents or not
        rows = [r for r, (_, q) in enumerate(made)
                if (q.kind in ("synopsis", "question")) == removed]
        texts = [corpus.packages[i].without(0 if removed else None)
                 for i in train]
        index = bm25.Bm25(bm25.Counts(texts, False), 0.4, 0.8, most=0.1)
        scores = index.scores([made[r][1].text for r in rows])
        for row, (found, values) in zip(rows, scores):
            siblings = [place[i] for i in corpus.siblings(made[row][0])]
            best, _ = bm25.hardest(found, values, siblings, 48)
            # The hardest half as it is, the rest thinned out.
            near = NUM_NEGATIVES // 2
            far = rng.sample(range(near, 48), NUM_NEGATIVES - near)
            negatives[row] = best[[*range(near), *sorted(far)]]
    return train, place, made, negatives


def flat(lists, kind):
    start = np.cumsum([0, *map(len, lists)]).astype(np.int32)
    return np.concatenate([np.array(x, kind) for x in lists]), start


def token_arrays(corpus, train, place, made, tokenizer):
    """The training set in token ids; every piece as in a whole prompt."""
    def encode(texts):
        return [e.ids for e in tokenizer.encode_batch(
            texts, add_special_tokens=False)]

    tokens, segments = [], []
    for i in train:
        ids, where = [], []
        # A document follows a space in the prompt, as sentences do.
        for s, piece in enumerate(encode(
                [" " + s for s in corpus.packages[i].segments])):
            ids += piece
            where += [min(s, 254)] * len(piece)
        tokens.append(ids[:DOCUMENT_TOKENS])
        segments.append(where[:DOCUMENT_TOKENS])
    asked = encode([" " + q.text + "\n" for _, q in made])
    asked = [ids if len(ids) <= QUERY_TOKENS
             else ids[:QUERY_TOKENS - 1] + ids[-1:] for ids in asked]
    arrays = {}
    arrays["document_tokens"], arrays["document_start"] = flat(
        tokens, np.uint16)
    arrays["document_segment"], _ = flat(segments, np.uint8)
    arrays["query_tokens"], arrays["query_start"] = flat(asked, np.uint16)
    arrays["query_package"] = np.array([place[i] for i, _ in made], np.uint16)
    arrays["query_kind"] = np.array(
        [KINDS.index(q.kind) for _, q in made], np.uint8)
    arrays["query_segment"] = np.array(
        [min(q.segment, 254) for _, q in made], np.int16)
    sections = sorted({p.section for p in corpus.packages})
    arrays["document_section"] = np.array(
        [sections.index(corpus.packages[i].section) for i in train], np.uint8)
    arrays["prefix_tokens"], arrays["prefix_start"] = flat(
        encode([tok.prefix(i) for i in tok.INSTRUCTIONS]), np.uint16)
    arrays["label_tokens"] = np.array(encode([tok.DOCUMENT])[0], np.uint16)
    arrays["suffix_tokens"] = np.array(encode([tok.SUFFIX])[0], np.uint16)
    arrays["answers"] = np.array(
        [tokenizer.token_to_id(w) for w in ("no", "yes")], np.uint16)
    return arrays


def write_lists(path, corpus, lists):
    used = sorted({c for x in lists for c, _ in x["candidates"]})
    documents = {i: {"package": corpus.packages[i].name,
                     "part": corpus.part[i],
                     "segments": corpus.packages[i].segments} for i in used}
    with gzip.GzipFile(path, "wb", mtime=0) as out:
        out.write(json.dumps({"documents": documents, "lists": lists},
                             ensure_ascii=False).encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lists", default="/var/lib/apt/lists")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--bm25", help="k1,b,plural: don't tune")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    began = time.time()

    def say(text):
        print(f"{time.time() - began:6.0f} s  {text}", flush=True)

    corpus = Corpus(read_packages(args.lists))
    say(f"{len(corpus.packages)} packages, "
        f"{dict(collections.Counter(corpus.part))}")
    train_texts = [corpus.packages[i].text for i in corpus.members("train")]
    path = args.out / "tokenizer.json"
    tok.train([*train_texts, *map(str.lower, train_texts)], str(path))
    tokenizer = Tokenizer.from_file(str(path))
    tok.check(tokenizer)
    say("tokenizer")
    if args.bm25:
        k1, b, plural = args.bm25.split(",")
        settings = {"plural": plural == "1", "k1": float(k1), "b": float(b)}
    else:
        settings = tune(corpus)
    about = {"seed": SEED, "bm25": settings, "packages":
             dict(collections.Counter(corpus.part))}
    for n, part in enumerate(("valid", "test")):
        lists = held_out_lists(corpus, part, settings, random.Random(SEED + n))
        write_lists(args.out / f"{part}.json.gz", corpus, lists)
        about[part] = {"lists": dict(collections.Counter(
            x["kind"] for x in lists)), "bm25": mean_reciprocal_ranks(lists)}
        say(f"{part}: {about[part]}")
    COUNTS.clear()
    train, place, made, negatives = train_queries(corpus, random.Random(SEED))
    say(f"{len(made)} training queries with negatives")
    arrays = token_arrays(corpus, train, place, made, tokenizer)
    arrays["negatives"] = negatives
    np.savez_compressed(args.out / "train.npz", **arrays)
    about["train"] = {"queries": len(made),
                      "document_tokens": len(arrays["document_tokens"]),
                      "query_tokens": len(arrays["query_tokens"])}
    (args.out / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    say(about)


if __name__ == "__main__":
    main()
