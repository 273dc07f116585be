#include "sip/dialled.hpp"

#include <algorithm>

#include "sip/uri.hpp"

namespace postern::sip {
namespace {

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

}  // namespace

std::string_view dialled_user(std::string_view uri) {
  constexpr std::string_view tel = "tel:";
  if (begins_with(uri, tel)) return uri.substr(tel.size(), uri.find('?') - tel.size());
  const auto view = UriView::parse(uri);
  return view ? view->user : std::string_view();
}

std::string_view dialled_number_of(std::string_view user, std::span<char> buffer) {
  const std::string_view canonical = canonical_user(user, buffer);
  if (canonical.size() == buffer.size()) return {};  // there may have been more of it
  std::size_t size = 0;
  // What is in the buffer already moves toward its beginning.
  for (const char c : canonical) {
    if (std::string_view("-.() ").find(c) == std::string_view::npos) buffer[size++] = c;
  }
  return {buffer.data(), size};
}

std::string_view dialled_number(std::string_view uri, std::span<char> buffer) { return dialled_number_of(dialled_user(uri), buffer); }

std::string_view number_dialled_by(std::string_view request, std::span<char> buffer) {
  std::string_view line = request.substr(0, request.find("\r\n"));
  line.remove_prefix(std::min(line.find(' '), line.size()));
  if (!line.empty()) line.remove_prefix(1);
  return dialled_number(line.substr(0, line.find(' ')), buffer);
}

bool is_sos_urn(std::string_view request_uri) {
  constexpr std::string_view sos = "urn:service:sos";
  if (!begins_with(request_uri, sos)) return false;
  return request_uri.size() == sos.size() || request_uri[sos.size()] == '.';
}

}  // namespace postern::sip
