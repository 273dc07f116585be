#include "sbc/durable.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sbc/state.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t places_a_retelling = 16'384;
constexpr std::size_t bindings_a_retelling = 1024;

template <class Record, class SourceOf>
std::vector<Record> those_of(const std::vector<Record>& records, const std::function<bool(const acl::Address&)>& is_its,
                             SourceOf source_of) {
  std::vector<Record> its;
  std::ranges::copy_if(records, std::back_inserter(its), [&](const Record& record) { return is_its(source_of(record)); });
  return its;
}

}  // namespace

DurableState part_of(const DurableState& kept, const std::function<bool(const acl::Address& source)>& is_its) {
  const auto its = [](const auto& record) { return record.source; };
  return {.bindings = those_of(kept.bindings, is_its, [](const Binding& binding) { return binding.flow.peer.address; }),
          .bans = those_of(kept.bans, is_its, its),
          .blocks = those_of(kept.blocks, is_its, its),
          .offences = those_of(kept.offences, is_its, its),
          .acceptances = kept.acceptances,
          .trust = those_of(kept.trust, is_its, its),
          .contents = kept.contents};
}

void restore_durable(State& state, DurableState kept, TimePoint now) {
  // Of an AOR's bindings the newest stands last. None counts as silent for the time that nobody listened.
  std::ranges::sort(kept.bindings, {}, &Binding::last_heard);
  for (Binding& binding : kept.bindings) {
    if (binding.expires <= now) continue;
    binding.last_heard = now;
    state.sources.touch(binding.flow.peer.address, now).prolong_known(binding.expires);
    state.tell_registered(state.registrations.accept(std::move(binding)).binding);
  }
  for (const DurableBan& ban : kept.bans) {
    const auto cause = static_cast<std::uint16_t>(ban.cause);
    state.bans.restore(ban.source, {ban.until, ban.since, ban.strikes, cause, acl::Proof::proven}, now);
    state.tell_fellows(BanNote{ban.source, ban.until, cause});
  }
  for (AccountBlock& block : kept.blocks) {
    if (block.until > now) state.strikes.block(std::move(block), now);
  }
  for (const DurableOffence& offence : kept.offences) state.strikes.remember_offence(offence.source, offence.times, offence.until, now);
  for (const DurableAcceptance& acceptance : kept.acceptances) state.strikes.restore_acceptance(acceptance.key, acceptance.until, now);
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
    const bool strangers_only =
        state.registrations.devices_at(source, TimePoint::min()) == 0 && !state.strikes.accepts_some(source, TimePoint::min());
    sink.keep(DurableBan{source, ban.until, static_cast<Cause>(ban.cause), ban.since, ban.strikes, strangers_only});
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
      next_stage_after(state.bans.retell_proven(cursor.place, places_a_retelling, now), Stage::blocks);
      break;
    case Stage::blocks:
      if (const auto last = state.strikes.blocks.each(cursor.expires, bindings_a_retelling,
                                                      [&](const AccountBlock& block) { state.durable->keep(block); })) {
        cursor.expires = *last;
      } else {
        cursor.expires = TimePoint::min();
        cursor.stage = Stage::offences;
      }
      break;
    case Stage::offences:
      next_stage_after(state.strikes.each_offence(cursor.place, places_a_retelling, now,
                                                  [&](const acl::Address& source, std::uint32_t times, TimePoint until) {
                                                    state.durable->keep(DurableOffence{source, times, until});
                                                  }),
                       Stage::acceptances);
      break;
    case Stage::acceptances:
      next_stage_after(state.strikes.each_acceptance(cursor.place, places_a_retelling, now,
                                                     [&](std::uint64_t key, TimePoint until) {
                                                       state.durable->keep(DurableAcceptance{key, until}, Urgency::may_wait);
                                                     }),
                       Stage::trust);
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
