"""BM25 over a list of documents, as sparse matrices.

The baseline that the model is measured against, and the source of its hard
negatives. Words are lower-cased runs of letters and digits; plural endings
are cut if asked.
"""

import collections

import numpy as np
from scipy import sparse

from packages import words


def stem(word):
    """Cuts an English plural ending."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and word[-2] not in "su":
        return word[:-1]
    return word


class Counts:
    """Word counts of documents and the vocabulary they share."""

    def __init__(self, texts, plural):
        self.plural = plural
        self.column = {}
        rows = [self._terms(t) for t in texts]
        for row in rows:
            for term in row:
                self.column.setdefault(term, len(self.column))
        self.matrix = self._matrix(rows)  # [num_documents, num_terms]

    def queries(self, texts):
        """Counts of the known words of queries, [num_queries, num_terms]."""
        return self._matrix([self._terms(t) for t in texts])

    def _terms(self, text):
        found = words(text)
        if self.plural:
            found = [stem(w) for w in found]
        return collections.Counter(found)

    def _matrix(self, rows):
        data, column, start = [], [], [0]
        for row in rows:
            for term, count in row.items():
                if term in self.column:
                    column.append(self.column[term])
                    data.append(count)
            start.append(len(column))
        return sparse.csr_matrix(
            (np.array(data, np.float32), column, start),
            shape=(len(rows), len(self.column)))


class Bm25:
    """REQUIRES k1 > 0 and 0 <= b <= 1. Unchanged once made.

    Words in more than `most` (a share of 1) of the documents don't count.
    """

    def __init__(self, counts, k1, b, most=1.0):
        matrix = counts.matrix
        length = np.asarray(matrix.sum(axis=1)).ravel()
        num_documents = matrix.shape[0]
        frequency = np.bincount(matrix.indices, minlength=matrix.shape[1])
        idf = np.log(1 + (num_documents - frequency + 0.5) / (frequency + 0.5))
        weights = matrix.tocoo()
        norm = k1 * (1 - b + b * length / length.mean())
        value = weights.data * (k1 + 1) / (weights.data + norm[weights.row])
        value *= idf[weights.col]
        weights.data = value.astype(np.float32)
        weights.data[frequency[weights.col] > most * num_documents] = 0
        self.counts = counts
        self.weights = sparse.csr_matrix(
            (weights.data, (weights.col, weights.row)),
            shape=matrix.T.shape)  # [num_terms, num_documents]
        self.weights.eliminate_zeros()

    def scores(self, texts, block=2048):
        """Yields (documents, scores) of each query, zero scores left out."""
        counts = self.counts.queries(texts)
        for start in range(0, len(texts), block):
            found = counts[start:start + block] @ self.weights
            for begin, end in zip(found.indptr, found.indptr[1:]):
                yield found.indices[begin:end], found.data[begin:end]


def hardest(documents, scores, left_out, count):
    """The `count` best of a query's scored documents, best first, and their
    scores. `left_out` never stand in the answer. Ties go to the lower index;
    where too few share a word with the query, the first others fill up.
    """
    room = count + len(left_out)
    if len(scores) > room:
        border = np.partition(scores, len(scores) - room)[len(scores) - room]
        near = scores >= border
        documents, scores = documents[near], scores[near]
    else:
        others = np.setdiff1d(np.arange(room + len(scores)), documents)[:room]
        documents = np.concatenate([documents, others])
        scores = np.concatenate([scores, np.zeros(room, np.float32)])
    order = np.lexsort((documents, -scores))
    order = order[~np.isin(documents[order], left_out)][:count]
    return documents[order], scores[order]


def rank(scores, positive=0):
    """The place of one candidate by score, from 1; ties count half."""
    scores = np.asarray(scores, np.float64)
    above = (scores > scores[positive]).sum()
    ties = (scores == scores[positive]).sum() - 1
    return 1 + above + ties / 2
