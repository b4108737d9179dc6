// A character map as SentencePiece's, made of a few entries: what "precompiled_charsmap" of a tokenizer.json
// holds. For tests only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace rerank {

// Keys and what each becomes, to base64. A byte of a key takes 1 KiB: every node of the double array has
// units of its own.
inline std::string character_map(const std::map<std::string, std::string>& entries) {
  struct Node {
    std::map<unsigned char, std::uint32_t> children;
    const std::string* text = nullptr;
  };
  std::map<std::uint32_t, Node> nodes = {{0, {}}};
  for (const auto& [key, text] : entries) {
    std::uint32_t node = 0;
    for (const char byte : key) {
      std::uint32_t& child = nodes[node].children[static_cast<unsigned char>(byte)];
      if (child == 0) child = static_cast<std::uint32_t>(nodes.size());
      node = child;
      nodes[node];
    }
    nodes[node].text = &text;
  }
  std::string units(4 * 256 * (nodes.size() + 1), '\0');
  std::string texts;
  const auto set = [&units](std::uint32_t at, std::uint32_t unit) {
    for (int i = 0; i < 4; ++i)
      units[4 * at + static_cast<std::uint32_t>(i)] = static_cast<char>(unit >> (8 * i));
  };
  const auto base_of = [](std::uint32_t node) { return 256 * (node + 1); };
  const auto place = [&](std::uint32_t node, std::uint32_t at, std::uint32_t label) {
    const Node& own = nodes[node];
    set(at, (at ^ base_of(node)) << 10 | label | (own.text != nullptr ? 1u << 8 : 0u));
    if (own.text == nullptr) return;
    set(base_of(node), 1u << 31 | static_cast<std::uint32_t>(texts.size()));
    texts += *own.text + '\0';
  };
  place(0, 0, 0);
  for (const auto& [node, own] : nodes) {
    for (const auto& [byte, child] : own.children) place(child, base_of(node) ^ byte, byte);
  }
  std::string blob(4, '\0');
  for (int i = 0; i < 4; ++i) blob[static_cast<std::size_t>(i)] = static_cast<char>(units.size() >> (8 * i));
  blob += units + texts;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string base64;
  for (std::size_t i = 0; i < blob.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = i; k < i + 3; ++k)
      bits = bits << 8 | (k < blob.size() ? static_cast<unsigned char>(blob[k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      base64 += i + k > blob.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
  }
  return base64;
}

}  // namespace rerank
