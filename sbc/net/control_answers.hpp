// What the control socket answers: the running engine's tables as JSON.
#pragma once

#include <cstddef>
#include <functional>

#include "acl/options.hpp"
#include "sbc/engine.hpp"
#include "sbc/net/control.hpp"
#include "sbc/net/state_record.hpp"

namespace postern::net {

/// Entries of one part: some ten microseconds' work.
inline constexpr std::size_t entries_a_part = 32;

/// Calls `look` with the engine of that worker, which nothing else changes meanwhile. False: there is no such worker.
using LookAtEngine = std::function<bool(std::size_t worker, const std::function<void(sbc::Engine&)>& look)>;

/// As `2026-01-01T12:00:00Z`.
std::string time_text(acl::TimePoint time, const Clocks& clocks);

/// An array of `{"aor", "contact", "source", "transport", "country", "expires", "since"}`: the device's own Contact, times as
/// `2026-01-01T12:00:00Z`, no country (null) without a database. Those of all workers.
AnswerPart registrations_answer(LookAtEngine engines, std::function<acl::Country(const acl::Address&)> country);
/// An array of `{"call_id", "device", "from", "to", "since", "state", "source"}`: `state` is `calling`, `ringing` or `established`.
AnswerPart calls_answer(LookAtEngine engines);

/// An array of `{"address", "account", "cause", "reason", "evidence", "proof", "since", "until"}`: `account` is null for a whole source,
/// `until` for ever; `proof` is `proven` or `unproven`.
AnswerPart bans_answer(LookAtEngine engines);
/// Bans `address` for `for` (seconds; an hour unless written), at all workers by the first. `{"banned": ADDRESS}`, or why not.
AnswerPart ban_answer(const LookAtEngine& engines, const ControlArguments& arguments);
/// Takes back what keeps `address` out, or the block of `account` there. `{"pardoned": N}`, or why not.
AnswerPart pardon_answer(const LookAtEngine& engines, const ControlArguments& arguments);
/// All of it.
AnswerPart pardon_all_answer(const LookAtEngine& engines);

}  // namespace postern::net
