"""What the tests of `rerank pull` share: the demo model's files on a hub of their own, a cache of their own, and what must
hold afterwards."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from hub_server import Hub

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RERANK_PROGRAM", str(ROOT / "build/release/apps/rerank/rerank"))
LONG = 120  # seconds, for what must happen; nothing waits for it in vain
WANTED = ("config.json", "model.safetensors", "rerank_prompt.json", "tokenizer.json", "tokenizer_config.json")
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
