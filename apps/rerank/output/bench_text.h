// Results of `rerank bench` as text for a terminal or a page of Markdown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/report/bench_result.h"
#include "load/report/comparison.h"

namespace rerank::cli {

// Cells in columns: aligned with blanks, or as a table of Markdown.
class TextTable {
 public:
  TextTable(std::vector<std::string> header, std::vector<std::size_t> widths, bool is_markdown);

  // Each ends its line. The first column is of text, the others are of numbers.
  std::string header() const;
  std::string row(const std::vector<std::string>& cells) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::size_t> widths_;
  bool is_markdown_;
};

// The table of a sweep, a row for each point.
TextTable sweep_table(const load::FigureOptions& options, bool is_markdown);
std::vector<std::string> sweep_row(const load::Point& point);
// One point in full, labelled as vLLM's benchmark labels the same figures.
std::string point_text(const load::Point& point);
// What a reader must know to trust the figures: failures, a late generator, an end before its time. Whole
// lines.
std::string remarks(const load::Point& point, bool is_offline, int num_threads);

std::string comparison_text(const load::Comparison& comparison, std::string_view first,
                            std::string_view second, bool is_markdown);

// With three digits that count: "0.0123", "1.23", "123", "12345".
std::string short_number(double number);

}  // namespace rerank::cli
