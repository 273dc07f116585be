#include "sip/digest.hpp"

#include <array>
#include <span>
#include <utility>

#include "sip/chars.hpp"
#include "sip/uri.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr string_view scheme = "Digest";

struct AuthParam {
  string_view whole, name, value;
};

// Readers differ in escapes: one takes \" for a quote, another for the end of the string, and what stands behind it for parameters. So no
// value may hold one, no name a "%", and what stands without quotes nothing but what devices write there.
bool is_name(char c) { return chars::is(c, chars::alphanum) || c == '-' || c == '_'; }
bool is_bare(char c) { return is_name(c) || string_view(".!*+~:/@;=?&%$#|").find(c) != string_view::npos; }

// A quoted string or a run of characters off `rest`.
bool take_value(string_view& rest, AuthParam& out) {
  std::size_t end = 0;
  if (!rest.empty() && rest.front() == '"') {
    const std::size_t close = rest.find('"', 1);
    if (close == string_view::npos) return false;
    end = close + 1;
    out.value = rest.substr(1, close - 1);
    if (out.value.find('\\') != string_view::npos) return false;
  } else {
    while (end < rest.size() && is_bare(rest[end])) ++end;
    out.value = rest.substr(0, end);
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
  while (size < rest.size() && is_name(rest[size])) ++size;
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

namespace {

using Named = std::pair<string_view, string_view*>;

/// Nothing hangs on these but how a password is told: of a device that writes one twice the first counts.
void keep_first(std::span<const Named> names, const AuthParam& param) {
  for (const auto& [name, kept] : names) {
    if (kept->empty() && iequals(param.name, name)) *kept = param.value;
  }
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
  const std::array<Named, 5> more{
      {{"algorithm", &view.algorithm}, {"uri", &view.uri}, {"qop", &view.qop}, {"nc", &view.nc}, {"cnonce", &view.cnonce}}};
  AuthParam param;
  unsigned seen = 0;
  while (take_param(rest, param)) {
    view.last_param = param.whole;
    if (iequals(param.name, "opaque")) {
      if (view.opaque) return std::nullopt;
      view.opaque = param.value;
      view.opaque_param = param.whole;
    }
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (!iequals(param.name, known[i].first)) continue;
      if ((seen & (1U << i)) != 0) return std::nullopt;
      seen |= 1U << i;
      *known[i].second = param.value;
      if (known[i].second == &view.stale) view.stale_param = param.whole;
    }
    keep_first(more, param);
  }
  if (!rest.empty() || view.last_param.empty()) return std::nullopt;
  return view;
}

bool looks_like_digest(string_view value) {
  value = chars::skip_blank(value);
  return value.size() >= scheme.size() && iequals(value.substr(0, scheme.size()), scheme);
}

}  // namespace postern::sip
