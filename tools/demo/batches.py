"""Training batches made on the GPU by indexing: no Python work for a token.

`Data` holds train.npz in device memory; `make_batch` draws lists of one query
and its documents, takes the query's source out of the documents, and lays
everything out in rows as model.py wants them. Holds no weights.
"""

import dataclasses
import gzip
import json

import numpy as np
import torch

from model import BLOCK

NO_SEGMENT = 255  # padding after a document's end
MAX_DROPPED = 32  # segments beyond this one are never dropped at random


@dataclasses.dataclass
class Mix:
    """What a batch is made of; shares of 1."""
    # Of the negatives by BM25; half the rest are of the same section.
    hard: float = 0.75
    removed: float = 0.8     # of the queries whose source text is taken out
    dropped: float = 0.08    # of all other segments of documents
    swapped: float = 0.3     # of the lists with other words for some words
    first_prefix: float = 0.7  # of the lists with the default instruction


@dataclasses.dataclass
class Batch:
    ids: torch.Tensor        # [batch, tokens]
    positions: torch.Tensor  # [batch, tokens]
    head_length: torch.Tensor  # [batch]
    last: torch.Tensor       # [batch, documents] row index of the last token
    body: torch.Tensor       # [batch, documents, tokens] bool: text tokens
    asked: torch.Tensor      # like body: the query has this token too
    swapped: torch.Tensor    # [batch] bool


def padded(flat, start, fill, device):
    """[rows, longest] from a flat array and its row starts."""
    flat = torch.from_numpy(flat.astype(np.int64)).to(device)
    start = torch.from_numpy(start.astype(np.int64)).to(device)
    length = start[1:] - start[:-1]
    at = torch.arange(int(length.max()), device=device)
    index = (start[:-1, None] + at).clamp(max=len(flat) - 1)
    out = torch.where(at < length[:, None], flat[index], fill)
    return out, length


class Data:
    def __init__(self, path, device, seed):
        with np.load(path) as arrays:
            a = dict(arrays)
        self.device = device
        self.rng = torch.Generator(device).manual_seed(seed)
        rows = a["document_start"]
        tokens, _ = padded(a["document_tokens"], rows, 0, device)
        self.tokens = tokens.to(torch.int16)
        self.segment = padded(a["document_segment"], rows, NO_SEGMENT,
                              device)[0].to(torch.uint8)
        inside = torch.where(self.segment == NO_SEGMENT, 0, self.segment)
        self.num_segments = inside.amax(1).long() + 1
        asked, self.query_length = padded(a["query_tokens"], a["query_start"],
                                          0, device)
        self.query_tokens = asked.to(torch.int16)
        self.prefix, self.prefix_length = padded(
            a["prefix_tokens"], a["prefix_start"], 0, device)
        for name in ("query_package", "query_segment", "negatives",
                     "label_tokens", "suffix_tokens", "document_section",
                     "answers"):
            setattr(self, name, torch.from_numpy(
                a[name].astype(np.int32)).to(device))
        section = self.document_section
        self.by_section = section.argsort(stable=True)
        self.section_size = torch.bincount(section)
        self.section_start = self.section_size.cumsum(0) - self.section_size
        self.fixed = torch.unique(torch.cat((
            self.label_tokens, self.suffix_tokens, self.answers)))

    def random(self, *shape):
        return torch.rand(shape, generator=self.rng, device=self.device)

    def integers(self, below, *shape):
        """Uniform in [0, below); `below` a number or a tensor to broadcast."""
        return (self.random(*shape) * below).long()


def place(out, at, values, allowed):
    """out[row, at[row, i]] = values[row, i] where allowed; in place.

    The last column of `out` takes what isn't allowed.
    """
    at = torch.where(allowed, at, out.shape[1] - 1)
    out.scatter_(1, at, values)


