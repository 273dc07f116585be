#include "sip/dialled.hpp"

#include "sip/uri.hpp"

namespace postern::sip {
namespace {

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

std::string_view dialled_user(std::string_view request_uri, std::span<char> buffer) {
  constexpr std::string_view tel = "tel:";
  if (begins_with(request_uri, tel)) return canonical_user(request_uri.substr(tel.size()), buffer);
  const auto uri = UriView::parse(request_uri);
  return uri ? canonical_user(uri->user, buffer) : std::string_view();
}

}  // namespace

std::string_view dialled_number(std::string_view request_uri, std::span<char> buffer) {
  std::size_t size = 0;
  // What is in the buffer already moves toward its beginning.
  for (const char c : dialled_user(request_uri, buffer)) {
    if (std::string_view("-.() ").find(c) == std::string_view::npos) buffer[size++] = c;
  }
  return {buffer.data(), size};
}

bool is_sos_urn(std::string_view request_uri) {
  constexpr std::string_view sos = "urn:service:sos";
  if (!begins_with(request_uri, sos)) return false;
  return request_uri.size() == sos.size() || request_uri[sos.size()] == '.';
}

}  // namespace postern::sip
