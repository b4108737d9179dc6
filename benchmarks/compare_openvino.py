"""Rankings by rerank.cpp and by OpenVINO GenAI's TextRerankPipeline, in turn, on the same checkpoint and load.

    compare_openvino.py RANK_CPU CHECKPOINT WORK [--rounds N] [--precision f32]

RANK_CPU is the built benchmarks/rank_cpu, CHECKPOINT a directory with tokenizer.json (`rerank synth --config 0.6B`
makes one), WORK a folder for the converted model (2.4 GB for 0.6B, made once). Needs, in an environment of its own:
pip install openvino openvino-genai openvino-tokenizers optimum-intel nncf "transformers<5" tokenizers

One request is a query of 46 words and 20 documents of 100 words; every request has texts of its own. Both hold the
model in memory and use all processors; only the ranking is timed. Left to itself OpenVINO computes in bfloat16 where the
processor has it; --precision f32 makes it compute in float32. Ours chooses the faster of the two by measuring.
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


def convert(checkpoint, folder):
    """Writes the checkpoint as OpenVINO's representation, weights as they are."""
    import openvino
    from openvino_tokenizers import convert_tokenizer
    from optimum.intel import OVModelForCausalLM
    from transformers import AutoTokenizer

    model = OVModelForCausalLM.from_pretrained(checkpoint, export=True, compile=False, load_in_8bit=False)
    model.save_pretrained(folder)
    tokenizer, detokenizer = convert_tokenizer(AutoTokenizer.from_pretrained(checkpoint), with_detokenizer=True)
    openvino.save_model(tokenizer, f"{folder}/openvino_tokenizer.xml")
    openvino.save_model(detokenizer, f"{folder}/openvino_detokenizer.xml")


class OpenVino:
    def __init__(self, checkpoint, work, precision):
        folder = os.path.join(work, "openvino-float")
        if not os.path.exists(f"{folder}/openvino_detokenizer.xml"):
            convert(checkpoint, folder)
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
        hints = {"INFERENCE_PRECISION_HINT": precision} if precision else {}
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
    def __init__(self, program, checkpoint):
        self.process = subprocess.Popen(
            [program, "--model", checkpoint, "--on-line", "--documents", str(NUM_DOCUMENTS)],
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
    parser.add_argument("--precision", help="OpenVINO's arithmetic, e.g. f32; its own choice unless given")
    arguments = parser.parse_args()
    theirs = OpenVino(arguments.checkpoint, arguments.work, arguments.precision)
    ours = Ours(arguments.program, arguments.checkpoint)
    theirs.rank(), ours.rank()  # warm
    pairs = [(ours.rank(), theirs.rank()) for _ in range(arguments.rounds)]
    rates = [(NUM_DOCUMENTS / a, NUM_DOCUMENTS / b) for a, b in pairs]
    print(f"{'':12}{'documents/s':>14}{'peak GiB':>10}   (medians of {arguments.rounds} rounds, in turn)")
    print(f"{'rerank.cpp':12}{statistics.median(a for a, _ in rates):14.2f}{ours.peak_gib():10.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'OpenVINO ' + (arguments.precision or ''):12}{statistics.median(b for _, b in rates):14.2f}{peak:10.2f}")
    print(f"ratio, round by round, median: {statistics.median(b / a for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
