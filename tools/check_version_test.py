#!/usr/bin/env python3
"""Proves that check_version.py finds each copy that differs, and updates it with --write."""

import pathlib
import tempfile
import unittest

import check_version

FILES = {
    "CMakeLists.txt": "project(rerank VERSION 1.2.3 LANGUAGES CXX)\n",
    "python/pyproject.toml": '[project]\nversion = "1.2.3"\n[tool]\nversion_file = "x"\n',
    "deploy/helm/rerank/Chart.yaml": "version: 1.2.3\nappVersion: 1.2.3\n",
}


class VersionTest(unittest.TestCase):
    def with_files(self, changed, action):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (FILES | changed).items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return action(pathlib.Path(folder))

    def test_equal_copies_pass(self):
        self.assertEqual(self.with_files({}, lambda root: check_version.check(root, False)), [])

    def test_each_copy_is_found(self):
        for name, text in FILES.items():
            for number in range(text.count("1.2.3")):
                parts = text.split("1.2.3")
                other = "1.2.3".join(parts[:number + 1]) + "1.2.4" + "1.2.3".join(parts[number + 1:])
                self.assertNotEqual(self.with_files({name: other}, lambda root: check_version.check(root, False)), [])

    def test_write_makes_them_equal(self):
        def write_and_check(root):
            check_version.check(root, True)
            return check_version.check(root, False)

        self.assertEqual(self.with_files({"CMakeLists.txt": "project(rerank VERSION 2.0.0)\n"}, write_and_check), [])


if __name__ == "__main__":
    unittest.main()
