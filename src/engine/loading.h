// From options to a loaded model: checkpoint, tokenizer, backend, and the sizes that fit together.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "engine/encode/request_encoder.h"
#include "engine/schedule/scheduler.h"
#include "model/model.h"
#include "prompt/score_function.h"
#include "rerank/engine.h"

namespace rerank {

struct LoadedReplica {
  std::unique_ptr<Model> model;
  std::unique_ptr<Backend> backend;
  ScoreFunction score;
  int num_encoding_threads = 0;  // threads
  // After it a device that gives nothing back is taken to hang; 0: never.
  std::chrono::milliseconds device_timeout{0};
};

struct LoadedModel {
  std::shared_ptr<const RequestEncoder> encoder;
  SchedulerOptions scheduler;  // of each replica
  EngineInfo info;
  std::vector<LoadedReplica> replicas;
};

// Throws Error naming the option, file or key.
LoadedModel load_model(const EngineOptions& options);

// The tokenizer that the options name, else the model's own, see tokenizer_location. Throws Error.
Tokenizer load_tokenizer(const EngineOptions& options);

// How the options would run a model with matrices of this type on this machine, without loading it; see
// preview_backend.
BackendInfo preview_backend(const EngineOptions& options, const TransformerSpec& model, DataType matrices);

// What the options ask for instead of the prompt that the model declares.
PromptChoice prompt_choice(const EngineOptions& options);

// Where packed weights and measurements are kept: the option, $RERANK_CACHE, $XDG_CACHE_HOME/rerank,
// ~/.cache/rerank; empty when there is no such place or the options want none.
std::string cache_directory(const EngineOptions& options);

}  // namespace rerank
