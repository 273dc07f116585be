// Buffers of texts that come and go by the thousand, used again while they are still in the processor's caches.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::sbc {

/// What was given back last is given out first. Buffers come in sizes, so that one fits the next text; those of long texts (a body) are not
/// kept.
class TextPool {
 public:
  /// The longest text whose buffer is used again.
  static constexpr std::size_t longest = 2047;

  /// `limit`: most bytes that wait for their next use.
  explicit TextPool(std::size_t limit) : limit_(limit) {}

  /// The bytes of the buffer that a text of this size gets; 0: it needs none.
  static std::size_t room_for(std::size_t size);
  /// The bytes of the buffer that a text has.
  static std::size_t bytes_of(const std::string& text);

  /// `text`, which has no buffer (take_back() has it), becomes a copy of `value`.
  void fill(std::string& text, std::string_view value);
  /// `text` becomes empty and has no buffer any more.
  void take_back(std::string& text);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t step = 256;  // with the octet at its end, as the C library's allocator likes it
  static constexpr std::size_t sizes = (longest + 1) / step;

  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::array<std::vector<std::string>, sizes> spare_;
};

}  // namespace postern::sbc
