// Our Via branches: deterministic, so that a retransmission, its CANCEL and its ACK get the same one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sbc/flow.hpp"
#include "sbc/mac.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// Names one transaction on both of its sides (RFC 3261 §17.2.3).
using BranchId = Mac128;

/// RFC 3261 §8.1.1.7; the cookie is a token, and those are compared without case (§7.3.1).
bool is_rfc3261_branch(std::string_view branch);

/// From side, source address and port (or connection), sent-by, branch and method (CANCEL and ACK count as INVITE); without the magic
/// cookie (or with nothing behind it) from Request-URI, tags, Call-ID, CSeq number and Via instead. The To tag is left out where the
/// INVITE's transaction is meant: an ACK to a non-2xx has one that the INVITE had not.
BranchId branch_id_of(Mac& mac, const Flow& flow, const sip::RawMessage& request);
/// Of a request of the PBX for a device at `sent_to`: over what an answer of that device brings back (sealed_branch.hpp), its top Via as
/// it stands and the device's address.
BranchId branch_id_of(Mac& mac, const Flow& flow, std::string_view top_via, sip::Method method, std::string_view method_text,
                      const acl::Address& sent_to);

/// Bytes behind the id, at most.
inline constexpr std::size_t longest_sealed = 96;
/// "z9hG4bK", 22 base64url letters and more of them if `sealed` is not empty.
void append_branch(std::string& out, const BranchId& id, std::string_view sealed = {});
/// The id of a branch that looks like ours; nullopt for any other.
std::optional<BranchId> parse_branch(std::string_view branch);
/// Id and what stands behind it, nothing of it verified. nullopt: not one of ours, or only an id.
struct BranchParts {
  BranchId id;
  std::string sealed;
};
std::optional<BranchParts> split_branch(std::string_view branch);

}  // namespace postern::sbc