def lay_heads(data, prefix, asked, asked_length):
    """Heads [lists, BLOCK] and their lengths: prefix, query, label."""
    lists = len(asked)
    out = torch.zeros(lists, BLOCK + 1, dtype=torch.long, device=data.device)
    start = torch.zeros(lists, 1, dtype=torch.long, device=data.device)
    label = data.label_tokens.long().expand(lists, -1)
    for values, length in (
            (data.prefix[prefix], data.prefix_length[prefix]),
            (asked, asked_length),
            (label, torch.full_like(asked_length, label.shape[1]))):
        at = torch.arange(values.shape[1], device=data.device).expand(
            lists, -1)
        place(out, start + at, values, at < length[:, None])
        start = start + length[:, None]
    return out[:, :BLOCK], start[:, 0]


def lay_documents(data, tokens, keep, room):
    """Kept tokens moved together and the suffix after them.

    tokens, keep [documents, longest]. Returns ids [documents, room] and the
    length of the text.
    """
    rows = len(tokens)
    suffix = data.suffix_tokens.long().expand(rows, -1)
    most = room - suffix.shape[1]
    at = keep.long().cumsum(1) - 1
    out = torch.zeros(rows, room + 1, dtype=torch.long, device=data.device)
    place(out, at.clamp(min=0), tokens, keep & (at < most))
    length = keep.sum(1).clamp(max=most)
    at = length[:, None] + torch.arange(suffix.shape[1], device=data.device)
    place(out, at, suffix, at < room)
    return out[:, :room], length


def choose_documents(data, queries, count, mix):
    """Documents [lists, count] of each query, the right one first."""
    lists = len(queries)
    right = data.query_package[queries].long()
    order = data.random(lists, data.negatives.shape[1]).argsort(1)
    hard = data.negatives[queries].long().gather(1, order[:, :count - 1])
    section = data.document_section[right].long()
    near = data.by_section[data.section_start[section][:, None]
                           + data.integers(data.section_size[section][:, None],
                                           lists, count - 1)]
    anywhere = data.integers(len(data.tokens), lists, count - 1)
    easy = torch.where(data.random(lists, count - 1) < 0.5, near, anywhere)
    others = torch.where(data.random(lists, count - 1) < mix.hard, hard, easy)
    others = torch.where(others == right[:, None],
                         (others + 1) % len(data.tokens), others)
    return torch.cat((right[:, None], others), 1)


def kept_tokens(data, documents, segment, mix):
    """Which tokens of the documents [lists, count, longest] stay.

    A list whose query comes from segment s > 0 loses s from the right
    document and some other segment from each of the others, so that a gap
    tells nothing; s = 0, the synopsis, is taken from all of them.
    """
    lists, count = documents.shape
    where = data.segment[documents].long()
    number = data.num_segments[documents]
    gap = 1 + data.integers((number - 1).clamp(min=1), lists, count)
    gap[:, 0] = segment
    gap = torch.where(segment[:, None] > 0, gap, segment[:, None])
    removed = data.random(lists, 1) < mix.removed
    gap = torch.where(removed, gap, -1)
    stays = data.random(lists, count, MAX_DROPPED + 1) >= mix.dropped
    stays[..., MAX_DROPPED] = True
    keep = stays.gather(2, where.clamp(max=MAX_DROPPED))
    keep &= (where != gap[..., None]) & (where != NO_SEGMENT)
    # A document that would lose everything loses nothing.
    empty = ~keep.any(2, keepdim=True)
    return torch.where(empty, where != NO_SEGMENT, keep)


def swap_words(data, tokens, asked, vocab_size, mix):
    """Other tokens for some tokens, the same ones all over a list.

    What such a list asks can't be known by heart: it must be read.
    """
    lists = len(asked)
    swapped = data.random(lists) < mix.swapped
    share = data.random(lists) * 0.6 * swapped
    chosen = data.random(lists, vocab_size) < share[:, None]
    chosen[:, data.fixed.long()] = False
    other = torch.randperm(vocab_size, generator=data.rng, device=data.device)
    table = torch.where(chosen, other,
                        torch.arange(vocab_size, device=data.device))
    flat = table.gather(1, tokens.flatten(1)).view_as(tokens)
    return flat, table.gather(1, asked), swapped


