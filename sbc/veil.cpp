#include "sbc/veil.hpp"

#include <algorithm>

#include "sbc/base64url.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t longest_user = 128;
// What may stand before a user in free text; most of it may stand in a user as well.
constexpr std::string_view delimiters = " \t\r\n<>\"':@/,;=?&()[]{}|";
constexpr std::string_view user_delimiters = " \t\r\n<>\":";

}  // namespace

void Veil::append(std::string& out, std::string_view text, const Flow& access) {
  auto token = find_token(text, 0);
  if (!token) {
    names_.append_hidden(out, text, access);
    return;
  }
  std::string bare;
  std::size_t done = 0;
  for (; token; token = find_token(text, done)) {
    bare.append(text.substr(done, token->begin - done));
    done = token->end;
  }
  bare.append(text.substr(done));
  names_.append_hidden(out, bare, access);
}

std::optional<Veil::Place> Veil::find_token(std::string_view text, std::size_t from) {
  for (std::size_t at = from; (at = text.find('~', at)) != std::string_view::npos; ++at) {
    std::size_t end = at + 1;
    while (end < text.size() && is_base64url(text[end])) ++end;
    const std::string_view letters = text.substr(at + 1, end - at - 1);
    if (letters.size() < Tokens::min_letters || letters.size() > Tokens::inward_letters) continue;
    const std::string_view before = text.substr(at - std::min(at, longest_user + 1), std::min(at, longest_user + 1));
    if (opens(before, letters, delimiters) || opens(before, letters, user_delimiters)) return Place{at, end};
  }
  return std::nullopt;
}

// A token opens with its user alone.
bool Veil::opens(std::string_view before, std::string_view letters, std::string_view ends) {
  const std::size_t end = before.find_last_of(ends);
  const std::string_view user = before.substr(end == std::string_view::npos ? 0 : end + 1);
  return tokens_.open_inward(letters, user).has_value();
}

}  // namespace postern::sbc
