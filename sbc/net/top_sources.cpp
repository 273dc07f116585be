#include "sbc/net/top_sources.hpp"

#include <algorithm>
#include <cmath>

namespace postern::net {

namespace {

constexpr double enough = 1.5;   // samples: two, one of them a little older
constexpr double counted = 1.1;  // packets a sample, at most, of those that came one by one

void multiply(std::array<float, TopSources::places>& values, float factor) {
  for (float& value : values) value *= factor;
}

}  // namespace

void TopSources::add(const acl::Address& source, sbc::Outcome outcome, std::size_t packets, acl::TimePoint now) {
  if (now >= faded_ + fading_step) fade(now);
  const std::uint64_t key = acl::SourceKey(source).value();
  Set& set = sets_[hash_(key) % sets];
  auto place = static_cast<std::size_t>(std::ranges::find(set.sources, key) - set.sources.begin());
  if (place == places) {
    place = static_cast<std::size_t>(std::ranges::min_element(set.packets) - set.packets.begin());
    set.sources[place] = key;
    set.others[place] = set.packets[place];
    set.refused[place] = set.samples[place] = set.votes[place] = 0;
  }
  const auto weight = static_cast<float>(packets);
  set.packets[place] += weight;
  set.samples[place] += 1;
  if (sbc::info(outcome).kind == sbc::OutcomeKind::refused) set.refused[place] += weight;
  vote(set, place, outcome, weight);
}

void TopSources::vote(Set& set, std::size_t place, sbc::Outcome outcome, float packets) {
  float& votes = set.votes[place];
  if (set.outcomes[place] == outcome) {
    votes += packets;
  } else if (votes > packets) {
    votes -= packets;
  } else {
    set.outcomes[place] = outcome;
    votes = packets - votes;
  }
}

void TopSources::fade(acl::TimePoint now) {
  const double a_step = std::exp2(-static_cast<double>(fading_step.count()) / static_cast<double>(half_life.count()));
  const auto steps = (now - faded_) / fading_step;
  const double left = std::pow(a_step, static_cast<double>(steps));
  faded_ += steps * fading_step;
  seconds_ = seconds_ * left + static_cast<double>(fading_step.count()) * a_step * (1 - left) / (1 - a_step);
  for (Set& set : sets_) {
    for (auto* values : {&set.packets, &set.others, &set.refused, &set.samples, &set.votes}) multiply(*values, static_cast<float>(left));
    for (std::size_t place = 0; place < places; ++place) {
      if (set.packets[place] < forgotten)
        set.packets[place] = set.others[place] = set.refused[place] = set.samples[place] = set.votes[place] = 0;
    }
  }
}

std::vector<SampledSource> TopSources::sampled(acl::TimePoint now) const {
  TopSources faded = *this;
  if (now >= faded_ + fading_step) faded.fade(now);
  const double seconds = std::max(shortest, faded.seconds_ + std::chrono::duration<double>(now - faded.faded_).count());
  std::vector<SampledSource> out;
  for (const Set& set : faded.sets_) {
    for (std::size_t place = 0; place < places; ++place) {
      const double packets = set.packets[place];
      const double own = packets - set.others[place];
      if (own <= 0) continue;
      const double samples = set.samples[place];
      const bool by_chance = samples < enough && own > counted * samples;
      out.push_back({acl::SourceKey(set.sources[place]), own / seconds, packets / seconds, std::min(1.0, set.refused[place] / own),
                     set.outcomes[place], by_chance});
    }
  }
  return out;
}

}  // namespace postern::net
