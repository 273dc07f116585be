#include "acl/options.hpp"

namespace postern::acl {
namespace {

/// The upper-case letter, or 0: the locale must not decide.
char upper_letter(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
  return c >= 'A' && c <= 'Z' ? c : '\0';
}

}  // namespace

std::optional<Country> Country::parse(std::string_view text) {
  if (text == "private") return private_;
  if (text == "unknown") return unknown;
  if (text.size() != 2) return std::nullopt;
  const char first = upper_letter(text[0]);
  const char second = upper_letter(text[1]);
  if (first == '\0' || second == '\0') return std::nullopt;
  return of(first, second);
}

std::string Country::to_string() const {
  if (*this == private_) return "private";
  if (*this == unknown) return "unknown";
  if (code == 0) return {};
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

bool Conditions::empty() const {
  return !source && !country && !asn && !user_agent && !methods && !listener && !transport && !from_user && !to_user && !request_user &&
         !registered;
}

const char* to_string(Action action) {
  switch (action) {
    case Action::allow:
      return "allow";
    case Action::drop:
      return "drop";
    case Action::reject:
      return "reject";
    case Action::ban:
      return "ban";
  }
  return "";
}

}  // namespace postern::acl
