// Opens the checkpoint of a model by name.
#pragma once

#include <memory>
#include <string>

#include "checkpoint/checkpoint.h"

namespace rerank {

// Opens what `model` names: a directory; a repository in the Hugging Face cache (HF_HUB_CACHE, HF_HOME, by
// default ~/.cache/huggingface), such as "Qwen/Qwen3-Reranker-0.6B"; "demo", the bundled model
// (RERANK_DEMO_MODEL, by default next to the installed program or in the source tree); "synth:SIZE",
// generated in memory with seed 1 and std 0.03. NAME@REVISION selects a revision other than main. Throws
// Error naming what was searched for and where, or what is wrong with the file. read_reranker interprets the
// contents. `record_directory` is where content_identity keeps its record; empty: nowhere.
std::unique_ptr<Checkpoint> open_model(const std::string& model, const std::string& record_directory = "");

}  // namespace rerank
