#include "sbc/rewrite.hpp"

#include <array>
#include <charconv>

namespace postern::sbc {

std::uint32_t flow_hash_of(State& state, const Flow& flow) {
  const std::uint16_t port = state.options.listeners[flow.listener].bind.port;
  const std::array head{static_cast<char>(flow.transport), static_cast<char>(port >> 8), static_cast<char>(port & 0xff),
                        static_cast<char>(flow.peer.port >> 8), static_cast<char>(flow.peer.port & 0xff)};
  const auto& bytes = flow.peer.address.bytes();
  const std::array<std::string_view, 4> parts{"flow", std::string_view(head.data(), head.size()),
                                              std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
                                              std::string_view(reinterpret_cast<const char*>(&flow.connection), sizeof flow.connection)};
  return static_cast<std::uint32_t>(state.mac.of(parts).low);
}

std::uint64_t dialog_key_of(Mac& mac, std::string_view call_id, std::string_view core_tag) {
  const std::array<std::string_view, 3> parts{"dialog", call_id, core_tag};
  return mac.of(parts).low;
}

void replace_or_remove(const sip::HeaderLine& header, std::string_view text, sip::Editor& editor) {
  if (text.empty()) {
    editor.remove(header);
  } else {
    editor.replace(header.value, unfolded(text));
  }
}

void decrement_max_forwards(const sip::RawMessage& message, sip::Editor& editor) {
  const sip::HeaderLine* header = message.find(sip::HeaderName::max_forwards);
  if (header == nullptr) {
    editor.append("Max-Forwards", "70");
    return;
  }
  const std::string_view text = message.text(header->value);
  unsigned hops = 70;
  std::from_chars(text.data(), text.data() + text.size(), hops);
  editor.replace(header->value, std::to_string(hops - 1));
}

bool is_our_route(const Names& names, const sip::UriView& uri) { return !uri.has_user && names.is_core_address(uri.host, uri.port); }

std::optional<sip::UriView> route_uri(std::string_view element) {
  const auto address = sip::NameAddrView::parse(element);
  return address ? sip::UriView::parse(address->uri) : std::nullopt;
}

bool is_strict(std::string_view element) {
  const auto uri = route_uri(element);
  return uri && !uri->param("lr");
}

void append_as_request_uri(std::string& out, std::string_view element) {
  if (const auto uri = route_uri(element)) out.append(without_headers(uri->whole));
}

}  // namespace postern::sbc
