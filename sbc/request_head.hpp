// The header section of a request that was let in, read again for its answers: what they repeat or are made by.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sip/header_name.hpp"

namespace postern::sbc {

/// Of names of headers, in any case.
class FirstLetters {
 public:
  explicit constexpr FirstLetters(std::string_view small_letters) {
    for (const char letter : small_letters) wanted_ |= 1U << (static_cast<unsigned>(letter) % 32);
  }
  /// Of a character that is no letter it may be wrong.
  [[nodiscard]] constexpr bool has(char letter) const { return (wanted_ >> (static_cast<unsigned>(letter) % 32) & 1U) != 0; }

 private:
  std::uint32_t wanted_ = 0;
};

/// Cheaper than another prescreen: no rule is left to check.
class RequestHead {
 public:
  struct Field {
    sip::HeaderName name = sip::HeaderName::unknown;
    std::string_view value;  ///< without the white space around it; folds are inside as they came
  };
  /// Via, Record-Route, From, To, Call-ID (i), CSeq, Require, Proxy-Require: what answers repeat or are made by.
  static constexpr FirstLetters of_answers{"vrftcip"};

  /// Fields whose names begin with one of these letters. `head` passed the prescreen; the fields are views into it.
  void read(std::string_view head, const FirstLetters& letters = of_answers);
  [[nodiscard]] std::span<const Field> fields() const { return fields_; }
  /// The first field of that name; empty: there is none.
  [[nodiscard]] std::string_view value_of(sip::HeaderName name) const;

 private:
  std::vector<Field> fields_;
};

}  // namespace postern::sbc
