"""Plain-word queries for a package, made from its description by program.

Five kinds: `synopsis`, `question` (the synopsis paraphrased), `sentence`,
`keywords` and `tags`. The package's own name is taken out of each. Which text
the query came from is said with it, so that the text can be taken out of the
documents; taking it out, and the candidates, are not the business of this
file.
"""

import dataclasses
import pathlib
import re

from packages import words

KINDS = ("synopsis", "question", "sentence", "keywords", "tags")

# Words that can stand for one another in a description of software, a group a
# line.
SYNONYMS = [line.split("|") for line in (
    pathlib.Path(__file__).with_name("synonyms.txt").read_text().split())]

QUESTIONS = (
    "{}", "{}", "{}", "i need {}", "looking for {}", "is there {}?",
    "{} for linux", "which package has {}?", "how do i get {}?",
    "what can i install for {}?", "software: {}", "need {}", "find {}",
    "something like {}", "package with {}", "anything for {}?",
    "i want {}", "recommend {}", "best {}", "open source {}",
)

TAG_WORDS = {
    "implemented-in": "written in {}", "interface": "{} interface",
    "game": "{} game", "use": "{}", "works-with": "{}",
    "works-with-format": "{} files", "field": "{}", "protocol": "{} protocol",
    "uitoolkit": "{}", "sound": "sound {}", "network": "network {}",
    "security": "{}", "admin": "{}", "mail": "mail {}", "web": "web {}",
    "devel": "{}", "hardware": "{}", "x11": "x11 {}", "science": "{}",
    "accessibility": "accessibility {}", "biology": "{}",
    "culture": "{}", "suite": "{}", "role": "{}", "made-of": "{}",
    "junior": "{} for children", "system": "{}",
}
DULL_TAGS = {
    "role::program", "interface::x11", "x11::application", "scope::utility",
    "role::shared-lib", "role::devel-lib", "scope::application",
    "role::documentation", "role::app-data", "made-of::html", "devel::doc",
}
STOP = set(words("""a an the of for to in on with and or is are be it its this
that by from as at into your you can which using use used via other also not
all any has have more than such these them will may if but they their there
was were been being do does done we our us i so some only when where while who
what how each both between within without over under up out off no most much
many few several various different same own about after before during through
however therefore else even just still very too well already yet then thus
mostly often usually generally currently easily simply really quite almost
want wants need needs needed make makes made making let lets take takes taken
give gives given get gets set sets put like likes including included includes
include contains contain containing provides provide provided providing based
allows allow allowing creating create works work working called etc example
one two three first second new others another every either instead possible
able must should would could might available various designed written package
packages higher lower want less least further around because since upon"""
                 )) | {"s", "t", "e", "g"}


@dataclasses.dataclass
class Query:
    kind: str
    text: str
    segment: int  # the segment it came from; -1: from the whole text


class QueryMaker:
    """Makes queries of every kind. Not for several threads (one generator).

    `frequency` maps a word to the number of documents that have it.
    """

    def __init__(self, frequency, num_documents, rng):
        self.frequency = frequency
        self.most = num_documents * 0.05
        self.rng = rng
        self.synonyms = {}
        for group in SYNONYMS:
            for word in group:
                others = self.synonyms.setdefault(word, set())
                others |= set(group) - {word}
        self.synonyms = {w: sorted(o) for w, o in self.synonyms.items()}

    def synopsis(self, package, given):
        text = strip_names(package.segments[0].rstrip("."), given)
        if self.rng.random() < 0.5:
            text = text.lower()
        return self._query("synopsis", text, 0)

    def question(self, package, given):
        text = strip_names(package.segments[0].rstrip(".!?"), given).lower()
        kept = self._paraphrase(text.split(), 0.45, 0.12)
        pattern = self.rng.choice(QUESTIONS)
        return self._query("question", pattern.format(" ".join(kept)), 0)

    def sentence(self, package, given, segment):
        text = strip_names(package.segments[segment], given)
        parts = text.split()
        longest = self.rng.randint(8, 24)
        start = self.rng.randint(0, max(0, len(parts) - longest))
        parts = parts[start:start + longest]
        if self.rng.random() < 0.5:
            parts = self._paraphrase([p.lower() for p in parts], 0.2, 0.1)
        return self._query("sentence", " ".join(parts), segment)

    def keywords(self, package, given):
        fit = self._telling_words(package, given)
        self.rng.shuffle(fit)
        kept = fit[:self.rng.randint(3, 5)]
        kept = self._paraphrase(kept, 0.25, 0.0)
        return self._query("keywords", " ".join(kept), -1)

    def tags(self, package, given):
        """One or two tags in words, and two words of the text."""
        named = [t for t in package.tags
                 if t not in DULL_TAGS and "TODO" not in t]
        self.rng.shuffle(named)
        said = [tag_words(t) for t in named[:self.rng.randint(1, 2)]]
        if not said:
            said = [package.section]
        fit = self._telling_words(package, given)
        self.rng.shuffle(fit)
        said += self._paraphrase(fit[:2], 0.25, 0.0)
        self.rng.shuffle(said)
        return self._query("tags", " ".join(said), -1)

    def _telling_words(self, package, given):
        """Words of its beginning that are neither rare nor everywhere."""
        return sorted({w for w in words(" ".join(package.segments[:4]))
                       if w not in STOP and w not in given and len(w) > 2
                       and w.isalpha()
                       and 3 <= self.frequency.get(w, 0) <= self.most})

    def _paraphrase(self, parts, swap, drop):
        """Words swapped for synonyms, dropped, moved and mistyped."""
        out = []
        for word in parts:
            bare = word.strip(".,;:()!?\"'")
            if self.rng.random() < drop:
                continue
            if bare in self.synonyms and self.rng.random() < swap:
                word = self.rng.choice(self.synonyms[bare])
            elif self.rng.random() < 0.02 and len(bare) > 4:
                word = self._typo(bare)
            out.append(word)
        if len(out) > 3 and self.rng.random() < 0.15:
            cut = self.rng.randint(1, len(out) - 1)
            out = out[cut:] + out[:cut]
        return out or parts

    def _typo(self, word):
        i = self.rng.randint(1, len(word) - 2)
        if self.rng.random() < 0.5:
            return word[:i] + word[i + 1] + word[i] + word[i + 2:]
        return word[:i] + word[i + 1:]

    def _query(self, kind, text, segment):
        """None if too little is left once the names are gone."""
        telling = [w for w in words(text) if w not in STOP]
        return Query(kind, text, segment) if len(telling) >= 2 else None


def tag_words(tag):
    facet, _, value = tag.partition("::")
    value = " ".join(words(value.replace("lang:", "")))
    if value == "commandline":
        value = "command line"
    return TAG_WORDS.get(facet, "{}").format(value)


def strip_names(text, given):
    """The text less each word that has one of `given` in it."""
    kept = []
    for part in text.split():
        found = words(part)
        if part.lower().strip(".,;:()'\"") in given or "".join(found) in given:
            continue
        if any(w in given for w in found):
            part = re.sub(r"[A-Za-z0-9]+", lambda m: "" if m.group().lower()
                          in given else m.group(), part)
            if not words(part):
                continue
        kept.append(part)
    return " ".join(kept)
