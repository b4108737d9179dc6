#!/usr/bin/env python3
"""`rerank pull` where the network does as it should: what lies where afterwards, wrong and unwanted content, access."""

import json
import pathlib
import shutil
import subprocess
import unittest

from hub_server import COMMIT, Faults, Hub, git_hash, sha256
from pull_case import MODEL_FILES, WANTED, WEIGHTS, PullTest


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


class Content(PullTest):
    def test_wrong_bytes_get_no_name(self):
        for name in (WEIGHTS, "tokenizer_config.json"):
            with self.subTest(name):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.hub.faults.flipped = {name}
                err = self.pull_in_vain()
                self.assertIn(f"{name}: the checksum is", err)
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
        self.assertIn("requires accepting its terms", err)
        self.assertIn("HF_TOKEN", err)

    def test_unknown_names(self):
        self.assertIn("org/nobody", self.pull_in_vain(model="org/nobody"))
        self.assertIn("no revision v9", self.pull_in_vain("--revision", "v9"))
        self.assertIn("ORG/NAME", self.pull_in_vain(model="../../etc"))
        self.assertIn("demo", self.pull_in_vain(model="demo"))
        self.assertIn("--from", self.pull_in_vain("--from", "nowhere"))
        self.assertIn("--connections", self.pull_in_vain("--connections", "0", code=2))
        self.assertIn("--retries", self.pull_in_vain("--retries=-1", code=2))

    def test_offline_is_heeded(self):
        self.assertIn("HF_HUB_OFFLINE", self.pull_in_vain(environment={"HF_HUB_OFFLINE": "1"}))
        self.assertEqual(self.hub.requests, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
