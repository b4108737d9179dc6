"""Forwards of an encoder by rerank.cpp, by PyTorch and, where installed, ONNX Runtime and OpenVINO, in turn, on one
checkpoint and the same token ids.

    compare_torch.py FORWARD_CPU CHECKPOINT [--pairs N] [--tokens N] [--rounds N] [--onnx]

FORWARD_CPU is the built benchmarks/forward_cpu, CHECKPOINT a directory that Hugging Face Transformers opens as a
sequence classifier. Needs, in an environment of its own: pip install torch transformers, and for --onnx
onnx onnxscript onnxruntime openvino. All pairs have the same length, so that nobody pads; all use the same number of
threads. Only the forward is timed, without tokenizer. The error is the root mean square of the logits' difference from
PyTorch's float32. ONNX Runtime's int8 is its dynamic quantization of the float32 model.
"""

import argparse
import os
import random
import statistics
import subprocess
import tempfile
import time


class Ours:
    def __init__(self, arguments, dtype, quantization="none"):
        self.process = subprocess.Popen(
            [arguments.program, "--model", arguments.checkpoint, "--dtype", dtype, "--quantization", quantization,
             "--threads", str(arguments.threads), "--on-line", "--max-tokens", str(arguments.pairs * arguments.tokens)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def __call__(self, pairs):
        for ids in pairs:
            self.process.stdin.write(" ".join(map(str, ids)) + "\n")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        words = [float(word) for word in self.process.stdout.readline().split()]
        return words[0], words[1:]


class Torch:
    def __init__(self, checkpoint, dtype):
        import torch
        from transformers import AutoModelForSequenceClassification

        self.torch = torch
        self.model = AutoModelForSequenceClassification.from_pretrained(checkpoint, dtype=getattr(torch, dtype)).eval()

    def __call__(self, pairs):
        ids = self.torch.tensor(pairs)
        with self.torch.inference_mode():
            begin = time.perf_counter()
            logits = self.model(input_ids=ids, attention_mask=self.torch.ones_like(ids)).logits
            seconds = time.perf_counter() - begin
        return seconds, logits.float().flatten().tolist()


def export(checkpoint, path):
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint, dtype=torch.float32, attn_implementation="eager").eval()

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    ids = torch.ones((2, 16), dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    torch.onnx.export(Plain(), (ids, ids), path, input_names=["input_ids", "attention_mask"], output_names=["logits"],
                      dynamic_axes={"input_ids": axes, "attention_mask": axes}, opset_version=17, dynamo=False)


class OnnxRuntime:
    def __init__(self, path, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, pairs):
        import numpy

        ids = numpy.array(pairs, dtype=numpy.int64)
        begin = time.perf_counter()
        logits = self.session.run(None, {"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0]
        return time.perf_counter() - begin, logits.flatten().tolist()


class OpenVino:
    def __init__(self, path, threads, precision):
        import openvino

        self.model = openvino.Core().compile_model(
            path, "CPU", {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads})

    def __call__(self, pairs):
        import numpy

        ids = numpy.array(pairs, dtype=numpy.int64)
        begin = time.perf_counter()
        logits = self.model({"input_ids": ids, "attention_mask": numpy.ones_like(ids)})[0]
        return time.perf_counter() - begin, logits.flatten().tolist()


def programs(arguments, folder):
    yield "rerank.cpp bfloat16", Ours(arguments, "bfloat16")
    yield "rerank.cpp float32", Ours(arguments, "float32")
    yield "rerank.cpp int8", Ours(arguments, "bfloat16", "int8")
    yield "PyTorch bfloat16", Torch(arguments.checkpoint, "bfloat16")
    yield "PyTorch float32", Torch(arguments.checkpoint, "float32")
    if not arguments.onnx:
        return
    from onnxruntime.quantization import quantize_dynamic

    path, small = f"{folder}/model.onnx", f"{folder}/int8.onnx"
    export(arguments.checkpoint, path)
    quantize_dynamic(path, small)
    yield "ONNX Runtime float32", OnnxRuntime(path, arguments.threads)
    yield "ONNX Runtime int8", OnnxRuntime(small, arguments.threads)
    yield "OpenVINO bfloat16", OpenVino(path, arguments.threads, "bf16")
    yield "OpenVINO float32", OpenVino(path, arguments.threads, "f32")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("checkpoint")
    parser.add_argument("--pairs", type=int, default=20, help="of a forward")
    parser.add_argument("--tokens", type=int, default=158, help="of a pair")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--onnx", action="store_true", help="ONNX Runtime and OpenVINO too")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(arguments.threads)
    source = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        everyone = list(programs(arguments, folder))
        vocabulary = next(program for name, program in everyone if name == "PyTorch float32").model.config.vocab_size
        times = {name: [] for name, _ in everyone}
        squares = {name: 0.0 for name, _ in everyone}
        count = 0
        for turn in range(arguments.rounds + 1):
            pairs = [[source.randrange(5, vocabulary - 5) for _ in range(arguments.tokens)]
                     for _ in range(arguments.pairs)]
            found = {}
            for name, program in everyone:
                seconds, found[name] = program(pairs)
                if turn > 0:  # the first warms up
                    times[name].append(seconds)
            count += arguments.pairs
            for name, logits in found.items():
                squares[name] += sum((a - b) ** 2 for a, b in zip(logits, found["PyTorch float32"]))
    print(f"{arguments.pairs} pairs of {arguments.tokens} tokens, {arguments.threads} threads, medians of "
          f"{arguments.rounds} rounds in turn")
    print(f"{'':22}{'pairs/s':>10}{'rms error':>12}{'ours is':>10}")
    for name, _ in everyone:
        ratio = statistics.median(b / a for a, b in zip(times["rerank.cpp bfloat16"], times[name]))
        print(f"{name:22}{arguments.pairs / statistics.median(times[name]):10.2f}"
              f"{(squares[name] / count) ** 0.5:12.6f}{ratio:9.2f}x")


if __name__ == "__main__":
    main()
