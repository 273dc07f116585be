#include "sbc/durable.hpp"

#include <algorithm>
#include <utility>

#include "sbc/state.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t places_a_retelling = 16'384;
constexpr std::size_t bindings_a_retelling = 1024;

}  // namespace

void restore_durable(State& state, DurableState kept, TimePoint now) {
  // Of an AOR's bindings the newest stands last. None counts as silent for the time that nobody listened.
  std::ranges::sort(kept.bindings, {}, &Binding::last_heard);
  for (Binding& binding : kept.bindings) {
    if (binding.expires <= now) continue;
    binding.last_heard = now;
    state.sources.touch(binding.flow.peer.address, now).prolong_known(binding.expires);
    state.registrations.accept(binding);
    state.tell_registered(binding);
  }
  for (const DurableBan& ban : kept.bans) {
    const auto cause = static_cast<std::uint32_t>(ban.cause);
    state.bans.add(ban.source, acl::Proof::proven, ban.until - now, cause, now);
    state.tell_fellows(BanNote{ban.source, ban.until, cause});
  }
  for (const DurableTrust& trust : kept.trust) {
    if (trust.until > now) state.sources.touch(trust.source, now).prolong_known(trust.until);
  }
  for (const TokenContent& content : kept.contents) state.tokens.restore(content);
}

void tell_durable(State& state, DurableSink& sink) {
  state.durable = &sink;
  state.registrations.tell(sink);
  state.tokens.tell(sink);
  state.bans.tell_proven([&state, &sink](const acl::Address& source, const acl::Ban& ban) {
    // Of what has lapsed meanwhile too: no time passes here.
    const bool strangers_only = state.registrations.devices_at(source, TimePoint::min()) == 0;
    sink.keep(DurableBan{source, ban.until, static_cast<Outcome>(ban.cause), strangers_only});
  });
}

void retell_durable(const State& state, RetellCursor& cursor, TimePoint now) {
  using Stage = RetellCursor::Stage;
  if (state.durable == nullptr) cursor.stage = Stage::done;
  const auto next_stage_after = [&cursor](std::size_t place, Stage next) {
    cursor.place = place;
    if (place == 0) cursor.stage = next;
  };
  switch (cursor.stage) {
    case Stage::contents:
      state.tokens.retell();
      cursor.stage = Stage::bans;
      break;
    case Stage::bans:
      next_stage_after(state.bans.retell_proven(cursor.place, places_a_retelling, now), Stage::trust);
      break;
    case Stage::trust:
      next_stage_after(state.sources.each_known(cursor.place, places_a_retelling, now,
                                                [&](const acl::Address& source, const acl::Source& known) {
                                                  state.durable->keep(DurableTrust{source, known.known_until()}, Urgency::may_wait);
                                                }),
                       Stage::bindings);
      break;
    case Stage::bindings:
      if (const auto last = state.registrations.retell(cursor.expires, bindings_a_retelling)) {
        cursor.expires = *last;
      } else {
        cursor.stage = Stage::done;
      }
      break;
    case Stage::done:
      break;
  }
}

}  // namespace postern::sbc
