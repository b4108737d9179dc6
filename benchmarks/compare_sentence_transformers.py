"""Pairs per second of an encoder on a GPU: rerank.cpp, offline and over HTTP, and CrossEncoder.predict of
sentence-transformers, in one run on one checkpoint and the same texts.

    compare_sentence_transformers.py RERANK CHECKPOINT [--seconds N] [--rounds N] [--pairs N]

RERANK is the program, CHECKPOINT a directory that CrossEncoder opens. Needs pip install sentence-transformers and a GPU.
A request is a query of 12 words with 50 documents of 143 words, every word one token: pairs of about 158 tokens, all of
one length, so that nobody pads. Everything from texts to scores is timed, the tokenizer included, loading is not.
CrossEncoder computes in bfloat16, with the fastest of three batch sizes. The error is the root mean square of the
difference from CrossEncoder's logits in float32.
"""

import argparse
import json
import math
import os
import random
import re
import statistics
import subprocess
import tempfile
import time

QUERY_WORDS, DOCUMENT_WORDS = 12, 143
PORT = 18433


def words_of(checkpoint):
    """Words that are one token each."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(checkpoint, "tokenizer.json"))
    tokenizer.no_truncation()
    words = {re.sub("^[\u0120\u2581]", "", token) for token in tokenizer.get_vocab() if not token.startswith("##")}
    words = sorted(word for word in words if re.fullmatch("[a-z]{3,9}", word))
    whole = [word for word in words if len(tokenizer.encode(" " + word, add_special_tokens=False).ids) == 1]
    print(f"{len(whole)} words; a pair has "
          f"{len(tokenizer.encode(' '.join(whole[:QUERY_WORDS]), ' '.join(whole[:DOCUMENT_WORDS])).ids)} tokens")
    return whole


def write_requests(path, texts, count, num_documents):
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(count):
            documents = [texts(DOCUMENT_WORDS) for _ in range(num_documents)]
            file.write(json.dumps({"query": texts(QUERY_WORDS), "documents": documents}) + "\n")


def bench(program, requests, *flags):
    """Returns pairs a second and the median latency in milliseconds."""
    command = [program, "bench", "--dataset-name", "custom", "--dataset-path", requests, *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def figure(name):
        return float(re.search(rf"^{re.escape(name)}: *([0-9.]+)$", done.stdout, re.MULTILINE).group(1))

    return figure("Input throughput (inputs/s)"), figure("Median E2EL (ms)")


class Server:
    def __init__(self, program, checkpoint):
        self.process = subprocess.Popen(
            [program, "serve", checkpoint, "--device", "cuda", "--host", "127.0.0.1", "--port", str(PORT)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def cross_encoder(checkpoint, dtype):
    import torch
    from sentence_transformers import CrossEncoder

    return CrossEncoder(checkpoint, device="cuda", activation_fn=torch.nn.Identity(),
                        model_kwargs={"torch_dtype": getattr(torch, dtype)})


def predict_speed(model, pairs, batch):
    begin = time.perf_counter()
    model.predict(pairs, batch_size=batch, show_progress_bar=False)
    return len(pairs) / (time.perf_counter() - begin)


def rms(values, reference):
    return math.sqrt(statistics.fmean((a - b) ** 2 for a, b in zip(values, reference, strict=True)))


def our_logits(program, checkpoint, pairs, folder):
    source, scores = os.path.join(folder, "pairs.jsonl"), os.path.join(folder, "scores.jsonl")
    with open(source, "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"query": query, "document": document}) + "\n" for query, document in pairs)
    subprocess.run([program, "score", "--model", checkpoint, "--device", "cuda", "--raw", "--force", "--output", scores,
                    source], check=True, capture_output=True)
    with open(scores, encoding="utf-8") as file:
        return [json.loads(line)["score"] for line in file]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("checkpoint")
    parser.add_argument("--seconds", type=float, default=6, help="duration of each of our measurements")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=4000, help="scored by CrossEncoder in each round")
    arguments = parser.parse_args()
    words, generator = words_of(arguments.checkpoint), random.Random(3)

    def texts(count):
        return " ".join(generator.choices(words, k=count))

    with tempfile.TemporaryDirectory() as folder:
        many, few = os.path.join(folder, "many.jsonl"), os.path.join(folder, "few.jsonl")
        write_requests(many, texts, 400, 50)
        write_requests(few, texts, 200, 20)
        pairs = [(texts(QUERY_WORDS), texts(DOCUMENT_WORDS)) for _ in range(arguments.pairs)]
        theirs = cross_encoder(arguments.checkpoint, "bfloat16")
        for batch in (32, 128, 512):
            predict_speed(theirs, pairs[:1024], batch)
        batch = max((32, 128, 512), key=lambda size: predict_speed(theirs, pairs, size))
        offline = ["--offline", "--model", arguments.checkpoint, "--device", "cuda"]
        full, alone = ["-c", 32, "-t", arguments.seconds], ["-c", 1, "-n", 200]
        ours, http, peer, latency, http_latency, peer_latency = [], [], [], [], [], []
        with Server(arguments.program, arguments.checkpoint):
            remote = ["--port", PORT, "--ready-check-timeout-sec", 60]
            for _ in range(arguments.rounds):
                ours.append(bench(arguments.program, many, *offline, *full)[0])
                http.append(bench(arguments.program, many, *remote, *full, "--io-threads", 4)[0])
                peer.append(predict_speed(theirs, pairs, batch))
                latency.append(bench(arguments.program, few, *offline, *alone)[1])
                http_latency.append(bench(arguments.program, few, *remote, *alone)[1])
                peer_latency.append(statistics.median(20e3 / predict_speed(theirs, pairs[:20], 32) for _ in range(20)))
        some = pairs[:500]
        exact = cross_encoder(arguments.checkpoint, "float32").predict(some, show_progress_bar=False).tolist()
        loss = rms(theirs.predict(some, show_progress_bar=False).tolist(), exact)
        our_loss = rms(our_logits(arguments.program, arguments.checkpoint, some, folder), exact)

    middle = statistics.median
    print(f"{'':34} {'pairs/s':>9} {'20 pairs, ms':>13} {'error':>9}")
    print(f"{'rerank.cpp, offline':34} {middle(ours):9.0f} {middle(latency):13.2f} {our_loss:9.5f}")
    print(f"{'rerank.cpp, HTTP':34} {middle(http):9.0f} {middle(http_latency):13.2f}")
    print(f"{f'CrossEncoder.predict, batches of {batch}':34} {middle(peer):9.0f} {middle(peer_latency):13.2f} {loss:9.5f}")
    print(f"rerank.cpp / CrossEncoder: {middle(ours) / middle(peer):.1f} times offline, "
          f"{middle(http) / middle(peer):.1f} times over HTTP")


if __name__ == "__main__":
    main()
