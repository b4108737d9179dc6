"""Package descriptions from apt's own index, cut into sentences.

Reads the files that `apt-get update` leaves behind (Packages and
Translation-en) and yields one `Package` for each thing worth finding: no
-dev, -doc or -dbg siblings and no two packages with the same description.
Makes no queries and knows no tokens.
"""

import dataclasses
import glob
import hashlib
import re
import subprocess

SUITE = "bookworm"  # its updates and other archives are left alone
SECTIONS_LEFT_OUT = {
    "libdevel", "doc", "debug", "oldlibs", "metapackages", "tasks",
    "localization", "introspection", "translations",
}
SIBLING = re.compile(
    r"-(doc|dbg|dbgsym|data|common|examples|tests|l10n|headers|source|dummy"
    r"|locales|i18n|demos?|cross|manual|html|transitional)$")
NO_CONTENT = re.compile(r"transition|dummy|meta-?package|obsolete", re.I)
BOILERPLATE = re.compile(
    r"^(this (is|package)|the package|it (is|contains|provides)|for more"
    r"|see |note|please|homepage|more information|features|author)", re.I)
SENTENCE_END = re.compile(
    r"(?:(?<=[a-z0-9)\]\"'][.!?])|(?<=[A-Z]{2}[.!?])) +(?=[A-Z0-9\"'(*])")
WORD = re.compile(r"[a-z0-9]+")


@dataclasses.dataclass
class Package:
    name: str
    source: str
    section: str
    tags: list
    segments: list  # text of the synopsis, then of each sentence or list item

    @property
    def text(self):
        """The whole description as one line, as users would rank it."""
        return " ".join(self.segments)

    def without(self, segment):
        """The text without one segment (None: the whole text)."""
        kept = [s for i, s in enumerate(self.segments) if i != segment]
        return " ".join(kept)


def words(text):
    return WORD.findall(text.lower())


def part_of(source, seed):
    """'test' (5%), 'valid' (3%) or 'train', by a hash of the source's name.

    All packages of one source go the same way, so that a held-out package has
    no sibling with half of its text in the training set.
    """
    digest = hashlib.sha256(f"{seed}:{source}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2 ** 32
    return "test" if share < 0.05 else "valid" if share < 0.08 else "train"


def _stanzas(path):
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path],
                          check=True, capture_output=True).stdout.decode()
    for stanza in text.split("\n\n"):
        fields, key = {}, None
        for line in stanza.split("\n"):
            if line.startswith(" "):
                fields[key] += "\n" + line[1:]
            elif line:
                key, value = line.split(":", 1)
                fields[key] = value.strip()
        if fields:
            yield fields


def _segments(synopsis, body):
    """The synopsis as a sentence, then sentences and list items in order."""
    synopsis = " ".join(synopsis.split())
    segments = [synopsis if synopsis[-1:] in ".!?" else synopsis + "."]
    for paragraph in re.split(r"\n\.\n|\n\.$", body):
        # A line that starts with a space or a bullet is laid out by hand.
        lines = re.split(r"\n(?=\s*[-*+o•] |\s+\S)", paragraph)
        for line in lines:
            line = " ".join(line.split())
            segments += [s for s in SENTENCE_END.split(line)
                         if len(words(s)) > 0]
    return segments


def _rows(lists):
    """(fields, long description) of every package of apt's lists."""
    index = f"{lists}/*_dists_{SUITE}_main"
    bodies = {}
    for path in sorted(glob.glob(f"{index}_i18n_Translation-en*")):
        for fields in _stanzas(path):
            key = fields["Package"], fields["Description-md5"]
            bodies[key] = fields["Description-en"]
    if not bodies:
        raise SystemExit(f"no long descriptions of {SUITE} in {lists}: run "
                         "apt-get update -o Acquire::Languages=en")
    for path in sorted(glob.glob(f"{index}_binary-amd64_Packages*")):
        for fields in _stanzas(path):
            key = fields["Package"], fields.get("Description-md5", "")
            if key in bodies:
                yield fields, bodies[key]


def read_packages(lists):
    """Every package worth finding, by name. One for each description."""
    by_body = {}
    for fields, description in _rows(lists):
        name = fields["Package"]
        synopsis, _, body = description.partition("\n")
        segments = _segments(synopsis, body)
        if (fields["Section"] in SECTIONS_LEFT_OUT or SIBLING.search(name)
                or "+" in name.removesuffix("++")  # features of Rust crates
                or NO_CONTENT.search(synopsis) or len(segments) < 2
                or sum(len(words(s)) for s in segments[1:]) < 10):
            continue
        source = fields.get("Source", name).split(" ")[0]
        tags = [t for t in re.split(r",\s*", fields.get("Tag", "")) if t]
        package = Package(name, source, fields["Section"], tags, segments)
        first = body.split("\n.\n")[0]
        # Siblings share their first paragraph: the shortest name stands for
        # them.
        other = by_body.get(first)
        if other is None or (len(name), name) < (len(other.name), other.name):
            by_body[first] = package
    return sorted(by_body.values(), key=lambda p: p.name)


def name_words(package, frequency, rare=25):
    """The words that give the package away and so never stand in a query.

    The whole name and the source's, each with and without `lib`; and those
    parts of them that are no plain words, i.e. occur in at most `rare`
    documents (`frequency`: word -> number of documents).
    """
    given = set()
    for name in (package.name, package.source):
        for whole in (name, "".join(words(name))):
            given |= {whole, whole.removeprefix("lib"),
                      whole.removeprefix("python3")}
        for part in words(name):
            for form in (part, part.removeprefix("lib"),
                         part.rstrip("0123456789")):
                if frequency.get(form, 0) <= rare:
                    given.add(form)
    return given - {""}


def query_sentence(package, seen_once):
    """Index of the sentence that tells most about the package, or None.

    Chosen from the name's hash among sentences of 6 to 40 words that are no
    boilerplate and stand in no other package (`seen_once`: sentence -> bool).
    """
    fit = [i for i, s in enumerate(package.segments) if i > 0
           and 6 <= len(words(s)) <= 40 and not BOILERPLATE.match(s)
           and seen_once(s)]
    if not fit or len(package.segments) < 3:
        return None
    digest = hashlib.sha256(package.name.encode()).digest()
    return fit[int.from_bytes(digest[:4], "big") % len(fit)]
