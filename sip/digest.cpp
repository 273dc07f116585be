#include "sip/digest.hpp"

#include <array>
#include <utility>

#include "sip/chars.hpp"
#include "sip/uri.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr string_view scheme = "Digest";

struct AuthParam {
  string_view whole, name, value;
  bool escaped = false;
};

bool is_end_of_value(char c) { return c == ',' || c == '"' || chars::is(c, chars::blank); }

// A quoted string or a run of characters off `rest`. Devices write more than tokens without quotes.
bool take_value(string_view& rest, AuthParam& out) {
  std::size_t end = 0;
  if (!rest.empty() && rest.front() == '"') {
    end = chars::past_quoted(rest, 0);
    if (end == string_view::npos) return false;
    out.value = rest.substr(1, end - 2);
    out.escaped = out.value.find('\\') != string_view::npos;
  } else {
    while (end < rest.size() && !is_end_of_value(rest[end])) ++end;
    out.value = rest.substr(0, end);
    out.escaped = false;
  }
  rest.remove_prefix(end);
  return true;
}

// The next name=value off `rest`, with the comma before it. False: none is left, or (`rest` not empty) it is no list.
bool take_param(string_view& rest, AuthParam& out) {
  rest = chars::skip_blank(rest);
  while (!rest.empty() && rest.front() == ',') rest = chars::skip_blank(rest.substr(1));
  const string_view begin = rest;
  std::size_t size = 0;
  while (size < rest.size() && chars::is(rest[size], chars::token)) ++size;
  out.name = rest.substr(0, size);
  string_view after = chars::skip_blank(rest.substr(size));
  if (size == 0 || after.empty() || after.front() != '=') return false;
  after = chars::skip_blank(after.substr(1));
  if (!take_value(after, out)) return false;
  out.whole = begin.substr(0, begin.size() - after.size());
  rest = chars::skip_blank(after);
  return rest.empty() || rest.front() == ',';
}

}  // namespace

std::optional<DigestView> DigestView::parse(string_view value) {
  string_view rest = chars::trim(value);
  if (rest.size() <= scheme.size() || !iequals(rest.substr(0, scheme.size()), scheme) || !chars::is(rest[scheme.size()], chars::blank))
    return std::nullopt;
  rest.remove_prefix(scheme.size());
  DigestView view;
  const std::array<std::pair<string_view, string_view*>, 5> known{
      {{"username", &view.username}, {"realm", &view.realm}, {"nonce", &view.nonce}, {"response", &view.response}, {"stale", &view.stale}}};
  AuthParam param;
  unsigned seen = 0;
  while (take_param(rest, param)) {
    view.last_param = param.whole;
    if (iequals(param.name, "opaque")) {
      if (view.opaque || param.escaped) return std::nullopt;
      view.opaque = param.value;
      view.opaque_param = param.whole;
    }
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (!iequals(param.name, known[i].first)) continue;
      // A user name may hold a quote; what is compared here must not be spelled in two ways.
      if ((seen & (1U << i)) != 0 || (param.escaped && i > 1)) return std::nullopt;
      seen |= 1U << i;
      *known[i].second = param.value;
      if (known[i].second == &view.stale) view.stale_param = param.whole;
    }
  }
  if (!rest.empty() || view.last_param.empty()) return std::nullopt;
  return view;
}

bool looks_like_digest(string_view value) {
  value = chars::skip_blank(value);
  return value.size() >= scheme.size() && iequals(value.substr(0, scheme.size()), scheme);
}

}  // namespace postern::sip
