"""Rankings by rerank.cpp and by OpenVINO GenAI's TextRerankPipeline, in turn, on the same checkpoint and load.

    compare_openvino.py RANK_CPU CHECKPOINT WORK [--rounds N] [--threads N] [--precision f32]

RANK_CPU is the built benchmarks/rank_cpu, CHECKPOINT a directory with tokenizer.json (`rerank synth --config 0.6B`
makes one), WORK a folder for the converted models (2 GB for 0.6B, made once). Needs, in an environment of its own:
pip install openvino openvino-genai openvino-tokenizers optimum-intel nncf "transformers<5" tokenizers

Each ranks with the weights as they are and with int8 weights; ours then rounds rows to int8 too. One request is a query
of 46 words and 20 documents of 100 words; every request has texts of its own. All hold their model in memory and use
the same number of threads; only the ranking is timed. Left to itself OpenVINO computes in bfloat16 where the processor
has it; --precision f32 makes it compute in float32. Ours chooses the faster of the two by measuring.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import time

NUM_DOCUMENTS = 20
HEAD = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
    'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a web '
    "search query, retrieve relevant passages that answer the query\n<Query>: "
)
TAIL = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def convert(checkpoint, folder, is_int8):
    """Writes the checkpoint as OpenVINO's representation, weights as they are or each row of them in int8."""
    import nncf
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from optimum.intel import OVModelForCausalLM
    from transformers import AutoTokenizer

    model = OVModelForCausalLM.from_pretrained(checkpoint, export=True, compile=False, load_in_8bit=False)
    model.save_pretrained(folder)
    if is_int8:
        path = f"{folder}/openvino_model.xml"
        small = nncf.compress_weights(openvino.Core().read_model(path), mode=nncf.CompressWeightsMode.INT8_ASYM)
        openvino.save_model(small, f"{folder}/int8.xml")  # the model still reads its old file
        for end in ("xml", "bin"):
            os.replace(f"{folder}/int8.{end}", f"{folder}/openvino_model.{end}")
    tokenizer, detokenizer = convert_tokenizer(AutoTokenizer.from_pretrained(checkpoint), with_detokenizer=True)
    openvino.save_model(tokenizer, f"{folder}/openvino_tokenizer.xml")
    openvino.save_model(detokenizer, f"{folder}/openvino_detokenizer.xml")


class OpenVino:
    def __init__(self, checkpoint, work, kind, threads, precision):
        folder = os.path.join(work, f"openvino-{kind}")
        if not os.path.exists(f"{folder}/openvino_detokenizer.xml"):
            convert(checkpoint, folder, kind == "int8")
        import openvino_genai
        from tokenizers import Tokenizer

        vocabulary = Tokenizer.from_file(f"{checkpoint}/tokenizer.json").get_vocab()
        self.words = sorted(
            token[1:]
            for token, index in vocabulary.items()
            if token.startswith("\u0120") and token[1:].isascii() and token[1:].isalpha() and token[1:].islower()
            and 3 < len(token) < 10 and index < 40000
        )
        self.random = random.Random(3)
        config = openvino_genai.TextRerankPipeline.Config()
        config.top_n = NUM_DOCUMENTS
        hints = {"INFERENCE_NUM_THREADS": threads}
        if precision:
            hints["INFERENCE_PRECISION_HINT"] = precision
        self.pipeline = openvino_genai.TextRerankPipeline(folder, "CPU", config, **hints)

    def text(self, count):
        return " ".join(self.random.choices(self.words, k=count))

    def rank(self):
        query = HEAD + self.text(46)
        documents = ["\n<Document>: " + self.text(100) + TAIL for _ in range(NUM_DOCUMENTS)]
        begin = time.perf_counter()
        self.pipeline.rerank(query, documents)
        return time.perf_counter() - begin


class Ours:
    def __init__(self, program, checkpoint, quantization, threads):
        self.process = subprocess.Popen(
            [program, "--model", checkpoint, "--quantization", quantization, "--threads", str(threads), "--on-line",
             "--documents", str(NUM_DOCUMENTS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def rank(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak_gib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 2**20 for line in status if line.startswith("VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("checkpoint")
    parser.add_argument("work")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", help="OpenVINO's arithmetic, e.g. f32; its own choice unless given")
    arguments = parser.parse_args()
    threads = arguments.threads
    names = ["rerank.cpp", "rerank.cpp int8", f"OpenVINO {arguments.precision or ''}".strip(), "OpenVINO int8"]
    programs = [Ours(arguments.program, arguments.checkpoint, quantization, threads) for quantization in ("none", "int8")]
    programs += [
        OpenVino(arguments.checkpoint, arguments.work, kind, threads, arguments.precision) for kind in ("float", "int8")
    ]
    for program in programs:  # warm
        program.rank()
    rounds = [[NUM_DOCUMENTS / program.rank() for program in programs] for _ in range(arguments.rounds)]
    print(f"{threads} threads, medians of {arguments.rounds} rounds in turn")
    print(f"{'':18}{'documents/s':>12}{'/ OpenVINO':>12}{'/ OpenVINO int8':>17}")
    for i, name in enumerate(names):
        rate, of_float, of_int8 = (
            statistics.median(values) for values in zip(*((r[i], r[i] / r[2], r[i] / r[3]) for r in rounds))
        )
        print(f"{name:18}{rate:12.2f}{of_float:12.2f}{of_int8:17.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak GiB: {programs[0].peak_gib():.2f}, int8 {programs[1].peak_gib():.2f}, both of OpenVINO {peak:.2f}")


if __name__ == "__main__":
    main()
