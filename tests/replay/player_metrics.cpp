// What a scenario asks of what was counted.
#include "tests/replay/player.hpp"

#include <algorithm>

#include "sbc/state.hpp"
#include "tests/replay/words.hpp"

namespace postern::replay {
namespace {

template <class Enum, std::size_t Count>
std::size_t index_of(const std::string& word, int line, const char* (*name)(Enum)) {
  for (std::size_t i = 0; i < Count; ++i) {
    if (word == name(static_cast<Enum>(i))) return i;
  }
  throw Failure(line, "\"" + word + "\" is not known here");
}

std::size_t cause_index(const std::string& word, int line) {
  if (const auto cause = sbc::cause_of(word)) return static_cast<std::size_t>(*cause);
  throw Failure(line, "\"" + word + "\" is no cause of a ban");
}

}  // namespace

std::uint64_t Player::metric_value(const Step& step) const {
  const auto& words = step.words;
  const int line = step.line.number;
  const std::string& what = words.at(1);
  const auto& metrics = bench_.metrics();
  if (what == "packets" || what == "refused") return metrics.outcomes.at(outcome_index(words.at(2), line));
  if (what == "rule") {
    for (const sbc::RuleCount& count : metrics.rules) {
      if (count.rule == words.at(2)) return count.matches;
    }
  }
  if (what == "bans") return metrics.bans.at(cause_index(words.at(2), line));
  if (what == "would_refuse") return metrics.would_refuse.at(outcome_index(words.at(2), line));
  if (what == "would_ban") return metrics.would_ban.at(cause_index(words.at(2), line));
  if (what == "strikes") return metrics.jail_strikes.at(cause_index(words.at(2), line));
  if (what == "responses") return metrics.responses_sent.at(static_cast<std::size_t>(number_of(words.at(2), line)));
  if (what == "emergency_calls") return metrics.emergency_calls.count;
  if (what == "held_back") return metrics.held_back.count;
  if (what == "call_prefixes") return metrics.call_prefixes.count;
  if (what == "credentials") {
    const auto word = std::ranges::find(sbc::credentials_words, words.at(2));
    if (word != sbc::credentials_words.end())
      return metrics.credentials.at(static_cast<std::size_t>(word - sbc::credentials_words.begin()));
  }
  if (what == "received" || what == "forwarded") {
    const auto& table = what == "received" ? metrics.received : metrics.forwarded;
    const std::size_t side = index_of<sbc::Side, sbc::side_count>(words.at(2), line, sbc::to_string);
    return table.at(side).at(0).at(static_cast<std::size_t>(sip::method_of(words.at(3))));
  }
  const auto gauges = bench_.gauges();
  if (what == "registrations") return gauges.registrations;
  if (what == "calls") return gauges.calls;
  if (what == "bans_active") return gauges.bans_active;
  if (what == "blocks_active") return gauges.blocks_active;
  if (what == "transactions") return gauges.transactions;
  if (what == "sources") return gauges.sources_tracked;
  if (what == "pbx_up") {
    for (const sbc::PbxUp& pbx : bench_.metrics().pbx_up) {
      if (pbx.address == words.at(2)) return pbx.up ? 1 : 0;
    }
    throw Failure(line, "no such address of the PBX");
  }
  throw Failure(line, "no metric of that name");
}

void Player::metric(const Step& step) {
  const std::uint64_t value = metric_value(step);
  if (value != static_cast<std::uint64_t>(number_of(step.words.back(), step.line.number)))
    throw Failure(step.line.number, "it is " + std::to_string(value));
}

}  // namespace postern::replay
