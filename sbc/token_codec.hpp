// How the content of a token stands in bytes, before it is sealed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sbc/listeners.hpp"
#include "sbc/tokens.hpp"

namespace postern::sbc::token_codec {

/// One address of the PBX. Tokens name it by `id`, so that they outlive a change of the list.
struct PbxAddress {
  std::uint32_t id = 0;
  std::string host_port;  ///< as it stands in a URI
};

/// Appends the content. A flow is named by our own address and port, so that tokens outlive a change of the listeners' order or names.
/// False, and nothing appended: token.flow.listener is none of `listeners`.
[[nodiscard]] bool encode(const InwardToken& token, std::span<const ListenerAddress> listeners, std::string& out);
/// False, and nothing appended: token.pbx is none of `pbx`.
[[nodiscard]] bool encode(const OutwardToken& token, std::span<const PbxAddress> pbx, std::string& out);
/// In the place of a content that stands in a table: its key there.
void encode_table_key(std::uint64_t key, std::string& out);

/// nullopt: not such a content (of another version, or it names an address that the PBX no longer has).
/// The flow's listener is no_listener where none is open at its address any more.
std::optional<InwardToken> decode_inward(std::string_view content, std::span<const ListenerAddress> listeners);
std::optional<OutwardToken> decode_outward(std::string_view content, std::span<const PbxAddress> pbx);
std::optional<std::uint64_t> decode_table_key(std::string_view content);

}  // namespace postern::sbc::token_codec
