#!/usr/bin/env python3
"""`rerank pull` against a hub that cuts connections, lies, refuses and is slow: in the end every byte is right, or
there is a sentence that says what to do and nothing that could be taken for a model."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from hub_server import COMMIT, Faults, Hub, git_hash, sha256

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RERANK_PROGRAM", str(ROOT / "build/dev/apps/rerank/rerank"))
LONG = 120  # seconds, for what must happen; nothing waits for it in vain
WANTED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
MODEL_FILES = {name: (ROOT / "models/demo" / name).read_bytes() for name in WANTED}
WEIGHTS = "model.safetensors"
OTHER_FILES = {"README.md": b"# A model\n", ".gitattributes": b"* text\n", "pytorch_model.bin": b"\x80pickle",
               "onnx/model.onnx": b"onnx", "model.gguf": b"GGUF"}


class PullTest(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.cache = self.home / "hub"
        self.folder = self.cache / "models--org--model"
        self.hub = self.enterContext(Hub(MODEL_FILES | OTHER_FILES))

    def enterContext(self, context):  # of Python 3.11's own, for those who have an older one
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def environment(self, more=None):
        others = ("HF_", "HUGGING", "MODELSCOPE", "SSL_", "VLLM")
        kept = {name: value for name, value in os.environ.items()
                if not name.upper().endswith("_PROXY") and not name.startswith(others)}
        return {**kept, "HOME": str(self.home), "HF_HUB_CACHE": str(self.cache), "HF_HOME": str(self.home / "hf"),
                **(more or {})}

    def start(self, *arguments, environment=None, model="org/model", **more):
        return subprocess.Popen([PROGRAM, "pull", model, "--endpoint", self.hub.url, *arguments], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.environment(environment), **more)

    def pull(self, *arguments, **more):
        """Runs it to its end: (exit code, standard output, standard error)."""
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=LONG)
        return process.returncode, out, err

    def pull_well(self, *arguments, **more):
        code, out, err = self.pull(*arguments, **more)
        self.assertEqual(code, 0, err)
        self.assert_whole(pathlib.Path(out.strip()))
        return err

    def pull_in_vain(self, *arguments, code=1, **more):
        found, out, err = self.pull(*arguments, **more)
        self.assertEqual((found, out), (code, ""), err)
        self.assert_no_model()
        return err

    def assert_whole(self, snapshot):
        """Every byte, and nothing that should not be there."""
        self.assertEqual(sorted(path.name for path in snapshot.iterdir()), sorted(WANTED))
        for name, content in MODEL_FILES.items():
            self.assertTrue((snapshot / name).is_symlink())
            self.assertEqual((snapshot / name).read_bytes(), content, name)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["blobs", "refs", "snapshots"])
        self.assertEqual(self.partial_files(), [])

    def assert_no_model(self):
        self.assertFalse((self.folder / "refs").exists())
        self.assertEqual(list((self.folder / "snapshots").glob("*")), [])

    def partial_files(self):
        return sorted(path.name for path in self.folder.glob("blobs/*incomplete*"))

    def rank(self, model):
        return subprocess.run([PROGRAM, "rank", "-m", model, "-q", "edit photos", "--no-weight-cache", "-"], text=True,
                              input="an image editor\na mail server\n", capture_output=True, timeout=LONG, check=False,
                              env=self.environment())


class Honest(PullTest):
    def test_the_model_is_found_by_its_name(self):
        before = self.rank("org/model")
        self.assertEqual(before.returncode, 1)
        self.assertIn("`rerank pull org/model`", before.stderr)
        err = self.pull_well()
        self.assertIn("rerank rank -m org/model", err)
        self.assertEqual((self.folder / "refs/main").read_text(), COMMIT)
        blobs = {path.name for path in (self.folder / "blobs").iterdir()}
        expected = {sha256(content) if name in self.hub.large else git_hash(content)
                    for name, content in MODEL_FILES.items()}
        self.assertEqual(blobs, expected)
        after = self.rank("org/model")
        self.assertEqual(after.returncode, 0, after.stderr)
        self.assertIn("an image editor", after.stdout)

    def test_what_is_there_is_not_asked_for_again(self):
        self.pull_well()
        self.hub.forget()
        self.assertIn("0.0 MB of them new", self.pull_well())
        self.assertEqual(self.hub.file_requests(), [])

    def test_large_files_come_in_ranges_over_several_connections(self):
        self.pull_well("--connections", "4")
        ranges = {headers["range"] for _, path, headers in self.hub.storage_requests if WEIGHTS in path}
        self.assertGreater(len(ranges), 4)
        self.assertLess(self.hub.sent_bytes, sum(map(len, MODEL_FILES.values())) + 1)

    def test_a_revision_has_a_name(self):
        self.pull_well(model="org/model@v1")
        self.assertEqual((self.folder / "refs/v1").read_text(), COMMIT)
        self.assertEqual(self.rank("org/model@v1").returncode, 0)
        self.assertEqual(self.rank("org/model").returncode, 1)
        self.pull_well("--revision", COMMIT)
        self.assertEqual([path.name for path in (self.folder / "refs").iterdir()], ["v1"])

    def test_a_dry_run_writes_nothing(self):
        code, out, err = self.pull("--dry-run")
        self.assertEqual((code, err), (0, ""))
        self.assertIn(WEIGHTS, out)
        self.assertNotIn("gguf", out)
        self.assertFalse(self.cache.exists())
        self.assertEqual(self.hub.file_requests(), [])

    def test_modelscope(self):
        self.pull_well("--from", "modelscope")
        self.assertEqual(self.rank("org/model").returncode, 0)
        self.assertEqual(sorted(path.name for path in (self.folder / "refs").iterdir()), ["main", "master"])

    def test_checksums_that_a_listing_hides_are_asked_for(self):
        self.hub.hides_checksums = True
        self.pull_well()
        asked = [path for method, path, _ in self.hub.requests if method == "HEAD" and f"/resolve/{COMMIT}/" in path]
        self.assertEqual(len(asked), len(WANTED))
        self.assertNotIn("HEAD", [method for method, _, _ in self.hub.storage_requests])

    def test_damage_on_the_disk_is_found_and_mended(self):
        self.pull_well()
        blob = self.folder / "blobs" / sha256(MODEL_FILES[WEIGHTS])
        with open(blob, "r+b") as file:
            file.seek(1_000_000)
            file.write(b"damage")
        self.pull_well("--verify")

    def test_an_empty_file_and_a_file_of_one_block(self):
        self.hub.files |= {"vocab.json": b"", "merges.txt": b"x" * (1 << 20)}
        code, out, err = self.pull()
        self.assertEqual(code, 0, err)
        self.assertEqual((pathlib.Path(out.strip()) / "vocab.json").read_bytes(), b"")
        self.assertEqual((pathlib.Path(out.strip()) / "merges.txt").read_bytes(), b"x" * (1 << 20))


class Network(PullTest):
    def test_connections_that_break(self):
        self.hub.faults.cut_after = 700_000
        self.pull_well()
        self.assertGreater(len(self.hub.storage_requests), 15)

    def test_no_byte_ever_comes(self):
        self.hub.faults.cut_after = 0
        err = self.pull_in_vain("--retries", "1")
        self.assertIn("tried 2 times", err)
        self.assertIn("goes on from there", err)

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
                self.assertIn("where the hub's list says", self.pull_in_vain("--retries", "0"))

    def test_a_busy_server_is_asked_again_when_it_says(self):
        self.hub.faults.statuses = [(503, {}), (429, {"Retry-After": "1"}), (500, {})]
        self.hub.faults.listing_statuses = [(429, {"RateLimit": '"api";r=0;t=1'}), (502, {})]
        began = time.monotonic()
        err = self.pull_well()
        self.assertGreaterEqual(time.monotonic() - began, 2)
        self.assertIn("waiting 1 s", err)

    def test_a_server_that_wants_to_be_left_alone(self):
        self.hub.faults.listing_statuses = [(429, {"Retry-After": "86400"})]
        self.assertIn("86400 s", self.pull_in_vain())

    def test_a_circle_of_redirects(self):
        self.hub.faults.redirect_loop = True
        self.assertIn("redirects", self.pull_in_vain("--retries", "0"))


class Content(PullTest):
    def test_wrong_bytes_get_no_name(self):
        for name in (WEIGHTS, "tokenizer_config.json"):
            with self.subTest(name):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.hub.faults.flipped = {name}
                err = self.pull_in_vain()
                self.assertIn(f"{name}: the bytes that came have the checksum", err)
                digest = sha256(MODEL_FILES[name]) if name in self.hub.large else git_hash(MODEL_FILES[name])
                self.assertEqual(list(self.folder.glob(f"blobs/{digest}*")), [])
        self.hub.faults = Faults()
        self.pull_well()

    def test_names_that_lead_away(self):
        for name in ("../../evil.safetensors", "/tmp/evil.safetensors", "evil\n.safetensors"):
            with self.subTest(name):
                self.hub.listed_too = [{"rfilename": name, "size": 1, "blobId": "0" * 40}]
                self.assertIn("nothing was downloaded", self.pull_in_vain())
                self.assertEqual(self.hub.file_requests(), [])
                self.assertFalse(self.cache.exists())

    def test_a_model_that_cannot_run_is_refused_before_its_weights_come(self):
        config = json.loads(MODEL_FILES["config.json"]) | {"architectures": ["BertModel"]}
        self.hub.files["config.json"] = json.dumps(config).encode()
        err = self.pull_in_vain()
        self.assertIn("BertModel", err)
        self.assertIn("--unchecked", err)
        self.assertEqual([path for _, path, _ in self.hub.file_requests() if "config.json" not in path], [])
        code, out, err = self.pull("--unchecked")
        self.assertEqual(code, 0, err)
        self.assertEqual((pathlib.Path(out.strip()) / WEIGHTS).read_bytes(), MODEL_FILES[WEIGHTS])

    def test_weights_that_do_not_fit_are_said_to_be_so(self):
        config = json.loads(MODEL_FILES["config.json"]) | {"hidden_size": 128}
        self.hub.files["config.json"] = json.dumps(config).encode()
        code, out, err = self.pull()
        self.assertEqual((code, out), (1, ""))
        self.assertIn("downloaded and verified, but", err)

    def test_what_is_no_model(self):
        del self.hub.files[WEIGHTS]
        self.assertIn("safetensors", self.pull_in_vain())


class Access(PullTest):
    def test_the_token_goes_to_the_hub_alone(self):
        self.hub.token = "hf_secret"
        err = self.pull_in_vain()
        self.assertIn("HF_TOKEN", err)
        err = self.pull_well(environment={"HF_TOKEN": "hf_secret"})
        self.assertNotIn("hf_secret", err)
        self.assertTrue(self.hub.storage_requests)
        for _, path, headers in self.hub.storage_requests:
            self.assertNotIn("authorization", headers, path)
            self.assertNotIn("cookie", headers, path)
        last = self.hub.requests[-1][2]
        self.assertEqual(last["authorization"], "Bearer hf_secret")

    def test_modelscope_knows_its_token_as_a_cookie_too(self):
        self.hub.token = "ms-secret"
        self.assertIn("MODELSCOPE_API_TOKEN", self.pull_in_vain("--from", "modelscope"))
        self.pull_well("--from", "modelscope", environment={"MODELSCOPE_API_TOKEN": "ms-secret"})
        self.assertEqual(self.hub.requests[-1][2]["cookie"], "m_session_id=ms-secret")
        for _, path, headers in self.hub.storage_requests:
            self.assertNotIn("authorization", headers, path)
            self.assertNotIn("cookie", headers, path)

    def test_a_wrong_token_is_named_by_its_source(self):
        self.hub.token = "hf_secret"
        token = self.home / "hf" / "token"
        token.parent.mkdir()
        token.write_text("hf_wrong\n")
        err = self.pull_in_vain()
        self.assertIn(str(token), err)
        self.assertNotIn("hf_wrong", err)

    def test_certificates_are_checked(self):
        pem = self.home / "server.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=hub",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", self.home / "cert.pem"],
                       check=True, capture_output=True)
        pem.write_text(pem.read_text() + (self.home / "cert.pem").read_text())
        self.hub = self.enterContext(Hub(MODEL_FILES, certificate=pem))
        self.assertIn("certificate", self.pull_in_vain())
        self.assertEqual(self.hub.requests, [])
        self.pull_well(environment={"SSL_CERT_FILE": str(self.home / "cert.pem")})

    def test_terms_to_be_accepted(self):
        self.hub.gated = True
        err = self.pull_in_vain()
        self.assertIn("accepted its terms", err)
        self.assertIn("HF_TOKEN", err)

    def test_unknown_names(self):
        self.assertIn("org/nobody", self.pull_in_vain(model="org/nobody"))
        self.assertIn("no revision v9", self.pull_in_vain("--revision", "v9"))
        self.assertIn("ORG/NAME", self.pull_in_vain(model="../../etc"))
        self.assertIn("demo", self.pull_in_vain(model="demo"))
        self.assertIn("--from", self.pull_in_vain("--from", "nowhere"))
        self.assertIn("--connections", self.pull_in_vain("--connections", "0"))
        self.assertIn("--retries", self.pull_in_vain("--retries=-1"))

    def test_offline_is_heeded(self):
        self.assertIn("HF_HUB_OFFLINE", self.pull_in_vain(environment={"HF_HUB_OFFLINE": "1"}))
        self.assertEqual(self.hub.requests, [])


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
        self.assertIn("goes on from there", err)
        self.assert_no_model()
        self.hub.go_on.set()
        self.hub.forget()
        self.pull_well()

    def test_two_at_once(self):
        first = self.start_and_hold()
        second = self.start()
        self.assertIn("another pull of this model", second.stderr.readline())
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
        self.hub.listed_too = [{"rfilename": "other.safetensors", "size": 1 << 49, "blobId": "0" * 40}]
        err = self.pull_in_vain()
        self.assertIn("are needed", err)
        self.assertEqual(self.hub.file_requests(), [])

    def test_a_cache_that_cannot_be_written(self):
        self.cache.write_text("a file")
        err = self.pull_in_vain()
        self.assertIn(str(self.cache), err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
