#!/usr/bin/env python3
"""scripts/start_rerank.sh under every shell that is here: what it starts, says and leaves behind. In vLLM's place stands
a program that writes down its arguments."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from service_process import LONG, MODEL, PROGRAM, ROOT, run_tests

SCRIPT = str(ROOT / "scripts/start_rerank.sh")
SHELLS = [shell for shell in (["dash"], ["busybox", "sh"], ["bash", "--posix"]) if shutil.which(shell[0])]

STAND_IN = """#!/usr/bin/env python3
import http.server, json, os, signal, sys, time
if sys.argv[1] == "--version":
    print(os.environ["STAND_IN_VERSION"])
    sys.exit()
with open(os.environ["STAND_IN_RECORD"], "w") as record:
    json.dump(sys.argv[1:], record)
with open(os.environ["STAND_IN_RECORD"] + ".key", "w") as record:
    record.write(os.environ.get("VLLM_API_KEY", ""))
if "fail" == sys.argv[2]:
    sys.exit("the model is broken")
if "fail-later" in sys.argv[2]:
    while not os.path.exists(os.environ["STAND_IN_RECORD"] + ".go"):
        time.sleep(0.01)
    sys.exit("the model is broken")
if "stubborn" in sys.argv[2]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "changeling" in sys.argv[2]:  # the number is another program's from then on
    signal.signal(signal.SIGTERM, lambda *_: os.execvp("sleep", ["sleep", "60"]))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class StartScriptTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.port = free_port()
        self.stand_in = self.folder / "vllm"
        self.stand_in.write_text(STAND_IN, encoding="ascii")
        self.stand_in.chmod(0o755)
        self.record = self.folder / "record.json"
        self.environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LD_LIBRARY_PATH")}
        self.environment.update(RERANK_PROGRAM=PROGRAM, VLLM_PROGRAM=str(self.stand_in), STAND_IN_VERSION="0.25.1",
                                STAND_IN_RECORD=str(self.record), PORT=str(self.port), HOST="127.0.0.1",
                                START_TIMEOUT=str(LONG))

    def script(self, shell, *arguments, **environment):
        # In a group of its own: whatever number it is given, it must not reach the tests.
        done = subprocess.run([*shell, SCRIPT, *arguments], cwd=self.folder, env={**self.environment, **environment},
                              capture_output=True, text=True, timeout=2 * LONG, check=False, start_new_session=True)
        return done.returncode, done.stdout + done.stderr

    def pid_file(self):
        return self.folder / "logs" / f"rerank-{self.port}.pid"

    def write_pid(self, content):
        self.pid_file().parent.mkdir(exist_ok=True)
        self.pid_file().write_bytes(content if isinstance(content, bytes) else str(content).encode())

    def written_pid(self):
        return int(self.pid_file().read_text(encoding="ascii"))

    def start_vllm(self, shell, model):
        code, text = self.script(shell, "start", "ENGINE=vllm", f"MODEL_PATH={model}")
        self.assertEqual(code, 0, text)
        return self.written_pid()


