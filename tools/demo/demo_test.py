#!/usr/bin/env python3
"""Tests of what the demo's queries and held-out parts promise. Needs no
package beyond Python's own."""

import collections
import random
import unittest

import packages
from packages import Package
from queries import KINDS, QueryMaker, strip_names

HTRACE = Package(
    "libhtrace-core-java", "htrace", "java", ["devel::lang:java"],
    ["Tracing framework for distributed systems.",
     "HTrace records the spans of requests across many servers.",
     "A span has a parent, and so spans form a tree."])


class NameTest(unittest.TestCase):
    def test_rare_parts_of_a_name_give_it_away_and_plain_words_do_not(self):
        given = packages.name_words(HTRACE, {"core": 900, "java": 4000})
        self.assertLessEqual({"htrace", "libhtrace-core-java"}, given)
        self.assertFalse({"core", "java"} & given)

    def test_names_leave_a_text_whatever_stands_around_them(self):
        text = strip_names("Use (HTrace), HTrace-spans and trees", {"htrace"})
        self.assertNotIn("htrace", text.lower())
        self.assertIn("spans", text)
        self.assertIn("trees", text)


class PartTest(unittest.TestCase):
    def test_the_same_source_always_goes_the_same_way(self):
        for source in map(str, range(100)):
            self.assertEqual(packages.part_of(source, 1),
                             packages.part_of(source, 1))

    def test_shares_are_as_said_and_another_seed_holds_out_others(self):
        sources = list(map(str, range(20000)))
        parts = [packages.part_of(s, 1) for s in sources]
        count = collections.Counter(parts)
        self.assertAlmostEqual(count["test"] / 20000, 0.05, delta=0.01)
        self.assertAlmostEqual(count["valid"] / 20000, 0.03, delta=0.01)
        self.assertNotEqual(parts, [packages.part_of(s, 2) for s in sources])


class QueryTest(unittest.TestCase):
    def setUp(self):
        frequency = dict.fromkeys(packages.words(HTRACE.text), 5)
        self.maker = QueryMaker(frequency, 1000, random.Random(1))
        self.given = {"htrace"}

    def made(self, kind):
        extra = (1,) if kind == "sentence" else ()
        return getattr(self.maker, kind)(HTRACE, self.given, *extra)

    def test_no_kind_says_the_name(self):
        for kind in KINDS:
            for _ in range(50):
                query = self.made(kind)
                self.assertEqual(query.kind, kind)
                self.assertNotIn("htrace", query.text.lower())

    def test_a_query_says_which_text_it_came_from(self):
        self.assertEqual(self.made("synopsis").segment, 0)
        self.assertEqual(self.made("question").segment, 0)
        self.assertEqual(self.made("sentence").segment, 1)
        self.assertEqual(self.made("keywords").segment, -1)

    def test_the_same_seed_asks_the_same(self):
        def asked():
            self.setUp()
            return [self.made(kind).text for kind in KINDS]
        self.assertEqual(asked(), asked())

    def test_too_short_a_query_is_none(self):
        bare = Package("x", "x", "misc", [], ["Htrace.", "Words."])
        self.assertIsNone(self.maker.synopsis(bare, self.given))


class TextTest(unittest.TestCase):
    def test_a_piece_taken_out_is_gone_and_the_rest_stays(self):
        text = HTRACE.without(1)
        self.assertNotIn("spans of requests", text)
        self.assertTrue(text.startswith("Tracing") and text.endswith("tree."))
        self.assertEqual(HTRACE.without(None), HTRACE.text)

    def test_the_sentence_asked_about_is_no_boilerplate(self):
        package = Package("a", "a", "misc", [], [
            "A thing.", "This package contains the command line programs.",
            "It lists every star of the northern sky by name."])
        self.assertIsNone(packages.query_sentence(package, lambda s: False))
        self.assertEqual(
            packages.query_sentence(package, lambda s: True), 2)


if __name__ == "__main__":
    unittest.main()
