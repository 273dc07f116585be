#include "sip/method.hpp"

#include <array>

#include "sip/uri.hpp"

namespace postern::sip {
namespace {

constexpr std::array<std::string_view, method_count> method_names{"ACK",     "BYE",      "CANCEL",    "INFO",   "INVITE",
                                                                  "MESSAGE", "NOTIFY",   "OPTIONS",   "PRACK",  "PUBLISH",
                                                                  "REFER",   "REGISTER", "SUBSCRIBE", "UPDATE", "other"};

Method candidate(std::string_view token) {
  switch (token.front()) {
    case 'A':
      return Method::ack;
    case 'B':
      return Method::bye;
    case 'C':
      return Method::cancel;
    case 'I':
      return token.size() == 4 ? Method::info : Method::invite;
    case 'M':
      return Method::message;
    case 'N':
      return Method::notify;
    case 'O':
      return Method::options;
    case 'P':
      return token.size() == 5 ? Method::prack : Method::publish;
    case 'R':
      return token.size() == 5 ? Method::refer : Method::register_;
    case 'S':
      return Method::subscribe;
    case 'U':
      return Method::update;
    default:
      return Method::other;
  }
}

/// sofia-sip looks for the end of an unknown method only behind as many characters as the last known one with that first letter has.
std::size_t parser_skips(char first) {
  switch (first) {
    case 'A':
    case 'B':
      return 3;
    case 'I':
      return 4;
    case 'R':
      return 5;
    case 'C':
    case 'N':
    case 'U':
      return 6;
    case 'M':
    case 'O':
    case 'P':
      return 7;
    case 'S':
      return 9;
    default:
      return 0;
  }
}

/// Known servers read a method without case, or by its first letters (pjsip does both): "register" and "INVIT" must not pass as methods
/// that no rule names. RFC 3261 §7.1 makes them unknown methods, so nobody honest sends them.
bool resembles_known(std::string_view token) {
  for (std::size_t i = 0; i + 1 < method_count; ++i) {
    if (token.size() <= method_names[i].size() && iequals(token, method_names[i].substr(0, token.size()))) return true;
  }
  return false;
}

}  // namespace

Method method_of(std::string_view token) {
  if (token.empty()) return Method::other;
  const Method method = candidate(token);
  return method != Method::other && token == method_names[static_cast<std::size_t>(method)] ? method : Method::other;
}

std::string_view to_string(Method method) { return method_names[static_cast<std::size_t>(method)]; }

bool parser_takes_method(std::string_view token) {
  if (token.empty()) return false;
  if (method_of(token) != Method::other) return true;
  return token.size() >= parser_skips(token.front()) && token.find_first_of("+`") == std::string_view::npos && !resembles_known(token);
}

}  // namespace postern::sip
