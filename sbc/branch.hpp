// Our Via branches: deterministic, so that a retransmission, its CANCEL and its ACK get the same one.
#pragma once

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

/// From side, source address and port (or connection), sent-by, branch and method (CANCEL and ACK count as INVITE); without the magic
/// cookie (or with nothing behind it) from Request-URI, tags, Call-ID, CSeq number and Via instead. The To tag is left out where the
/// INVITE's transaction is meant: an ACK to a non-2xx has one that the INVITE had not.
BranchId branch_id_of(Mac& mac, const Flow& flow, const sip::RawMessage& request);

/// "z9hG4bK" and 22 base64url letters.
void append_branch(std::string& out, const BranchId& id);
/// The id of a branch that looks like ours; nullopt for any other.
std::optional<BranchId> parse_branch(std::string_view branch);

}  // namespace postern::sbc
