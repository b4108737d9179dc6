// From the name of a model to its checkpoint.
#pragma once

#include <memory>
#include <string>

#include "checkpoint/checkpoint.h"

namespace rerank {

// Opens what `model` names: a directory; a repository name in the Hugging Face cache (HF_HUB_CACHE, HF_HOME,
// else ~/.cache/huggingface), e.g. "Qwen/Qwen3-Reranker-0.6B"; "demo", the model that ships
// (RERANK_DEMO_MODEL, else beside the installed program or the source); "synth:SIZE", made in memory with
// seed 1 and std 0.03. NAME@REVISION asks for another revision than main. Throws Error naming what was looked
// for and where, or what is wrong with the file. What it holds is read by read_reranker.
// `record_directory` is where content_identity keeps its record; empty: nowhere.
std::unique_ptr<Checkpoint> open_model(const std::string& model, const std::string& record_directory = "");

}  // namespace rerank
