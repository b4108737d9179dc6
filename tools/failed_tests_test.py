#!/usr/bin/env python3
"""Runs CTest over tests that fail in every way there is, and reads what failed_tests.py says of it."""

import pathlib
import subprocess
import tempfile
import time
import unittest

import failed_tests

TESTS = r"""
add_test(good true)
add_test(bad sh -c "for i in 1 2 3 4 5; do echo line $i; done; echo ----; exit 3")
add_test(skipped sh -c "exit 77")
set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 77)
add_test(slow sleep 5)
set_tests_properties(slow PROPERTIES TIMEOUT 0.2)
add_test(absent /nonexistent/program)
add_test(crash sh -c "kill -SEGV $$")
"""


class FailedTests(unittest.TestCase):
    def test_names_each_failed_test_and_the_end_of_its_output(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "CTestTestfile.cmake").write_text(TESTS, encoding="utf-8")
            run = subprocess.run(["ctest", "--test-dir", folder], capture_output=True, check=False)
            self.assertNotEqual(run.returncode, 0)
            text = failed_tests.report(pathlib.Path(folder), 3)
        named = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith("--- failed in ")]
        self.assertEqual(sorted(named), ["absent", "bad", "crash", "slow"])
        self.assertIn("bad\n    ... 3 lines before\n    line 4\n    line 5\n    ----\n", text)

    def test_leaves_out_a_log_of_an_earlier_run(self):
        with tempfile.TemporaryDirectory() as folder:
            logs = pathlib.Path(folder) / "Testing" / "Temporary"
            logs.mkdir(parents=True)
            (logs / "LastTestsFailed.log").write_text("1:old\n", encoding="utf-8")
            program = pathlib.Path(failed_tests.__file__)
            run = subprocess.run(["python3", program, "--since", str(time.time() + 60), folder], capture_output=True,
                                 check=True)
            self.assertEqual(run.stdout, b"")


if __name__ == "__main__":
    unittest.main()