def make_batch(data, layout, vocab_size, mix):
    lists, count = layout.batch, layout.documents
    queries = data.integers(len(data.query_package), lists)
    documents = choose_documents(data, queries, count, mix)
    keep = kept_tokens(data, documents,
                       data.query_segment[queries].long(), mix)
    tokens, asked, swapped = swap_words(
        data, data.tokens[documents].long(),
        data.query_tokens[queries].long(), vocab_size, mix)
    prefix = torch.where(data.random(lists) < mix.first_prefix, 0,
                         data.integers(len(data.prefix), lists))
    return finish(data, layout, tokens, keep, (prefix, asked,
                  data.query_length[queries], swapped), vocab_size)


def finish(data, layout, tokens, keep, head, vocab_size):
    """Rows from the chosen tokens [lists, count, longest] and head parts."""
    prefix, asked, asked_length, swapped = head
    lists, count, longest = tokens.shape
    heads, head_length = lay_heads(data, prefix, asked, asked_length)
    bodies, length = lay_documents(
        data, tokens.view(-1, longest), keep.view(-1, longest), layout.tokens)
    at = torch.arange(layout.tokens, device=data.device)
    body = (at < length[:, None]).view(lists, count, -1)
    bodies = bodies.view(lists, count, -1)
    present = torch.zeros(lists, vocab_size, dtype=torch.bool,
                          device=data.device)
    real = torch.arange(asked.shape[1], device=data.device
                        ) < asked_length[:, None]
    present.scatter_(1, asked.masked_fill(~real, 0), True)
    row = torch.arange(BLOCK, device=data.device).expand(lists, -1)
    after = (head_length[:, None, None] + at).expand(-1, count, -1)
    start = BLOCK + torch.arange(count, device=data.device) * layout.tokens
    last = start + (length + len(data.suffix_tokens) - 1).view(lists, count)
    return Batch(
        torch.cat((heads, bodies.flatten(1)), 1),
        torch.cat((row, after.flatten(1)), 1), head_length.int(), last, body,
        present.gather(1, bodies.flatten(1)).view_as(bodies) & body, swapped)


def held_out(data, layout, path, tokenizer, per_kind):
    """The first lists of each kind of a part, as (kind, rows of batches).

    A list's candidates are spread over rows of `layout.documents` each.
    Yields (kind, ids [rows, ..] batches) as Batch objects of whole layouts;
    lists that don't fill a layout are left out.
    """
    made = json.loads(gzip.open(path).read())
    documents, lists = made["documents"], made["lists"]
    per_row, rows = layout.documents, layout.batch
    kinds = sorted({x["kind"] for x in lists})
    for kind in kinds:
        chosen = [x for x in lists if x["kind"] == kind][:per_kind]
        width = len(chosen[0]["candidates"])
        step = rows * per_row // width
        for begin in range(0, len(chosen) - step + 1, step):
            part = chosen[begin:begin + step]
            texts = [" " + " ".join(
                s for i, s in enumerate(documents[str(c)]["segments"])
                if i != gap) for x in part for c, gap in x["candidates"]]
            yield kind, encoded(data, layout, tokenizer, part, texts, width)


def encoded(data, layout, tokenizer, part, texts, width):
    def table(strings, longest):
        ids = [e.ids[:longest] for e in tokenizer.encode_batch(strings)]
        start = np.cumsum([0, *map(len, ids)])
        flat = np.array([t for row in ids for t in row])
        return padded(flat, start, 0, data.device)

    tokens, length = table(texts, layout.tokens)
    asked, asked_length = table([f" {x['query']}\n" for x in part], 60)
    per_row = width // layout.documents
    keep = torch.arange(tokens.shape[1], device=data.device) < length[:, None]
    shape = layout.batch, layout.documents, -1
    prefix = torch.zeros(layout.batch, dtype=torch.long, device=data.device)
    head = (prefix, asked.repeat_interleave(per_row, 0),
            asked_length.repeat_interleave(per_row, 0), prefix.bool())
    return finish(data, layout, tokens.view(shape), keep.view(shape), head,
                  tokenizer.get_vocab_size())
