// The table of ranking.h: what a person at a terminal sees.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/rerank/output/ranking.h"
#include "apps/rerank/output/terminal_text.h"

namespace rerank::cli {
namespace {

constexpr int kWideBar = 20;
constexpr int kNarrowBar = 8;
constexpr int kMinDocumentWidth = 24;  // below it the bar shrinks, then goes
constexpr int kScoreWidth = 8;

// `share` of `width` cells as block characters, in eighths of a cell, and blanks.
std::string bar(float share, int width) {
  static constexpr std::array<const char*, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths =
      static_cast<int>(std::lround(std::clamp(share, 0.0F, 1.0F) * static_cast<float>(8 * width)));
  std::string text;
  for (int cell = 0; cell < eighths / 8; ++cell) text += "█";
  text += kEighths[static_cast<std::size_t>(eighths % 8)];
  return text + std::string(static_cast<std::size_t>(width - (eighths + 7) / 8), ' ');
}

struct Layout {
  int rank_width;
  int index_width;
  int bar_width;
  int document_width;
};

Layout layout_of(const Ranking& ranking, int width) {
  const int digits = static_cast<int>(std::to_string(ranking.documents.size()).size());
  Layout layout{std::max(4, digits), std::max(5, digits), kWideBar, 0};
  const int fixed = layout.rank_width + layout.index_width + kScoreWidth + 1 + 2 * 4;
  if (width - fixed - layout.bar_width < 2 * kMinDocumentWidth) layout.bar_width = kNarrowBar;
  if (width - fixed - layout.bar_width < kMinDocumentWidth) layout.bar_width = 0;
  layout.document_width = std::max(1, width - fixed - layout.bar_width);
  return layout;
}

class Painter {
 public:
  explicit Painter(bool colour) : colour_(colour) {}
  std::string faint(const std::string& text) const { return paint("2", text); }
  std::string bold(const std::string& text) const { return paint("1", text); }
  std::string by_score(float score, const std::string& text) const {
    return paint(score >= 0.5F ? "32" : score >= 0.1F ? "33" : "31", text);
  }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
  bool colour_;
};

// Of the bar that a score is shown as. Scores that are not from 0 to 1 are logits, whatever their scale.
float share_of(const Ranking& ranking, float score) {
  const bool are_shares = std::ranges::all_of(
      ranking.scores, [](const DocumentScore& s) { return s.score >= 0 && s.score <= 1; });
  return are_shares ? score : 1 / (1 + std::exp(-score));
}

std::string row(const Ranking& ranking, std::size_t position, const Layout& layout, const Painter& painter) {
  const std::size_t index = ranking.order[position];
  const DocumentScore& score = ranking.scores[index];
  const float share = share_of(ranking, score.score);
  const std::string digits =
      ranking.raw ? fmt::format("{:.4f}", score.logit_difference()) : fmt::format("{:.4f}", score.score);
  return fmt::format("{}  {}{}  {}  {}  {}\n",
                     painter.faint(fmt::format("{:>{}}", position + 1, layout.rank_width)),
                     painter.bold(fmt::format("{:>{}}", digits, kScoreWidth)), score.truncated ? "*" : " ",
                     painter.by_score(share, bar(share, layout.bar_width)),
                     painter.faint(fmt::format("{:>{}}", index, layout.index_width)),
                     clipped(harmless(ranking.documents[index].text), layout.document_width));
}

}  // namespace

std::string as_table(const Ranking& ranking, const TableStyle& style) {
  const Layout layout = layout_of(ranking, style.width);
  const Painter painter(style.colour);
  std::string text =
      painter.faint(fmt::format("{:>{}}  {:>{}}   {:{}}  {:>{}}  {}", "rank", layout.rank_width,
                                ranking.raw ? "logit" : "score", kScoreWidth, "", layout.bar_width, "index",
                                layout.index_width, "document")) +
      "\n";
  for (std::size_t position = 0; position < ranking.order.size(); ++position) {
    text += row(ranking, position, layout, painter);
  }

  const auto num_truncated = std::count_if(ranking.scores.begin(), ranking.scores.end(),
                                           [](const DocumentScore& score) { return score.truncated; });
  if (num_truncated > 0) {
    text +=
        fmt::format("* {} truncated to the model's limit: only the beginning was scored\n",
                    num_truncated == 1 ? "1 document was" : fmt::format("{} documents were", num_truncated));
  }
  const std::string counts =
      ranking.order.size() < ranking.documents.size()
          ? fmt::format("best {} of {} documents", ranking.order.size(), ranking.documents.size())
          : fmt::format("{} document{}", ranking.documents.size(), ranking.documents.size() == 1 ? "" : "s");
  return text + painter.faint(fmt::format("{}, {} tokens", counts, ranking.num_tokens)) + "\n";
}

}  // namespace rerank::cli
