#!/usr/bin/env python3
"""check_families.py finds a family's name in code, and lets it stand where it may."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_families


class FamiliesTest(unittest.TestCase):
    def faults(self, files):
        with tempfile.TemporaryDirectory() as place:
            root = pathlib.Path(place)
            for name, text in ({check_families.PAGE: "    src/model/decoder/qwen3.cc   the family\n", "include/r.h": "",
                                "src/model/decoder/qwen3.cc": "struct Qwen3 {};\n"} | files).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            return check_families.faults_in(root)

    def test_names_in_code_are_found(self):
        for line in ('if (family == "qwen3")', "class Qwen3Weights;", "bool is_gemma();", "int mxbai;", "extern const Family kBert;",
                     'if (name == "ettin")', "bert_tensors();", "NemotronHead head;"):
            self.assertEqual(len(self.faults({"src/engine/a.cc": line + "\n"})), 1, line)
            self.assertEqual(self.faults({"src/engine/a_test.cc": line + "\n"}), [])

    def test_comments_and_examples_are_free(self):
        for line in ("// as Qwen3Attention does", 'say("such as Qwen/Qwen3-Reranker-0.6B");', "int FusedGemmArguments;",
                     "enum class NumberType {};", 'read("sentence_bert_config.json");', "Settings setting;"):
            self.assertEqual(self.faults({"src/engine/a.cc": line + "\n"}), [], line)

    def test_the_pages_files_exist(self):
        self.assertEqual(len(self.faults({check_families.PAGE: "    src/gone.cc\n"})), 2)


if __name__ == "__main__":
    unittest.main()
