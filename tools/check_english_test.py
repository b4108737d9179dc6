#!/usr/bin/env python3
"""Proves that check_english.py finds a banned phrase wherever prose is, and nothing in code."""

import pathlib
import tempfile
import unittest

import check_english


class EnglishTest(unittest.TestCase):
    def faults(self, path, text, held=("docs", "apps")):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return check_english.faults_in(pathlib.Path(folder), held)

    def assert_caught(self, path, text, line=1):
        faults = self.faults(path, text)
        self.assertEqual(len(faults), 1, faults)
        self.assertTrue(faults[0].startswith(f"{path}:{line}: "), faults)

    def test_every_phrase_can_be_found(self):
        examples = ["it stands here", "that is no number", "is none of auto | cpu", "8 unless given", "a file, else the default",
                    "a GPU that will do", "what is asked of it", "it has no use for that", "it says nothing",
                    "it goes on with the next", "is under way", "prompt heads", "heads of prompts", "the yardstick",
                    "to mend it", "to whom", "a stranger", "is believed", "is told so", "are shared out", "is made anew",
                    "thereof", "so many requests are sent", "in its turn", "nothing of it is kept", "one of its kind"]
        self.assertEqual(len(examples), len(check_english.PHRASES))
        for example, (rule, _) in zip(examples, check_english.RULES):
            self.assertRegex(example, rule)
            self.assertEqual(len(self.faults("docs/a.md", example + ".\n")), 1, example)

    def test_plain_english_passes(self):
        for text in ("There is no limit.", "It is no longer there.", "a stand-in", "It stands out.", "of 8; otherwise none",
                     "A number is no more than a value.", "We asked to see it.", "headers and heading"):
            self.assertEqual(self.faults("docs/a.md", text + "\n"), [], text)

    def test_in_every_kind_of_prose(self):
        self.assert_caught("docs/a.md", "# Title\n\nThis is\nno number.\n", 3)
        self.assert_caught("apps/a.cc", "int a;\n// It is\n// no number.\n", 2)
        self.assert_caught("apps/a.cc", 'f("it is "\n  "no number");\n')
        self.assert_caught("apps/a.cc", 'f(R"(help:\nit is no number)");\n', 2)
        self.assert_caught("apps/a.py", 'x = 1  # first\n# It is\n# no number.\n', 2)
        self.assert_caught("apps/a.py", 'def f():\n    """It is\n    no number."""\n', 2)
        self.assert_caught("apps/a.py", 'f(f"it is "\n  "no number")\n')
        self.assert_caught("apps/a.sh", '# A script.\nfail "$1 is no number"\n', 2)

    def test_not_in_code(self):
        self.assertEqual(self.faults("docs/a.md", "`is no` and\n\n    is no number\n\n```\nis no number\n```\n"), [])
        self.assertEqual(self.faults("apps/a.cc", "bool stands = anew(); // fine\nauto is = 1; int no = 2;\n"), [])
        self.assertEqual(self.faults("apps/a.py", "stands = anew() if x is no else mend\n"), [])
        self.assertEqual(self.faults("apps/a.sh", "stands=1\n"), [])

    def test_only_in_folders_that_are_held(self):
        self.assertEqual(self.faults("src/a.cc", "// It stands.\n"), [])
        self.assertEqual(len(self.faults("src/a.cc", "// It stands.\n", held=("src/a.cc",))), 1)


if __name__ == "__main__":
    unittest.main()
