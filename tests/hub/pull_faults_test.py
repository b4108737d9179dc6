#!/usr/bin/env python3
"""`rerank pull` from a hub that cuts connections, lies and is slow, and ended in the middle: in the end every byte is
right, or there is a sentence that says what to do and nothing that could be taken for a model."""

import pathlib
import resource
import signal
import time
import unittest

from hub_server import Faults, sha256
from pull_case import LONG, MODEL_FILES, WEIGHTS, PullTest


class Network(PullTest):
    def test_connections_that_break(self):
        self.hub.faults.cut_after = 700_000
        self.pull_well()
        self.assertGreater(len(self.hub.storage_requests), 15)

    def test_no_byte_ever_comes(self):
        self.hub.faults.cut_after = 0
        err = self.pull_in_vain("--retries", "1")
        self.assertIn("tried 2 times", err)
        self.assertIn("resumes it", err)

    def test_no_server_at_all(self):
        err = self.pull_in_vain("--endpoint", "http://127.0.0.1:1", "--retries", "0")
        self.assertIn("127.0.0.1", err)

    def test_ranges_are_ignored(self):
        self.hub.faults.ignore_ranges = True
        self.pull_well()

    def test_ranges_are_ignored_and_connections_break(self):
        self.hub.faults.ignore_ranges = True
        self.hub.faults.cut_after = 5_000_000
        self.hub.faults.cuts_left = 12
        self.pull_well("--retries", "12")

    def test_answers_shorter_than_asked(self):
        self.hub.faults.short_ranges = 300_000
        self.pull_well()

    def test_a_wrong_range(self):
        self.hub.faults.range_shift = 512
        err = self.pull_in_vain("--retries", "1")
        self.assertIn("has the range", err)
        self.hub.faults = Faults()
        self.pull_well()

    def test_lengths_that_lie(self):
        for lie in (-1, 1, 1000):
            with self.subTest(lie):
                self.hub.faults.length_lie = lie
                self.assertIn("but the hub lists", self.pull_in_vain("--retries", "0"))

    def test_a_busy_server_is_asked_again_when_it_says(self):
        self.hub.faults.statuses = [(503, {}), (429, {"Retry-After": "1"}), (500, {})]
        self.hub.faults.listing_statuses = [(429, {"RateLimit": '"api";r=0;t=1'}), (502, {})]
        began = time.monotonic()
        err = self.pull_well()
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertIn("waiting 1 s", err)

    def test_a_refusal_without_end(self):
        self.hub.faults.endless_refusal = True
        begin = time.monotonic()
        self.assertIn("403", self.pull_in_vain("--retries", "0"))
        self.assertLess(time.monotonic() - begin, 30)

    def test_sizes_that_do_not_add_up(self):
        weights = {"size": 1 << 43, "lfs": {"sha256": "a" * 64, "size": 1 << 43}}
        self.hub.listed_too = [{"rfilename": f"m{number}.safetensors", **weights} for number in range(9000)]
        self.assertIn("are free", self.pull_in_vain())
        self.hub.listed_too *= 2
        self.assertIn("files to download, more than any model needs", self.pull_in_vain())

    def test_a_server_that_wants_to_be_left_alone(self):
        self.hub.faults.listing_statuses = [(429, {"Retry-After": "86400"})]
        self.assertIn("86400 s", self.pull_in_vain())

    def test_a_circle_of_redirects(self):
        self.hub.faults.redirect_loop = True
        self.assertIn("redirects", self.pull_in_vain("--retries", "0"))


class Interruption(PullTest):
    HELD = 6_000_000

    def start_and_hold(self, *arguments):
        self.hub.faults.hold_after = self.HELD
        process = self.start(*arguments)
        self.assertTrue(self.hub.held.wait(LONG))
        return process

    def test_kill_in_the_middle_and_again(self):
        process = self.start_and_hold("--connections", "2")
        self.wait_for_blocks(3)
        process.kill()
        process.communicate()
        self.assert_no_model()
        self.assertEqual(self.rank("org/model").returncode, 1)
        self.hub.go_on.set()
        self.hub.forget()
        self.pull_well()
        self.assertLess(self.hub.sent_bytes, len(MODEL_FILES[WEIGHTS]) - 2_000_000)

    def wait_for_blocks(self, wanted):
        """Until the partial file of the weights says that so many blocks stand."""
        partial = self.folder / "blobs" / (sha256(MODEL_FILES[WEIGHTS]) + ".rerank-incomplete")
        deadline = time.monotonic() + LONG
        while partial.read_bytes()[len(MODEL_FILES[WEIGHTS]):].count(1) < wanted:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_control_c_leaves_what_came(self):
        process = self.start_and_hold()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
        self.assertEqual((process.returncode, out), (130, ""), err)
        self.assertIn("run the same command again to resume", err)
        self.assert_no_model()
        self.hub.go_on.set()
        self.hub.forget()
        self.pull_well()

    def test_two_at_once(self):
        first = self.start_and_hold()
        second = self.start()
        self.assertIn("another process is pulling this model", second.stderr.readline())
        self.hub.go_on.set()
        for process in (first, second):
            out, err = process.communicate(timeout=LONG)
            self.assertEqual(process.returncode, 0, err)
            self.assert_whole(pathlib.Path(out.strip()))
        self.assertLess(self.hub.sent_bytes, sum(map(len, MODEL_FILES.values())) + 1)

    def test_a_full_disk(self):
        def limit_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))

        err = self.pull_in_vain(preexec_fn=limit_files)
        self.assertIn("--cache-dir", err)
        self.assertIn("blobs", err)
        self.pull_well()

    def test_a_disk_too_small(self):
        self.hub.listed_too = [{"rfilename": "other.safetensors", "size": 1 << 43, "blobId": "0" * 40}]
        err = self.pull_in_vain()
        self.assertIn("are needed", err)
        self.assertEqual(self.hub.file_requests(), [])

    def test_a_cache_that_cannot_be_written(self):
        self.cache.write_text("a file")
        err = self.pull_in_vain()
        self.assertIn(str(self.cache), err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
