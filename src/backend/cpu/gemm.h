// One GEMM on all threads: divides rows and panels into tasks for the kernels.
#pragma once

#include "backend/cpu/kernels.h"
#include "base/thread_pool.h"

namespace rerank::cpu {

// Multiplies panels [task.first_panel, task.end_panel) with all of task.num_rows; the tiles in `task` are
// ignored.
void run_gemm(ThreadPool& pool, const Kernels& kernels, const GemmTask& task);

}  // namespace rerank::cpu
