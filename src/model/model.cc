#include "model/model.h"

#include "model/decoder/decoder_model.h"
#include "model/encoder/encoder_model.h"

namespace rerank {

std::unique_ptr<Model> create_model(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker,
                                    AnswerIds answers, std::int32_t max_positions) {
  if (reranker.spec.mask == Mask::kBidirectional)
    return create_encoder(std::move(checkpoint), reranker, answers, max_positions);
  return create_decoder(std::move(checkpoint), reranker, answers, max_positions);
}

}  // namespace rerank
