// A server as the scorer.
#pragma once

#include <memory>

#include "apps/rerank/commands/scorer.h"
#include "rerank/client.h"

namespace rerank::cli {

// Detects the kind of server. With `raw_scores`, a result's logit_yes is the server's logit and logit_no 0;
// otherwise a result has only the score. Throws Error, Interrupted.
std::unique_ptr<Scorer> remote_scorer(ClientOptions options, bool raw_scores);

}  // namespace rerank::cli
