// What the control socket tells `postern audit`: what only the daemon has seen.
#pragma once

#include "sbc/net/control.hpp"
#include "sbc/net/control_answers.hpp"

namespace postern::net {

/// An object: `not_tried` (the registered users none of whose digests was looked at since the start, in an array; one with several
/// registrations may be there several times), `weak_passwords` (an array of `{"account", "kind", "since"}`), `accounts_tried` (how many
/// were looked at), `not_hidden` (counts, by where), `shown` (messages that went to the access side), `not_pbx` (packets of strangers to
/// the core port), `pbx` (an array of `{"address", "up"}`), `probably_banned`, `logins_survived` (PbxStanding), `public_source_seen`.
/// Counts begin anew with each reload, so that a remedy shows.
AnswerPart audit_answer(LookAtEngine engines, sbc::Shared& shared);

}  // namespace postern::net
