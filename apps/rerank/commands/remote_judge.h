// The judge on the other side of a connection.
#pragma once

#include <memory>

#include "apps/rerank/commands/judge.h"
#include "rerank/client.h"

namespace rerank::cli {

// Asks the server who it is. With `raw_scores`, a result's logit_yes is the server's logit and logit_no 0;
// without, only the score is told. Throws Error, Interrupted.
std::unique_ptr<Judge> remote_judge(ClientOptions options, bool raw_scores);

}  // namespace rerank::cli
