#include "acl/shell_pattern.hpp"

namespace postern::acl {

std::optional<ShellPattern> ShellPattern::compile(std::string_view pattern) {
  ShellPattern result;
  result.accepts_.push_back(0);
  std::uint64_t any = 0;
  for (const char c : pattern) {
    if (c == '*') {
      result.stays_ |= result.end_;
      continue;
    }
    if (result.end_ == std::uint64_t{1} << longest) return std::nullopt;
    if (c == '?') {
      any |= result.end_;
    } else {
      std::uint8_t& slot = result.slots_[static_cast<unsigned char>(c)];
      if (slot == 0) {
        slot = static_cast<std::uint8_t>(result.accepts_.size());
        result.accepts_.push_back(0);
      }
      result.accepts_[slot] |= result.end_;
    }
    result.end_ <<= 1;
  }
  for (std::uint64_t& accepts : result.accepts_) accepts |= any;
  return result;
}

bool ShellPattern::matches(std::string_view text) const {
  std::uint64_t state = 1;
  for (const char c : text) {
    state = ((state & accepts_[slots_[static_cast<unsigned char>(c)]]) << 1) | (state & stays_);
    if (state == 0) return false;
  }
  return (state & end_) != 0;
}

}  // namespace postern::acl
