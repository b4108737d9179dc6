#!/usr/bin/env python3
"""Proves that check_layers.py catches what it is for: small trees, each with one line that breaks one rule."""

import pathlib
import tempfile
import unittest

import check_layers

# A legal tree: each file with what it includes.
LEGAL = {
    "include/rerank/error.h": ["<string>"],
    "include/rerank/engine.h": ['"rerank/error.h"', "<memory>"],
    "src/base/mapped_file.h": ["<sys/mman.h>", '"rerank/error.h"'],
    "src/base/log.h": ["<spdlog/spdlog.h>"],
    "src/tokenizer/tokenizer.cc": ['"base/mapped_file.h"', "<boost/json.hpp>", "<pcre2.h>", "<utf8proc.h>"],
    "src/checkpoint/checkpoint.h": ['"base/mapped_file.h"'],
    "src/checkpoint/scratch.h": ['"base/mapped_file.h"', "<gtest/gtest.h>", "<boost/json.hpp>"],
    "src/checkpoint/checkpoint_test.cc": ['"checkpoint/checkpoint.h"', '"checkpoint/scratch.h"'],
    "src/backend/backend.h": ["<span>"],
    "src/backend/cpu/gemm.h": ['"backend/backend.h"', "<immintrin.h>"],
    "src/backend/reference/steps.h": ['"backend/backend.h"'],
    "src/backend/create.cc": ['"backend/cpu/gemm.h"', '"backend/reference/steps.h"'],
    "src/backend/npu/npu.h": ['"backend/backend.h"'],
    "src/backend/npu/tiles/tile.h": ['"backend/npu/npu.h"'],
    "src/backend/cpu/gemm_test.cc": ['"backend/reference/steps.h"', "<gtest/gtest.h>"],
    "src/backend/cpu/gemm_bench.cc": ["<benchmark/benchmark.h>", "<oneapi/dnnl/dnnl.hpp>"],
    "src/model/qwen3.h": ['"backend/backend.h"', '"checkpoint/checkpoint.h"'],
    "src/engine/engine.cc": ['"model/qwen3.h"', '"rerank/engine.h"', "<fmt/format.h>"],
    "apps/rerank/main.cc": ["<CLI/CLI.hpp>", '"rerank/engine.h"', '"model/qwen3.h"', "<boost/json/parse.hpp>"],
    "tests/texts.h": ["<string>"],
    "src/tokenizer/tokenizer_test.cc": ['"tests/texts.h"', "<gtest/gtest.h>"],
    "src/engine/toy_backend.h": ['"tests/texts.h"', '"backend/backend.h"'],
    "src/server/http/session.h": [],
    "src/server/service/service.h": ['"server/http/session.h"'],
    "tests/consumer.cc": ["<rerank/engine.h>"],
    "tests/golden_test.cc": ['"engine/engine.cc"', "<boost/json.hpp>", "<gtest/gtest.h>"],
}


