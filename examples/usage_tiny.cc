// Cold start of Qwen3-Reranker 0.6B, named by MODEL_PATH_TINY or the first argument: no server, one process.
#include "cold_start.h"

int main(int argc, char** argv) {
  return run_cold_start({.variable = "MODEL_PATH_TINY", .default_model = "Qwen/Qwen3-Reranker-0.6B"}, argc,
                        argv);
}
