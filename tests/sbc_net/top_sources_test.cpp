#include "sbc/net/top_sources.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace postern::net {
namespace {

using namespace std::chrono_literals;
using sbc::Outcome;

acl::Address at(const char* text) { return *acl::Address::parse(text); }

class TopSourcesTest : public testing::Test {
 protected:
  /// As a worker does: one packet of the batch, for all of it.
  void batch(const std::vector<acl::Address>& from, Outcome outcome) { top_.add(from[top_.pick(from.size())], outcome, from.size(), now_); }
  /// One packet each `every`.
  void stream(const acl::Address& from, Outcome outcome, int packets, acl::Duration every) {
    for (int i = 0; i < packets; ++i) {
      top_.add(from, outcome, 1, now_);
      now_ += every;
    }
  }
  [[nodiscard]] std::vector<SampledSource> loudest_first() const {
    auto sources = top_.sampled(now_);
    std::ranges::sort(sources, [](const auto& a, const auto& b) { return a.rate > b.rate; });
    return sources;
  }
  [[nodiscard]] static double all(const std::vector<SampledSource>& sources) {
    return std::accumulate(sources.begin(), sources.end(), 0.0, [](double sum, const auto& source) { return sum + source.share; });
  }

  acl::TimePoint now_{1h};
  TopSources top_{42, now_};
};

TEST_F(TopSourcesTest, NobodyHasSentAnything) { EXPECT_TRUE(top_.sampled(now_ + 1h).empty()); }

TEST_F(TopSourcesTest, TellsTheRateAndWhatBecameOfIt) {
  stream(at("192.0.2.1"), Outcome::banned, 3000, 10ms);
  const auto sources = top_.sampled(now_);
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].source.address(), at("192.0.2.1"));
  EXPECT_NEAR(sources[0].rate, 100, 1);
  EXPECT_EQ(sources[0].share, sources[0].rate);
  EXPECT_EQ(sources[0].refused, 1);
  EXPECT_EQ(sources[0].outcome, Outcome::banned);
}

TEST_F(TopSourcesTest, TheFirstPacketIsNoFlood) {
  top_.add(at("192.0.2.1"), Outcome::forwarded, 1, now_);
  EXPECT_EQ(top_.sampled(now_).at(0).rate, 1);
}

TEST_F(TopSourcesTest, OnePacketIsByChanceOnlyInABatch) {
  top_.add(at("192.0.2.1"), Outcome::forwarded, 1, now_);
  top_.add(at("192.0.2.2"), Outcome::forwarded, 48, now_);
  top_.add(at("192.0.2.3"), Outcome::forwarded, 48, now_);
  top_.add(at("192.0.2.3"), Outcome::forwarded, 48, now_ + 1s);
  for (const SampledSource& source : top_.sampled(now_ + 1s))
    EXPECT_EQ(source.by_chance, source.source.address() == at("192.0.2.2")) << source.source.address().to_string();
}

TEST_F(TopSourcesTest, WhatMostOfItEndedInIsTold) {
  for (int i = 0; i < 1000; ++i) {
    const Outcome outcome = i % 10 < 3 ? Outcome::forwarded : i % 10 < 4 ? Outcome::keep_alive : Outcome::source_limit;
    top_.add(at("192.0.2.1"), outcome, 1, now_);
  }
  const SampledSource source = top_.sampled(now_).at(0);
  EXPECT_EQ(source.outcome, Outcome::source_limit);
  EXPECT_NEAR(source.refused, 0.6, 0.001);
}

TEST_F(TopSourcesTest, WhatHappensNowCountsMoreThanWhatHasBeen) {
  stream(at("192.0.2.1"), Outcome::forwarded, 3000, 10ms);
  stream(at("192.0.2.1"), Outcome::banned, 1000, 10ms);
  EXPECT_EQ(top_.sampled(now_).at(0).outcome, Outcome::banned);
}

TEST_F(TopSourcesTest, FadesAndIsForgotten) {
  stream(at("192.0.2.1"), Outcome::forwarded, 3000, 10ms);
  const double rate = top_.sampled(now_).at(0).rate;
  EXPECT_NEAR(top_.sampled(now_ + TopSources::half_life).at(0).rate, rate / 2, rate / 20);
  EXPECT_TRUE(top_.sampled(now_ + 3min).empty());
  now_ += 3min;
  top_.add(at("192.0.2.2"), Outcome::forwarded, 1, now_);
  EXPECT_EQ(loudest_first().size(), 1U);
}

TEST_F(TopSourcesTest, AnIPv6HouseholdIsOneSource) {
  top_.add(at("2001:db8::1"), Outcome::forwarded, 1, now_);
  top_.add(at("2001:db8::ffff:1"), Outcome::forwarded, 1, now_);
  top_.add(at("2001:db8:0:1::1"), Outcome::forwarded, 1, now_);
  EXPECT_EQ(top_.sampled(now_).size(), 2U);
}

/// A batch of the flood, in which one of sixteen packets is of one source and the others of as many addresses as there are.
TEST_F(TopSourcesTest, TheLoudestIsFoundAmongAMillionOthers) {
  std::uint32_t forged = 0x0a000000;
  for (int turn = 0; turn < 20'000; ++turn, now_ += 500us) {
    std::vector<acl::Address> from(48);
    for (acl::Address& address : from) address = acl::Address::v4(forged++);
    for (std::size_t i = 5; i < from.size(); i += 16) from[i] = at("192.0.2.1");
    batch(from, Outcome::unknown_sources_limit);
  }
  const auto sources = loudest_first();
  EXPECT_LE(sources.size(), TopSources::sets * TopSources::places);
  EXPECT_EQ(sources.at(0).source.address(), at("192.0.2.1"));
  EXPECT_NEAR(sources[0].rate, 6000, 1000);
  EXPECT_NEAR(all(sources), 96'000, 1000);
  EXPECT_FALSE(sources[0].by_chance);
  // Of the others each was seen once, if at all: whatever else their places have counted is not put down to them.
  EXPECT_LT(sources.at(1).rate, 48);
  EXPECT_TRUE(std::all_of(sources.begin() + 1, sources.end(), [](const auto& source) { return source.by_chance; }));
}

TEST_F(TopSourcesTest, TheSampleDoesNotGoInStepWithAFlood) {
  // As many addresses in turn as a batch has packets, so that each stands in the same place of every batch.
  std::vector<acl::Address> from(64);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = acl::Address::v4(0xc0000200U + static_cast<std::uint32_t>(i));
  for (int turn = 0; turn < 6400; ++turn) batch(from, Outcome::banned);
  const auto sources = loudest_first();
  EXPECT_EQ(sources.size(), from.size());
  EXPECT_LT(sources.front().rate, 2 * sources.back().rate);
}

TEST_F(TopSourcesTest, AllOfABatchMayBePicked) {
  for (const std::size_t size : {1U, 2U, 48U, 64U}) {
    std::set<std::size_t> picked;
    for (int i = 0; i < 2000; ++i) picked.insert(top_.pick(size));
    EXPECT_EQ(picked.size(), size);
    EXPECT_EQ(*picked.rbegin(), size - 1);
  }
}

}  // namespace
}  // namespace postern::net
