// The header section of a request that was let in, read again for its answers: what they repeat or are made by.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sip/header_name.hpp"

namespace postern::sbc {

/// Cheaper than another prescreen: no rule is left to check.
class RequestHead {
 public:
  struct Field {
    sip::HeaderName name = sip::HeaderName::unknown;
    std::string_view value;  ///< without the white space around it; folds are inside as they came
  };
  /// First letters of Via, Record-Route, From, To, Call-ID (i), CSeq, Require, Proxy-Require: what answers repeat or are made by.
  static constexpr std::string_view of_answers = "vrftciVRFTCIpP";

  /// Fields whose names begin with one of these letters. `head` passed the prescreen; the fields are views into it.
  void read(std::string_view head, std::string_view letters = of_answers);
  [[nodiscard]] std::span<const Field> fields() const { return fields_; }
  /// The first field of that name; empty: there is none.
  [[nodiscard]] std::string_view value_of(sip::HeaderName name) const;

 private:
  std::vector<Field> fields_;
};

}  // namespace postern::sbc
