#include "sbc/token_codec.hpp"

#include <algorithm>

#include "sbc/bytes.hpp"

namespace postern::sbc::token_codec {
namespace {

// The first byte: the version of the format in its upper three bits, what is there in the others.
constexpr unsigned version = 2U << 5U;
constexpr unsigned version_mask = 7U << 5U;
constexpr unsigned in_table = 1U << 0U;
constexpr unsigned has_user = 1U << 1U;
constexpr unsigned has_scheme = 1U << 2U;  // another than "sip"
constexpr unsigned has_routes = 1U << 3U;
constexpr unsigned at_pbx = 1U << 4U;  // `rest` begins with the PBX's address

// The second byte of an inward token: the transport in its lower three bits.
constexpr unsigned transport_mask = 7;
constexpr unsigned peer_is_v4 = 1U << 3U;
constexpr unsigned local_is_v4 = 1U << 4U;
constexpr unsigned has_connection = 1U << 5U;

constexpr std::string_view usual_scheme = "sip";

/// The flags of a content of our version that does not stand in a table.
std::optional<std::uint8_t> take_flags(ByteReader& reader) {
  const auto first = reader.number<std::uint8_t>();
  if ((first & version_mask) != version || (first & in_table) != 0) return std::nullopt;
  return first;
}

unsigned common_flags(std::string_view scheme, bool user) { return (user ? has_user : 0U) | (scheme == usual_scheme ? 0U : has_scheme); }

// With a user `rest` begins with "@" (or a password, and then it is written out).
std::string pbx_prefix(const PbxAddress& pbx, bool user) { return (user ? "@" : "") + pbx.host_port; }

}  // namespace

bool encode(const InwardToken& token, std::span<const ListenerAddress> listeners, std::string& out) {
  const Flow& flow = token.flow;
  if (flow.listener >= listeners.size()) return false;
  put_byte(out, version | common_flags(token.scheme, token.has_user));
  put_byte(out, static_cast<unsigned>(flow.transport) | (flow.peer.address.is_v4() ? peer_is_v4 : 0U) |
                    (flow.local.is_v4() ? local_is_v4 : 0U) | (flow.connection == 0 ? 0U : has_connection));
  put_number(out, listeners[flow.listener].bind.port);
  put_number(out, flow.peer.port);
  put_address(out, flow.peer.address);
  put_address(out, flow.local);
  if (flow.connection != 0) put_number(out, flow.connection);
  if (token.scheme != usual_scheme) put_text(out, token.scheme);
  out += token.rest;
  return true;
}

bool encode(const OutwardToken& token, std::span<const PbxAddress> pbx, std::string& out) {
  if (token.pbx >= pbx.size()) return false;
  const PbxAddress& address = pbx[token.pbx];
  const std::string prefix = pbx_prefix(address, token.has_user);
  const bool begins_with_pbx = token.rest.starts_with(prefix);
  put_byte(out, version | common_flags(token.scheme, token.has_user) | (begins_with_pbx ? at_pbx : 0U) |
                    (token.routes.empty() ? 0U : has_routes));
  put_number(out, address.id);
  put_number(out, token.flow_hash);
  put_number(out, token.dialog_hash);
  if (token.scheme != usual_scheme) put_text(out, token.scheme);
  if (!token.routes.empty()) {
    put_size(out, token.routes.size());
    for (const std::string& route : token.routes) put_text(out, route);
  }
  out += std::string_view(token.rest).substr(begins_with_pbx ? prefix.size() : 0);
  return true;
}

void encode_table_key(std::uint64_t key, std::string& out) {
  put_byte(out, version | in_table);
  put_number(out, key);
}

std::optional<InwardToken> decode_inward(std::string_view content, std::span<const ListenerAddress> listeners) {
  ByteReader reader(content);
  const auto flags = take_flags(reader);
  if (!flags) return std::nullopt;
  InwardToken token;
  token.has_user = (*flags & has_user) != 0;
  const auto how = reader.number<std::uint8_t>();
  if ((how & transport_mask) > static_cast<unsigned>(Transport::wss)) return std::nullopt;
  token.flow.side = Side::access;
  token.flow.transport = static_cast<Transport>(how & transport_mask);
  const auto port = reader.number<std::uint16_t>();
  token.flow.peer.port = reader.number<std::uint16_t>();
  token.flow.peer.address = reader.address((how & peer_is_v4) != 0);
  token.flow.local = reader.address((how & local_is_v4) != 0);
  token.flow.listener = listener_at(listeners, token.flow.transport, {token.flow.local, port});
  if ((how & has_connection) != 0) token.flow.connection = reader.number<std::uint64_t>();
  token.scheme = (*flags & has_scheme) != 0 ? reader.text() : usual_scheme;
  token.rest = reader.take_all();
  if (!reader.ok()) return std::nullopt;
  return token;
}

std::optional<OutwardToken> decode_outward(std::string_view content, std::span<const PbxAddress> pbx) {
  ByteReader reader(content);
  const auto flags = take_flags(reader);
  if (!flags) return std::nullopt;
  OutwardToken token;
  token.has_user = (*flags & has_user) != 0;
  const auto id = reader.number<std::uint32_t>();
  const auto address = std::find_if(pbx.begin(), pbx.end(), [id](const PbxAddress& known) { return known.id == id; });
  if (address == pbx.end()) return std::nullopt;
  token.pbx = static_cast<std::uint8_t>(address - pbx.begin());
  token.flow_hash = reader.number<std::uint32_t>();
  token.dialog_hash = reader.number<std::uint32_t>();
  token.scheme = (*flags & has_scheme) != 0 ? reader.text() : usual_scheme;
  if ((*flags & has_routes) != 0) {
    for (std::size_t left = reader.size(); left > 0 && reader.ok(); --left) token.routes.emplace_back(reader.text());
  }
  if ((*flags & at_pbx) != 0) token.rest = pbx_prefix(*address, token.has_user);
  token.rest += reader.take_all();
  if (!reader.ok()) return std::nullopt;
  return token;
}

std::optional<std::uint64_t> decode_table_key(std::string_view content) {
  ByteReader reader(content);
  if (reader.number<std::uint8_t>() != (version | in_table) || content.size() != 1 + sizeof(std::uint64_t)) return std::nullopt;
  return reader.number<std::uint64_t>();
}

}  // namespace postern::sbc::token_codec
