#include "sbc/net/top_answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/sbc_net/worker_support.hpp"

namespace postern::net {
namespace {

using nlohmann::json;
using testing::ElementsAre;

SampledSource sampled(const char* address, double rate, Outcome outcome) {
  const double refused = sbc::info(outcome).kind == sbc::OutcomeKind::refused ? 1 : 0;
  return {acl::SourceKey(*acl::Address::parse(address)), rate, rate, refused, outcome, false};
}

std::size_t index(Outcome outcome) { return static_cast<std::size_t>(outcome); }

WorkerFacts facts_of_one() {
  WorkerFacts facts;
  facts.engine.outcomes[index(Outcome::forwarded)] = 30;
  facts.engine.outcomes[index(Outcome::answered)] = 4;
  facts.engine.outcomes[index(Outcome::keep_alive)] = 5;
  facts.engine.outcomes[index(Outcome::banned)] = 61;
  facts.engine.responses_sent[401] = 7;
  facts.engine.pbx_up = {{"10.0.0.5:5060", true}, {"10.0.0.6:5060", false, true}};
  facts.engine.pbx_response.buckets[3] = 9;
  facts.gauges.registrations = 2;
  facts.gauges.bans_active = 3;
  facts.counts.streams.open[static_cast<std::size_t>(sbc::Transport::tls)] = 8;
  facts.loads = {{39, 0.5, 0, 0}};
  facts.sources =
      seen_sources({sampled("198.51.100.7", 10, Outcome::forwarded), sampled("2001:db8:7::9", 30, Outcome::banned)}, acl::Geo{});
  return facts;
}

TEST(TopAnswer, SaysWhatWasCountedAndWhoSends) {
  const json answer = json::parse(top_json(facts_of_one(), {"2026-01-01T12:00:00Z", 12.5, {"lockdown until 12:40"}}));
  EXPECT_EQ(answer["time"], "2026-01-01T12:00:00Z");
  EXPECT_EQ(answer["uptime_s"], 12.5);
  EXPECT_THAT(answer["warnings"], ElementsAre("lockdown until 12:40"));
  EXPECT_EQ(answer["received"], 100);
  EXPECT_EQ(answer["forwarded"], 30);
  EXPECT_EQ(answer["answered"], 4);
  EXPECT_EQ(answer["refused"], json({{"banned", 61}}));
  EXPECT_EQ(answer["responses"], json({{"401", 7}}));
  EXPECT_EQ(answer["registrations"], 2);
  EXPECT_EQ(answer["bans"], 3);
  EXPECT_EQ(answer["connections"]["tls"], 8);
  EXPECT_FALSE(answer["connections"].contains("udp"));
  EXPECT_EQ(answer["pbx"][1], json({{"address", "10.0.0.6:5060"}, {"up", false}, {"heard", true}}));
  EXPECT_EQ(answer["pbx_response_seconds"]["counts"][3], 9);
  EXPECT_EQ(answer["pbx_response_seconds"]["counts"].size(), answer["pbx_response_seconds"]["bounds"].size() + 1);
  EXPECT_EQ(answer["workers"][0]["cpu_seconds"], 0.5);
  EXPECT_EQ(answer["sources"][0], json({{"address", "2001:db8:7::/64"},
                                        {"country", nullptr},
                                        {"packets_per_second", 30.0},
                                        {"share", 0.75},
                                        {"refused", 1.0},
                                        {"outcome", "banned"}}));
  EXPECT_EQ(answer["sources"][1]["address"], "198.51.100.7");
  EXPECT_TRUE(answer["countries"].empty()) << "there is no database";
}

TEST(TopAnswer, OfSeveralWorkersTheLoudestOfAllAreKept) {
  WorkerFacts sum = facts_of_one();
  WorkerFacts other = facts_of_one();
  std::vector<SampledSource> many;
  for (int i = 1; i <= 100; ++i) many.push_back(sampled(("203.0.113." + std::to_string(i)).c_str(), i, Outcome::rule_drop));
  many.push_back(sampled("203.0.113.200", 1000, Outcome::rule_drop));
  many.back().by_chance = true;
  other.sources = seen_sources(many, acl::Geo{});
  EXPECT_EQ(other.sources.loudest.size(), SeenSources::most);
  add(sum, other);
  EXPECT_EQ(sum.sources.loudest.size(), SeenSources::most);
  EXPECT_EQ(sum.sources.loudest.front().sample.rate, 100);
  EXPECT_EQ(sum.sources.loudest.back().sample.rate, 81);
  EXPECT_EQ(sum.sources.rate, 5050 + 1000 + 40) << "what was seen by chance counts, but is nobody's";
  EXPECT_EQ(sum.engine.outcomes[index(Outcome::banned)], 122U);
  EXPECT_EQ(sum.gauges.registrations, 4U);
  EXPECT_EQ(sum.loads.size(), 2U);
}

class TopOfWorkers : public WorkerTest {
 protected:
  /// Asked of so many workers, after one packet of the phone.
  std::optional<WorkerFacts> ask(std::uint16_t count) {
    sbc::EngineOptions options = options_toward(pbx_.bound());
    options.listeners[0].bind = at("127.0.0.1");
    options.pbx.workers = count;
    options.pbx.health_check.reset();
    std::optional<Workers> workers;
    // The port behind one that the kernel chose may be another program's.
    for (int tries = 0; tries < 20 && !workers; ++tries) {
      try {
        workers.emplace(io_, options, open_policy(), sbc::Secrets{}, events_);
      } catch (const StartError&) {
      }
    }
    workers.value().start();
    send(phone_, workers->first().options().listeners[0].bind, request(phone_, "OPTIONS"));
    std::optional<WorkerFacts> facts;
    ReceiveBatch batch;
    EXPECT_TRUE(run_until([&] { return pbx_.receive(batch) > 0; }));
    FactsOfWorkers all_facts(*workers);
    all_facts.ask(open_policy(), [&](WorkerFacts all) { facts = std::move(all); });
    EXPECT_TRUE(run_until([&] { return facts.has_value(); }));
    workers->stop();
    return facts;
  }
};

TEST_F(TopOfWorkers, TheOneTellsWhoSentAndWhatBecameOfIt) {
  for (const std::uint16_t count : {std::uint16_t{1}, std::uint16_t{2}}) {
    const auto facts = ask(count);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->loads.size(), count);
    EXPECT_EQ(facts->engine.outcomes[index(Outcome::forwarded)], 1U);
    ASSERT_EQ(facts->sources.loudest.size(), 1U);
    EXPECT_EQ(facts->sources.loudest[0].sample.source.address(), phone_.bound().address);
    EXPECT_EQ(facts->sources.loudest[0].sample.outcome, Outcome::forwarded);
  }
}

}  // namespace
}  // namespace postern::net