class StartScript(StartScriptTest):
    def test_starts_stops_and_tells(self):
        for shell in SHELLS:
            with self.subTest(shell=shell):
                self.assertEqual(self.script(shell, "status")[0], 3)
                code, text = self.script(shell, "start", f"MODEL_PATH={MODEL}", "--", "--no-weight-cache")
                self.assertEqual(code, 0, text)
                self.addCleanup(self.script, shell, "stop")
                self.assertIn("ready", text)
                pid = int(self.pid_file().read_text(encoding="ascii"))
                code, text = self.script(shell, "status")
                self.assertEqual(code, 0, text)
                self.assertIn(str(pid), text)
                self.assertIn("already running", self.script(shell, "start")[1])
                code, text = self.script(shell, "restart", f"MODEL_PATH={MODEL}")
                self.assertEqual(code, 0, text)
                self.assertNotEqual(int(self.pid_file().read_text(encoding="ascii")), pid)
                code, text = self.script(shell, "stop")
                self.assertEqual(code, 0, text)
                self.assertFalse(self.pid_file().exists())
                self.assertEqual(self.script(shell, "status")[0], 3)
                self.assertEqual(self.script(shell, "stop"), (0, "not running\n"))

    def test_shows_why_it_failed(self):
        for shell in SHELLS:
            code, text = self.script(shell, "start", "MODEL_PATH=./no-such-model")
            self.assertEqual(code, 1)
            self.assertIn("no such directory", text)
            self.assertFalse(self.pid_file().exists())

    def test_says_that_the_port_is_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            for shell in SHELLS:
                code, text = self.script(shell, "start")
                self.assertEqual(code, 1)
                self.assertIn(f"PORT={self.port} is in use", text)

    def test_notices_a_stale_pid_file(self):
        for shell in SHELLS:
            for number in ("999999999", str(os.getpid()), "", "word", "0", "-1", "00", "1\n1", "99999999999999999999",
                           b"1\x001", b"\x1b[31m", b"1" * 1_000_000):
                for command in ("status", "stop"):
                    self.write_pid(number)
                    code, text = self.script(shell, command)
                    self.assertEqual(code, 3 if command == "status" else 0, (number, text))
                    self.assertIn("stale", text)
                    self.assertNotIn("\x1b", text)
                    self.assertFalse(self.pid_file().exists())

    def test_compares_tp_and_devices(self):
        for shell in SHELLS:
            code, text = self.script(shell, "start", "TP=2", CUDA_VISIBLE_DEVICES="0")
            self.assertEqual(code, 1)
            self.assertIn("TP=2, but CUDA_VISIBLE_DEVICES=0 names 1", text)
            code, text = self.script(shell, "start", "TP=2", "MODEL_PATH=./none", CUDA_VISIBLE_DEVICES="0,1,2")
            self.assertIn("names 3 devices, TP=2 uses 2", text)

    def test_refuses_nonsense(self):
        for shell in SHELLS:
            for arguments, message in ((["PROT=1"], "no such setting: PROT"), (["strat"], "strat"),
                                       (["PORT=80a"], "PORT=80a"), (["PORT=70000"], "PORT=70000"),
                                       (["PORT=0"], "PORT=0 must be between 1 and 65535"), (["TP=0"], "TP=0 must"),
                                       (["STOP_TIMEOUT=99999999999999999999"], "must be between 0 and 86400"),
                                       (["START_TIMEOUT=-1"], "START_TIMEOUT=-1 is not a whole number"),
                                       (["ENGINE=tgi"], "ENGINE=tgi"), (["ENGINE=vllm"], "MODEL_PATH"),
                                       (["start", "stop"], "one command"), (["run", "PREFIX_CACHING=maybe"], "maybe")):
                code, text = self.script(shell, *arguments)
                self.assertNotEqual(code, 0)
                self.assertIn(message, text)

    def recorded(self, shell, *arguments, **environment):
        code, text = self.script(shell, "start", "ENGINE=vllm", *arguments, **environment)
        self.assertEqual(code, 0, text)
        # Which model is asked of those alone who start one.
        self.assertEqual(self.script(shell, "status", "ENGINE=vllm")[0], 0)
        self.assertEqual(self.script(shell, "stop", "ENGINE=vllm")[0], 0)
        return json.loads(self.record.read_text(encoding="utf-8"))

    def test_starts_vllm_as_a_reranker(self):
        for shell in SHELLS:
            arguments = self.recorded(
                shell, "MODEL_PATH=org/Qwen3-Reranker-0.6B", "SERVED_MODEL_NAME=one two", "TP=2", "DTYPE=bfloat16",
                "MAX_MODEL_LEN=4096", "MAX_NUM_BATCHED_TOKENS=24576", "MAX_NUM_SEQS=128", "PREFIX_CACHING=true",
                "GPU_MEMORY_UTILIZATION=0.85", "UVICORN_LOG_LEVEL=warning", "--", "--enforce-eager",
                CUDA_VISIBLE_DEVICES="4,5")
            self.assertEqual(arguments[:5], ["serve", "org/Qwen3-Reranker-0.6B", "--served-model-name", "one", "two"])
            value_of = dict(zip(arguments, arguments[1:]))
            for flag, value in (("--tensor-parallel-size", "2"), ("--dtype", "bfloat16"), ("--max-model-len", "4096"),
                                ("--max-num-batched-tokens", "24576"), ("--max-num-seqs", "128"),
                                ("--gpu-memory-utilization", "0.85"), ("--uvicorn-log-level", "warning"),
                                ("--port", str(self.port)), ("--runner", "pooling")):
                self.assertEqual(value_of[flag], value)
            self.assertIn("--enable-prefix-caching", arguments)
            self.assertEqual(arguments[-1], "--enforce-eager")
            self.assertEqual(json.loads(value_of["--hf-overrides"]), {
                "architectures": ["Qwen3ForSequenceClassification"], "classifier_from_token": ["no", "yes"],
                "is_original_qwen3_reranker": True})
            # Jinja drops one newline at the end: the official prompt has two.
            template = pathlib.Path(value_of["--chat-template"]).read_text(encoding="utf-8")
            self.assertTrue(template.endswith("</think>\n\n\n"))

    def test_takes_settings_as_they_are_written(self):
        for shell in SHELLS:
            arguments = self.recorded(shell, "MODEL_PATH=m", "SERVED_MODEL_NAME=* [a-z]*", "TP=01", "START_TIMEOUT=0099")
            self.assertEqual(arguments[:5], ["serve", "m", "--served-model-name", "*", "[a-z]*"])
            self.assertNotIn("--tensor-parallel-size", arguments)

    def test_asks_old_versions_for_the_task(self):
        for version, flags in (("0.9.2", ["--task", "score"]), ("vLLM 0.10.0", ["--task", "score"]),
                               ("0.10.1", ["--runner", "pooling"]), ("1.0.0+cu130", ["--runner", "pooling"]),
                               ("unknown", ["--runner", "pooling"])):
            arguments = self.recorded(SHELLS[0], "MODEL_PATH=m", STAND_IN_VERSION=version)
            at = arguments.index(flags[0])
            self.assertEqual(arguments[at:at + 2], flags, version)

    def test_shows_why_vllm_failed(self):
        code, text = self.script(SHELLS[0], "start", "ENGINE=vllm", "MODEL_PATH=fail")
        self.assertEqual(code, 1)
        self.assertIn("the model is broken", text)

    def test_reads_settings_from_a_file_and_runs_nothing_in_it(self):
        (self.folder / ".env").write_text(
            "# settings\n\nexport ENGINE=vllm\r\nMODEL_PATH='org/model'  \nMAX_NUM_SEQS=7 # few\nDTYPE=\"$(touch ran)\"\n"
            "MAX_MODEL_LEN=100\nSOMEBODY_ELSES=1\n", encoding="ascii")
        for shell in SHELLS:
            code, text = self.script(shell, "start", MAX_MODEL_LEN="200")
            self.assertEqual(code, 0, text)
            self.script(shell, "stop")
            arguments = json.loads(self.record.read_text(encoding="utf-8"))
            value_of = dict(zip(arguments, arguments[1:]))
            self.assertEqual(arguments[1], "org/model")
            self.assertEqual(value_of["--max-num-seqs"], "7")
            self.assertEqual(value_of["--dtype"], "$(touch ran)")
            self.assertEqual(value_of["--max-model-len"], "200")  # the environment goes before the file
            self.assertFalse((self.folder / "ran").exists())

    def test_lets_no_file_that_lies_there_choose_the_program(self):
        del self.environment["VLLM_PROGRAM"]
        (self.folder / ".env").write_text(f"VLLM_PROGRAM={self.stand_in}\n", encoding="ascii")
        for shell in SHELLS:
            code, said = self.script(shell, "start", "ENGINE=vllm", "MODEL_PATH=m")
            self.assertEqual(code, 1, said)
            self.assertIn(".env, line 1: VLLM_PROGRAM must come from the environment", said)
            self.assertFalse(self.record.exists())
            self.assertEqual(self.script(shell, "status", VLLM_PROGRAM="other")[0], 3)
            code, said = self.script(shell, "start", "ENGINE=vllm", "MODEL_PATH=m", ENV_FILE=".env")
            self.assertEqual(code, 0, said)
            self.script(shell, "stop", ENV_FILE=".env")
            self.record.unlink()

    def test_reads_lines_as_the_program_does(self):
        """The cases of src/settings/env_file_test.cc."""
        cases = (("9", "9"), ("9\r", "9"), ("", ""), (" # nothing", ""), ("9 # few", "9"), ("9\t# few", "9"),
                 ("a#b #c", "a#b"), ("#b", "#b"), ('"a # b"', "a # b"), ('"a" # b', "a"), ("'a' ", "a"), ('""', ""),
                 ('"it\'s"', "it's"), ("it's", "it's"), ("a=b", "a=b"), ('"$(touch ran) $HOME \\n"', "$(touch ran) $HOME \\n"))
        names = ("LOG_DIR", " export LOG_DIR ", "\ufeffLOG_DIR")
        for shell in SHELLS:
            for number, (text, expected) in enumerate(cases):
                (self.folder / ".env").write_bytes(f"{names[number % 3]}={text}\n".encode())
                for program in (PROGRAM, str(self.folder / "absent")):
                    code, said = self.script(shell, "tail", RERANK_PROGRAM=program)
                    self.assertIn(f"there is no {expected or 'logs'}/rerank-{self.port}.log", said, (shell, text, program))
                    self.assertEqual(code, 1)
            for text, message in (("PORT", "line 2: neither NAME=VALUE nor a comment"), ("PORT='1", "PORT has no closing"),
                                  ("PORT='1'2", "PORT has text after the closing quote")):
                for program in (PROGRAM, str(self.folder / "absent")):
                    (self.folder / ".env").write_text(f"SOMEBODY_ELSES='\n{text}\n", encoding="ascii")
                    code, said = self.script(shell, "status", RERANK_PROGRAM=program)
                    self.assertIn(message, said)
                    self.assertIn(code, (1, 2))
            (self.folder / ".env").unlink()

    def log_directory(self, shell, *arguments, **environment):
        code, said = self.script(shell, "tail", *arguments, **environment)
        self.assertEqual(code, 1, said)
        return said.split("there is no ")[1].rsplit("/", 1)[0]

    def test_takes_every_source_in_order(self):
        for shell in SHELLS:
            toml, env = self.folder / "rerank.toml", self.folder / ".env"
            self.assertEqual(self.log_directory(shell), "logs")
            toml.write_text('log_dir = "a"\n', encoding="ascii")
            self.assertEqual(self.log_directory(shell), "a")
            toml.write_text('log_dir = "a"\n[serve]\nlog_dir = "b"\n', encoding="ascii")
            self.assertEqual(self.log_directory(shell), "b")
            env.write_text("LOG_DIR=c\n", encoding="ascii")
            self.assertEqual(self.log_directory(shell), "c")
            env.write_text("RERANK_LOG_DIR=d\nLOG_DIR=c\n", encoding="ascii")
            self.assertEqual(self.log_directory(shell), "d")
            self.assertEqual(self.log_directory(shell, LOG_DIR=""), "d")
            self.assertEqual(self.log_directory(shell, LOG_DIR="e"), "e")
            self.assertEqual(self.log_directory(shell, LOG_DIR="e", RERANK_LOG_DIR="f"), "f")
            self.assertEqual(self.log_directory(shell, "LOG_DIR=g", LOG_DIR="e", RERANK_LOG_DIR="f"), "g")
            toml.unlink()
            env.unlink()

    def test_says_what_is_wrong_with_the_settings(self):
        (self.folder / "rerank.toml").write_text("prot = 1\n", encoding="ascii")
        for shell in SHELLS:
            code, said = self.script(shell, "status")
            self.assertEqual(code, 2)
            self.assertIn("rerank.toml, line 1: unknown setting prot; did you mean port?", said)
            code, said = self.script(shell, "status", RERANK_PROGRAM=str(self.folder / "absent"))
            self.assertEqual(code, 3)
            self.assertIn("rerank.toml is not read: the program rerank is not found", said)
            code, said = self.script(shell, "status", ENV_FILE="absent")
            self.assertIn("ENV_FILE=absent: there is no such file", said)
            self.assertIn("this is a directory", self.script(shell, "status", ENV_FILE=".")[1])

    def test_gives_vllm_the_key_or_refuses_to_start_without(self):
        for shell in SHELLS:
            (self.folder / "rerank.toml").write_text('api_key = "hidden"\n', encoding="ascii")
            code, said = self.script(shell, "start", "ENGINE=vllm", "MODEL_PATH=m")
            self.assertEqual(code, 1)
            self.assertIn("api_key is in a file that vLLM does not read", said)
            self.assertNotIn("hidden", said)
            (self.folder / "rerank.toml").unlink()
            for line in ("RERANK_API_KEY=hidden", "VLLM_API_KEY=hidden"):
                (self.folder / ".env").write_text(line + "\n", encoding="ascii")
                arguments = self.recorded(shell, "MODEL_PATH=m")
                self.assertNotIn("hidden", arguments)
                self.assertEqual((self.folder / "record.json.key").read_text(encoding="ascii"), "hidden")
            (self.folder / ".env").unlink()


if __name__ == "__main__":
    run_tests()
