#!/usr/bin/env python3
"""Proves that check_naming.py catches what it is for: one file with one fault each, and a clean one without."""

import pathlib
import tempfile
import unittest

import check_naming

CLEAN = """// A thing and what it is for.
#pragma once

#include <string>

namespace rerank::cpu {

inline constexpr int kTileRows = 12;

class Thing {
 public:
  using value_type = float;
  using Row = int;

 private:
  std::string name_;
};

enum class Colour : int { kRed };

}  // namespace rerank::cpu
"""


class NamingTest(unittest.TestCase):
    def faults(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            return check_naming.faults_in(pathlib.Path(folder))

    def assert_caught(self, path, text, fault):
        faults = self.faults(path, text)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn(fault, faults[0])

    def with_line(self, line):
        return CLEAN.replace("namespace rerank::cpu {\n", "namespace rerank::cpu {\n" + line + "\n", 1)

    def test_clean_files_have_no_fault(self):
        self.assertEqual(self.faults("src/base/thing.h", CLEAN), [])
        self.assertEqual(self.faults("src/base/thing.inl.h", CLEAN), [])
        self.assertEqual(self.faults("src/base/thing.h", self.with_line("namespace CLI {  // theirs\nclass App;\n}")), [])
        self.assertEqual(self.faults("tools/make_it.sh", "#!/bin/sh\n# Makes it.\nexit 0\n"), [])
        self.assertEqual(self.faults("tools/make_it.py", '#!/usr/bin/env python3\n"""Makes it."""\n'), [])

    def test_names_of_files(self):
        for name in ("utils", "string_utils", "common", "test_helpers", "memory_manager"):
            self.assert_caught(f"src/base/{name}.h", CLEAN, "says nothing")
        self.assert_caught("src/utils/thing.h", CLEAN, "says nothing")
        self.assert_caught("src/base/MappedFile.h", CLEAN, "snake_case")

    def test_opening(self):
        self.assert_caught("src/base/thing.h", CLEAN.split("\n", 1)[1], "opens with")
        self.assert_caught("src/base/thing.cc", "#include <string>\n", "opens with")
        self.assert_caught("src/base/thing_test.cc", "#include <string>\n", "opens with")
        self.assert_caught("src/base/thing.h", CLEAN.replace("#pragma once\n", ""), "#pragma once")
        self.assert_caught("tools/make_it.sh", "#!/bin/sh\nexit 0\n", "opens with")

    def test_length(self):
        self.assert_caught("src/base/thing.cc", "// Long.\n" * 401, "401 lines")
        self.assertEqual(self.faults("src/base/thing.cc", "// Long.\n" * 400), [])

    def test_names_in_code(self):
        self.assert_caught("src/base/thing.h", self.with_line("struct packed_batch {"), "CamelCase")
        self.assert_caught("src/base/thing.h", self.with_line("enum class colour_name { kRed };"), "CamelCase")
        self.assert_caught("src/base/thing.h", self.with_line("using row_span = int;"), "CamelCase")
        self.assert_caught("src/base/thing.h", self.with_line("constexpr int TILE_COLUMNS = 32;"), "kCamelCase")
        self.assert_caught("src/base/thing.h", self.with_line("namespace other {"), "one namespace")

    def test_unfinished_and_machine_paths(self):
        self.assert_caught("src/base/thing.h", self.with_line("// TO" "DO: the rest"), "unfinished")
        self.assert_caught("src/base/thing.h", self.with_line("// see /ho" "me/somebody/x"), "one machine")
        self.assert_caught("src/base/thing_test.cc", "// T.\nTEST(Thing, DISABLED_" "Works) {}\n", "does not run")


if __name__ == "__main__":
    unittest.main()
