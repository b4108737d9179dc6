// Cold start of Qwen3-Reranker 4B or 8B, named by MODEL_PATH or the first argument: no server, one process.
#include "cold_start.h"

int main(int argc, char** argv) {
  return run_cold_start({.variable = "MODEL_PATH", .default_model = "Qwen/Qwen3-Reranker-4B"}, argc, argv);
}
