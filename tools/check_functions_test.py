#!/usr/bin/env python3
"""Proves that check_functions.py finds a function that is too long, wherever it is, and nothing else."""

import pathlib
import tempfile
import unittest

import check_functions

BODY = "  step();\n"


class FunctionsTest(unittest.TestCase):
    def faults(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            return check_functions.faults_in(pathlib.Path(folder))

    def assert_caught(self, path, text, name):
        faults = self.faults(path, text)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(f"{name} has 61 lines", faults[0])

    def test_the_limit(self):
        self.assertEqual(self.faults("a.cc", "void f() {\n" + BODY * 58 + "}\n"), [])
        self.assert_caught("a.cc", "void f() {\n" + BODY * 59 + "}\n", "f")

    def test_members_templates_and_kernels(self):
        self.assert_caught("a.h", "class A {\n  int g() const {\n" + "    x();\n" * 59 + "  }\n};\n", "g")
        self.assert_caught("a.cuh", "template <int N>\n__global__ void k(const float* x) {\n" + BODY * 59 + "}\n", "k")
        self.assert_caught("a.cc", "A::A(int b)\n    : b_(b) {\n" + BODY * 58 + "}\n", "A::A")
        self.assert_caught("a_test.cc", "TEST(A, B) {\n" + BODY * 59 + "}\n", "TEST")

    def test_a_signature_of_several_lines_counts(self):
        self.assert_caught("a.cc", "void f(int first,\n       int second) {\n" + BODY * 58 + "}\n", "f")

    def test_a_lambda_is_part_of_its_function(self):
        self.assert_caught("a.cc", "void f() {\n  g([&](int x) {\n" + "    h(x);\n" * 57 + "  });\n}\n", "f")

    def test_what_is_not_a_function(self):
        self.assertEqual(self.faults("a.cc", "namespace a {\n" + "int f();\n" * 99 + "}\n"), [])
        self.assertEqual(self.faults("a.cc", "class A : public B<int()> {\n" + "  int f();\n" * 99 + "};\n"), [])
        self.assertEqual(self.faults("a.cc", "const std::vector<Case> kCases = {\n" + "    {f(1)},\n" * 99 + "};\n"), [])

    def test_braces_in_texts_and_comments_do_not_count(self):
        text = "void f() {\n  g(\"{\", '{', R\"({)\");  // {\n}\n" + "int a;\n" * 99
        self.assertEqual(self.faults("a.cc", text), [])

    def test_python(self):
        self.assert_caught("a.py", "def f():\n" + "    pass\n" * 60, "f")


if __name__ == "__main__":
    unittest.main()
