#include "sip/user.hpp"

#include <algorithm>

namespace postern::sip {

bool is_uri_user(std::string_view text) {
  static constexpr std::string_view marks = "-_.!~*'()%&=+$,;?/";
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
  });
}

}  // namespace postern::sip
