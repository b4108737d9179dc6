// The table of a safetensors file: every tensor lies in the file, or an Error with words. Read twice: the
// input as a file, and as the header of a file whose data are as long as the first two bytes say.
#include "checkpoint/safetensors.h"

#include <cstring>
#include <string>
#include <vector>

#include "checkpoint/safetensors_header.h"
#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

// Reads the table that our own writer makes of the entries.
void check_written(const std::vector<SafetensorsEntry>& entries) {
  std::vector<TensorInfo> tensors;
  std::size_t data_bytes = 0;
  for (const SafetensorsEntry& entry : entries) {
    tensors.push_back({entry.name, entry.type, entry.shape});
    data_bytes += entry.size_bytes;
  }
  const std::string header = make_safetensors_header(tensors);
  std::vector<std::byte> file(header.size() + data_bytes);
  std::memcpy(file.data(), header.data(), header.size());
  const std::vector<SafetensorsEntry> again = parse_safetensors(file, "f");
  expect(again.size() == entries.size(), "as many tensors are read as were written");
}

void read_table(std::span<const std::byte> file) {
  const MemoryBound bound(500 * file.size() + (std::size_t{256} << 10));
  try {
    const std::vector<SafetensorsEntry> entries = parse_safetensors(file, "f");
    std::size_t end = entries.empty() ? file.size() : entries.front().offset;
    for (const SafetensorsEntry& entry : entries) {
      expect(entry.offset == end, "tensors lie one behind the other");
      std::size_t size_bytes = element_bytes(entry.type);
      for (const std::int64_t dimension : entry.shape) size_bytes *= static_cast<std::size_t>(dimension);
      expect(entry.size_bytes == size_bytes, "a tensor has the size of its shape");
      end += entry.size_bytes;
    }
    expect(end == file.size(), "tensors fill the file");
    check_written(entries);
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
    expect(std::string_view(error.what()).starts_with("f"), "an error names the file");
  }
}

}  // namespace

void run_input(std::string_view input) {
  read_table(std::as_bytes(std::span(input)));
  if (input.size() < 2) return;
  const std::size_t data_bytes = static_cast<unsigned char>(input[0]) +
                                 256 * static_cast<std::size_t>(static_cast<unsigned char>(input[1]) % 16);
  const std::string_view header = input.substr(2);
  std::vector<std::byte> file(8 + header.size() + data_bytes);
  const std::uint64_t header_bytes = header.size();
  std::memcpy(file.data(), &header_bytes, 8);
  if (!header.empty()) std::memcpy(file.data() + 8, header.data(), header.size());
  read_table(file);
}

}  // namespace rerank::fuzz
