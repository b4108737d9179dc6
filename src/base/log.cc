#include "base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/log_event.h"
#include "base/shown_text.h"
#include "base/utf8.h"

namespace rerank::log {
namespace {

bool as_json = false;
std::atomic<std::int64_t> num_dropped{0};
// Of the event that this thread is writing, for the formatter.
thread_local std::span<const Field> current_fields;

// What no line of a log may hold is escaped as in JSON; quotes only inside quotes.
template <typename Buffer>
void append_escaped(std::string_view text, bool in_quotes, Buffer& out) {
  while (!text.empty()) {
    const auto [code_point, num_bytes] = first_character(text);
    if (code_point < 0) {
      out.append(std::string_view("\xEF\xBF\xBD"));
    } else if (in_quotes && (code_point == '"' || code_point == '\\')) {
      out.push_back('\\');
      out.push_back(text.front());
    } else if (steers_output(code_point)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_point);
    } else {
      out.append(text.substr(0, num_bytes));
    }
    text.remove_prefix(num_bytes);
  }
}

void append_quoted(std::string_view text, fmt::memory_buffer& out) {
  out.push_back('"');
  append_escaped(text, true, out);
  out.push_back('"');
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" =\"\\") != std::string_view::npos;
}

void append_value(const Field& field, fmt::memory_buffer& out) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    if (as_json || needs_quotes(*text)) {
      append_quoted(*text, out);
    } else {
      append_escaped(*text, true, out);
    }
  } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
    fmt::format_to(fmt::appender(out), "{}", *whole);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    fmt::format_to(fmt::appender(out), "{:.3f}", *real);
  } else {
    fmt::format_to(fmt::appender(out), "{}", std::get<bool>(field.value));
  }
}

// {"time":...,"level":...,"message":...,FIELDS}
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    fmt::memory_buffer out;
    const auto since_epoch = message.time.time_since_epoch();
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
    const std::time_t seconds = milliseconds / 1000;
    std::tm parts = {};
    gmtime_r(&seconds, &parts);
    const auto level = spdlog::level::to_string_view(message.level);
    fmt::format_to(fmt::appender(out),
                   R"({{"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","level":"{}","message":)",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                   parts.tm_sec, milliseconds % 1000, std::string_view(level.data(), level.size()));
    append_quoted(std::string_view(message.payload.data(), message.payload.size()), out);
    for (const Field& field : current_fields) {
      out.push_back(',');
      append_quoted(field.name, out);
      out.push_back(':');
      append_value(field, out);
    }
    out.append(std::string_view("}\n"));
    line.append(out.data(), out.data() + out.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

// The library's own lines. Every text in them is escaped here, whoever wrote it: what is escaped already
// stays.
class TextFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    fmt::memory_buffer escaped;
    append_escaped({message.payload.data(), message.payload.size()}, false, escaped);
    spdlog::details::log_msg harmless = message;
    harmless.payload = {escaped.data(), escaped.size()};
    lines_.format(harmless, line);
    message.color_range_start = harmless.color_range_start;
    message.color_range_end = harmless.color_range_end;
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<TextFormatter>(); }

 private:
  spdlog::pattern_formatter lines_;
};

// Stderr, for a program that must go on when nobody reads what it says: lines that would block are dropped
// and counted.
class DroppingSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    // A pipe that is writable takes 4096 bytes at once.
    pollfd target = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&target, 1, 0) != 1 || (target.revents & POLLOUT) == 0) {
      ++num_dropped_;
      ++num_dropped;
      return;
    }
    spdlog::memory_buf_t line;
    if (num_dropped_ > 0) {
      const std::string text =
          fmt::format("{} lines before this one were dropped: nobody read them", num_dropped_);
      num_dropped_ = 0;
      const std::span<const Field> fields = std::exchange(current_fields, {});
      formatter_->format({message.logger_name, spdlog::level::warn, text}, line);
      current_fields = fields;
    }
    formatter_->format(message, line);
    // A full disk must not end the program.
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  }
  void flush_() override {}

 private:
  std::int64_t num_dropped_ = 0;
};

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

spdlog::logger& logger() {
  // Never destroyed: threads may still log while the program ends. Not registered: a program that uses the
  // library may have loggers of its own.
  static auto& instance = []() -> spdlog::logger& {
    auto& made = *new spdlog::logger("rerank", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made.set_formatter(std::make_unique<TextFormatter>());
    return made;
  }();
  return instance;
}

void configure(Level least, Format format) {
  logger().set_level(level_of(least));
  as_json = format == Format::kJson;
  if (isatty(STDERR_FILENO) == 0) logger().sinks() = {std::make_shared<DroppingSink>()};
  if (as_json) {
    logger().set_formatter(std::make_unique<JsonFormatter>());
  } else {
    logger().set_formatter(std::make_unique<TextFormatter>());
  }
}

bool is_enabled(Level level) {
  return logger().should_log(level_of(level));
}

std::int64_t num_dropped_lines() {
  return num_dropped;
}

void event(Level level, std::string_view message, std::span<const Field> fields) {
  if (!is_enabled(level)) return;
  fmt::memory_buffer text;
  if (as_json) {
    text.append(message);  // the formatter escapes it
  } else {
    append_escaped(message, true, text);
    for (const Field& field : fields) {
      fmt::format_to(fmt::appender(text), " {}=", field.name);
      append_value(field, text);
    }
  }
  current_fields = fields;
  logger().log(level_of(level), std::string_view(text.data(), text.size()));
  current_fields = {};
}

}  // namespace rerank::log
