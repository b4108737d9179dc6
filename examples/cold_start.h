// What the two cold examples share: an engine in this process, the question of Qwen3-Reranker's model cards,
// and the scores that the cards publish beside ours.
#pragma once

#include <string>

struct ColdStart {
  std::string variable;       // of the environment, names the model
  std::string default_model;  // looked for in the Hugging Face cache when the variable is not set
};

// Loads the model that argv[1] names, else the variable, else the default, else the small one that ships with
// rerank.cpp, and scores the cards' queries and documents. Returns what main returns.
int run_cold_start(const ColdStart& example, int argc, char** argv);
