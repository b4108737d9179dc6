// Loads a model as the options say: checkpoint, tokenizer, backend, and sizes that fit together.
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
  int num_encoding_threads = 0;
  // A device that returns nothing for this long is considered hung; 0: no limit.
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

// The tokenizer in the options, otherwise the model's, see tokenizer_location. Throws Error.
Tokenizer load_tokenizer(const EngineOptions& options);

// How a model with matrices of this type would run on this machine with these options, without loading it.
// See preview_backend.
BackendInfo preview_backend(const EngineOptions& options, const TransformerSpec& model, DataType matrices);

// The options that override the prompt the model declares.
PromptChoice prompt_choice(const EngineOptions& options);

// The directory for packed weights and measurements: the option, $RERANK_CACHE, $XDG_CACHE_HOME/rerank or
// ~/.cache/rerank; empty if there is none or the options disable it.
std::string cache_directory(const EngineOptions& options);

}  // namespace rerank