class LayersTest(unittest.TestCase):
    def faults(self, path=None, include=None):
        """What is found in the legal tree with one more include in one file."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            files = {name: list(includes) for name, includes in LEGAL.items()}
            if path is not None:
                files.setdefault(path, []).append(include)
            for name, includes in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("// A file.\n" + "".join(f"#include {line}\n" for line in includes))
            return check_layers.faults_in(root)

    def assert_caught(self, path, include, text):
        faults = self.faults(path, include)
        self.assertEqual(len(faults), 1, faults)
        self.assertTrue(faults[0].startswith(path + ":"), faults)
        self.assertIn(text, faults[0])

    def test_a_legal_tree_has_no_fault(self):
        self.assertEqual(self.faults(), [])

    def test_a_room_that_reaches_up_is_caught(self):
        self.assert_caught("src/base/mapped_file.h", '"engine/engine.cc"', "base may not include engine")
        self.assert_caught("src/backend/backend.h", '"model/qwen3.h"', "backend may not include model")
        self.assert_caught("src/model/qwen3.h", '"tokenizer/tokenizer.cc"', "model may not include tokenizer")

    def test_the_table_is_read_from_the_document(self):
        rooms = check_layers.rooms_in("Include rules:\n\n```\nbase:\na  b: base\nc:    a base\n```\n")
        self.assertEqual(rooms, {"rerank": set(), "base": {"rerank"}, "a": {"base", "rerank"}, "b": {"base", "rerank"},
                                 "c": {"a", "base", "rerank"}})
        for table in ("base\n", "a: base\n"):
            with self.assertRaises(SystemExit):
                check_layers.rooms_in(f"Include rules:\n\n```\n{table}```\n")

    def test_a_neighbour_is_caught(self):
        self.assert_caught("src/tokenizer/tokenizer.cc", '"checkpoint/checkpoint.h"', "tokenizer may not include")
        self.assert_caught("src/backend/cpu/gemm.h", '"backend/reference/steps.h"', "backend/cpu may not include")
        self.assert_caught("src/backend/npu/npu.h", '"backend/cpu/gemm.h"', "backend/npu may not include backend/cpu")
        self.assert_caught("src/backend/npu/tiles/tile.h", '"backend/cpu/gemm.h"', "backend/npu may not include")
        self.assert_caught("src/backend/cpu/gemm.h", '"backend/npu/tiles/tile.h"', "backend/cpu may not include")
        self.assert_caught("src/server/http/session.h", '"server/service/service.h"', "server/http may not include")

    def test_a_public_header_shows_nothing_of_the_inside(self):
        self.assert_caught("include/rerank/engine.h", '"base/mapped_file.h"', "rerank may not include base")
        self.assert_caught("include/rerank/engine.h", "<fmt/format.h>", "may be included only in")
        self.assert_caught("include/rerank/engine.h", "<sys/mman.h>", "public header")

    def test_third_party_headers_stay_in_their_room(self):
        self.assert_caught("src/engine/engine.cc", "<boost/json.hpp>", "<boost/json.hpp> may be included only in")
        self.assert_caught("src/model/qwen3.h", "<immintrin.h>", "only in backend/cpu")
        self.assert_caught("src/backend/cpu/gemm.h", "<oneapi/dnnl/dnnl.hpp>", "only in BENCHES")
        self.assert_caught("src/base/mapped_file.h", "<spdlog/spdlog.h>", "only in base/log")
        self.assert_caught("src/engine/engine.cc", "<CLI/CLI.hpp>", "only in apps")
        self.assert_caught("src/engine/engine.cc", "<gtest/gtest.h>", "only in TESTS")

    def test_a_header_for_tests_in_the_program_is_caught(self):
        self.assert_caught("src/checkpoint/checkpoint.cc", '"checkpoint/scratch.h"', "for tests only")
        self.assert_caught("src/engine/engine.cc", '"engine/toy_backend.h"', "for tests only")

    def test_a_crowded_folder_is_caught(self):
        with tempfile.TemporaryDirectory() as folder:
            room = pathlib.Path(folder) / "src" / "base"
            room.mkdir(parents=True)
            for number in range(check_layers.MOST_FILES):
                (room / f"file_{number}.cc").touch()
            self.assertEqual(check_layers.crowded_folders(pathlib.Path(folder)), [])
            (room / "one_more.h").touch()
            self.assertEqual(len(check_layers.crowded_folders(pathlib.Path(folder))), 1)

    def test_what_no_rule_names_is_caught(self):
        self.assert_caught("src/base/mapped_file.h", "<boost/container/vector.hpp>", "is in no rule")
        self.assert_caught("src/base/mapped_file.h", '"mapped.h"', "is not found")
        self.assert_caught("src/tokenizer/tokenizer.cc", '"tests/texts.h"', "tokenizer may not include tests")
        self.assert_caught("src/tokenizer/tokenizer_test.cc", '"../../tests/texts.h"', "is not found")
        self.assert_caught("src/attic/thing.cc", "<vector>", "no room of this name")


if __name__ == "__main__":
    unittest.main()
