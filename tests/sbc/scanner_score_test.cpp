// The scanner score in the engine: whom it is asked of, and what it costs him.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.hpp"
#include "sbc/explain.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

using sbc::Outcome;

constexpr std::string_view plain = R"(
listeners: [udp://198.51.100.1:5060, tcp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080, public_domain: sip.host.test}
)";

/// As svwar writes it, with an ordinary User-Agent.
std::string of_svwar(const std::string& user = "100") {
  return "REGISTER sip:198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK-622201180;rport\r\nMax-Forwards: 70\r\n"
         "To: \"" +
         user + "\"<sip:" + user + "@198.51.100.1>\r\nFrom: \"" + user + "\"<sip:" + user +
         "@198.51.100.1>;tag=3130300137\r\nUser-Agent: Yealink SIP-T46U\r\nCall-ID: 145999729\r\nContact: sip:" + user +
         "@198.51.100.1\r\nCSeq: 1 REGISTER\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n";
}

std::string invite(int call, const std::string& number, const std::string& user = "1001") {
  return "INVITE sip:" + number + "@sip.host.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKb" + std::to_string(call) +
         ";rport\r\nFrom: <sip:" + user + "@sip.host.test>;tag=t\r\nTo: <sip:" + number + "@sip.host.test>\r\nCall-ID: c" +
         std::to_string(call) + "@h\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:" + user +
         "@10.9.9.9>\r\nUser-Agent: Phone\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
}

class ScannerScore : public ::testing::Test {
 protected:
  [[nodiscard]] static sbc::Flow from(const EngineBench& bench, const char* address, std::uint8_t listener = 0) {
    sbc::Flow flow = bench.access_flow({*acl::Address::parse(address), 5060}, listener);
    if (listener > 0) flow.connection = 7;
    return flow;
  }
  static std::vector<RecordedEvent> bans(const EngineBench& bench) {
    std::vector<RecordedEvent> bans;
    for (const RecordedEvent& event : bench.events)
      if (event.kind == sbc::EventKind::ban) bans.push_back(event);
    return bans;
  }
};

TEST_F(ScannerScore, TheFormAloneSilencesWhoDoesNotProveHimself) {
  EngineBench bench{plain};
  EXPECT_EQ(bench.handle(from(bench, "203.0.113.9"), of_svwar()), Outcome::scanner_score);
  EXPECT_TRUE(bench.sent.empty());
  ASSERT_EQ(bans(bench).size(), 1U);
  EXPECT_EQ(bans(bench)[0].cause, sbc::Cause::scanner_score);
  EXPECT_EQ(bans(bench)[0].detail, "unproven");
  EXPECT_EQ(bans(bench)[0].duration, std::chrono::seconds(60));
  EXPECT_NE(bans(bench)[0].message.find("tool_tag 60, tool_order 40"), std::string::npos) << bans(bench)[0].message;
  EXPECT_EQ(bench.metrics().bans[static_cast<std::size_t>(sbc::Cause::scanner_score)], 1U);
  EXPECT_EQ(bench.handle(from(bench, "203.0.113.9"), invite(1, "1002")), Outcome::silenced);
  bench.wait(std::chrono::seconds(61));
  EXPECT_EQ(bench.handle(from(bench, "203.0.113.9"), invite(2, "1002")), Outcome::forwarded);
}

TEST_F(ScannerScore, OverAConnectionItBans) {
  EngineBench bench{plain};
  const sbc::Flow flow = from(bench, "203.0.113.9", 1);
  bench.connect(flow);
  EXPECT_EQ(bench.handle(flow, of_svwar()), Outcome::scanner_score);
  ASSERT_EQ(bans(bench).size(), 1U);
  EXPECT_EQ(bans(bench)[0].detail, "proven");
  bench.wait(std::chrono::minutes(30));
  EXPECT_EQ(bench.handle(from(bench, "203.0.113.9"), invite(1, "1002")), Outcome::banned);
}

TEST_F(ScannerScore, AWalkerThatWritesAsAPhoneDoesIsFoundByWhatItDoes) {
  EngineBench bench{std::string(plain) + "limits: {per_source_methods: off}\n"};
  Outcome outcome = Outcome::forwarded;
  int calls = 0;
  for (; calls < 100 && outcome == Outcome::forwarded; ++calls)
    outcome = bench.handle(from(bench, "203.0.113.9"), invite(calls, "00" + std::to_string(9000 + calls)));
  EXPECT_EQ(outcome, Outcome::scanner_score);
  EXPECT_GT(calls, 20);
  EXPECT_EQ(bench.handle(from(bench, "203.0.113.10"), invite(1000, "1002")), Outcome::forwarded) << "of another source nothing is known";
}

TEST_F(ScannerScore, IsNotAskedWhereTheOperatorHasDecided) {
  for (const char* extra : {"trusted: [203.0.113.9]\n", "rules: [{source: 203.0.113.9, action: allow}]\n", "jail: {score: off}\n",
                            "jail: {score: {ban: 500}}\n"}) {
    EngineBench bench{std::string(plain) + extra};
    EXPECT_EQ(bench.handle(from(bench, "203.0.113.9"), of_svwar()), Outcome::forwarded) << extra;
    EXPECT_TRUE(bans(bench).empty()) << extra;
  }
}

class ExplainedScore : public ::testing::Test {
 protected:
  static sbc::Explanation explain(std::string_view yaml, std::string_view message) {
    const config::LoadResult loaded = config::load_text(yaml, "test.yaml", POSTERN_SOURCE_DIR);
    sbc::RequestSketch sketch;
    sketch.source = {*acl::Address::parse("203.0.113.9"), 5060};
    return std::get<sbc::Explanation>(sbc::explain(loaded.config.engine, loaded.policy, sketch, message));
  }
};

TEST_F(ExplainedScore, TheSumAndItsSigns) {
  const sbc::Explanation scanner = explain(plain, of_svwar());
  EXPECT_EQ(scanner.verdict, acl::Action::ban);
  EXPECT_EQ(scanner.outcome, Outcome::scanner_score);
  EXPECT_FALSE(scanner.rule);
  ASSERT_TRUE(scanner.score);
  EXPECT_GE(scanner.score->sum(), 100U);
  EXPECT_EQ(scanner.score->points(acl::ScannerSign::tool_order), 40U);
  const sbc::Explanation phone = explain(plain, invite(1, "1002"));
  EXPECT_EQ(phone.verdict, acl::Action::allow);
  ASSERT_TRUE(phone.score);
  EXPECT_EQ(phone.score->sum(), 0U);
  EXPECT_FALSE(explain(std::string(plain) + "jail: {score: off}\n", of_svwar()).score);
}

// Real devices' messages, and tools that people test with.
TEST_F(ExplainedScore, NoCapturedMessageReachesHalfOfTheThreshold) {
  POSTERN_NEEDS_TEST_DATA();
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_folder() / "messages")) {
    if (entry.path().extension() != ".sip") continue;
    const sbc::Explanation explanation = explain(plain, read_file(entry.path()));
    if (!explanation.score) continue;  // a response, or what belongs to a transaction
    ++seen;
    std::string signs;
    for (std::size_t i = 0; i < acl::scanner_signs.size(); ++i)
      if (explanation.score->points(static_cast<acl::ScannerSign>(i)) > 0) signs += " " + std::string(acl::scanner_signs[i].word);
    EXPECT_LT(explanation.score->sum(), 50U) << entry.path().filename() << signs;
  }
  EXPECT_GT(seen, 20);
}

}  // namespace
}  // namespace postern::testing
