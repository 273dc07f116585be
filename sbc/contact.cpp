#include "sbc/contact.hpp"

#include <algorithm>

namespace postern::sbc {

std::string_view rest_of(const sip::UriView& uri) {
  const std::size_t begin =
      uri.has_user ? static_cast<std::size_t>(uri.user.data() - uri.whole.data()) + uri.user.size() : uri.scheme.size() + 1;
  return uri.whole.substr(begin);
}

bool is_no_sip_uri(std::string_view uri) {
  const std::string_view scheme = uri.substr(0, uri.find(':'));
  return scheme.size() < uri.size() && !sip::iequals(scheme, "sip") && !sip::iequals(scheme, "sips");
}

void append_restored(std::string& out, std::string_view scheme, bool has_user, std::string_view user, std::string_view rest) {
  out.append(scheme).append(":");
  if (has_user) out.append(user);
  out.append(rest);
}

std::string_view without_headers(std::string_view uri) {
  if (uri.find('?') == std::string_view::npos) return uri;
  const auto read = sip::UriView::parse(uri);
  return read ? uri.substr(0, uri.size() - read->headers.size()) : uri;
}

void append_request_uri(std::string& out, std::string_view scheme, bool has_user, std::string_view user, std::string_view rest) {
  const std::size_t begin = out.size();
  append_restored(out, scheme, has_user, user, rest);
  out.resize(begin + without_headers(std::string_view(out).substr(begin)).size());
}

bool append_inward_uri(std::string& out, Tokens& tokens, const sip::UriView& device, const Flow& flow, std::string_view core_address) {
  InwardToken token;
  token.flow = flow;
  token.scheme = device.scheme;
  token.rest = rest_of(device);
  token.has_user = device.has_user;
  out.append("sip:").append(device.user).append("~");
  if (!tokens.seal(token, device.user, out)) return false;
  out.append("@").append(core_address);
  return true;
}

bool append_outward_uri(std::string& out, Tokens& tokens, const sip::UriView& pbx, OutwardToken token, std::string_view public_address) {
  token.scheme = pbx.scheme;
  token.rest = rest_of(pbx);
  token.rest.resize(token.rest.size() - pbx.headers.size());
  token.has_user = pbx.has_user;
  out.append(pbx.user).append("~");
  if (!tokens.seal(token, pbx.user, out)) return false;
  out.append("@").append(public_address);
  return true;
}

std::optional<OpenedInward> open_inward(Tokens& tokens, const sip::UriView& uri) {
  const auto split = split_token(uri.user);
  if (!split) return std::nullopt;
  auto token = tokens.open_inward(split->letters, split->user);
  if (!token) return std::nullopt;
  return OpenedInward{std::move(*token), split->user};
}

std::optional<OpenedInward> open_device(Tokens& tokens, const Registrations& registrations, const sip::UriView& uri) {
  if (auto opened = open_inward(tokens, uri)) return opened;
  const auto split = split_token(uri.user);
  const Binding* binding = split ? registrations.by_core_contact(uri.whole) : nullptr;
  const auto device = binding != nullptr ? sip::UriView::parse(binding->contact_uri) : std::nullopt;
  if (!device) return std::nullopt;
  return OpenedInward{InwardToken{binding->flow, std::string(device->scheme), std::string(rest_of(*device)), device->has_user},
                      split->user};
}

std::optional<OpenedOutward> open_outward(Tokens& tokens, const sip::UriView& uri) {
  const auto split = split_token(uri.user);
  if (!split) return std::nullopt;
  auto token = tokens.open_outward(split->letters, split->user);
  if (!token) return std::nullopt;
  return OpenedOutward{std::move(*token), split->user};
}

void append_unfolded(std::string& out, std::string_view value) {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  out.append(value);
  if (value.find('\n') == std::string_view::npos && value.find('\r') == std::string_view::npos) return;
  std::replace_if(out.begin() + begin, out.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
}

std::string unfolded(std::string_view value) {
  std::string text;
  append_unfolded(text, value);
  return text;
}

}  // namespace postern::sbc
