// Text as whoever decodes its escapes reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::sbc {

/// Text with its escapes (RFC 3986 §2.1) decoded, escaped escapes too, and where each letter came from. Costs nothing where there are none.
class PlainText {
 public:
  /// `raw` must outlive it.
  explicit PlainText(std::string_view raw);
  PlainText(const PlainText&) = delete;
  PlainText& operator=(const PlainText&) = delete;

  [[nodiscard]] std::string_view text() const { return escaped_ ? std::string_view{decoded_} : raw_; }
  /// The bytes that stand for [begin, end) of text().
  [[nodiscard]] std::string_view raw(std::size_t begin, std::size_t end) const;
  /// Is any letter of [begin, end) written as an escape?
  [[nodiscard]] bool escapes(std::size_t begin, std::size_t end) const { return raw(begin, end).size() != end - begin; }

 private:
  [[nodiscard]] std::size_t origin(std::size_t at) const { return escaped_ ? origins_[at] : at; }

  std::string_view raw_;
  bool escaped_;
  std::string decoded_;
  std::vector<std::uint32_t> origins_;  ///< one more than letters: the end
};

}  // namespace postern::sbc
