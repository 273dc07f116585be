// A capture's messages through the engine, in the capture's own time.
#include "sbc/explain_capture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "config/load.hpp"

namespace postern::sbc {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr const char* file = R"(listeners: [udp://0.0.0.0:5060]
pbx: udp://10.0.0.5:15060
limits: {per_source: {rate: 1/s, burst: 2}}
rules:
  - {name: calls, methods: INVITE, registered: off, action: reject}
)";

class Judge : public ::testing::Test {
 protected:
  Judge() : loaded_(config::load_text(file, "p.yaml", "/nowhere")), judge_(loaded_.config.engine, loaded_.policy, {}, own_addresses()) {}

  OwnAddresses own_addresses() const {
    OwnAddresses own;
    own.see({1, seconds(1), Transport::udp, phone_, door_, 0, "REGISTER "});
    return own;
  }
  static Endpoint at(const char* address, std::uint16_t port) { return {*acl::Address::parse(address), port}; }

  static std::string request(std::string_view method, int number, std::string_view agent = "phone") {
    return fmt::format(
        "{0} sip:1002@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{1}{0}\r\nMax-Forwards: 70\r\n"
        "From: <sip:1001@192.0.2.1>;tag=1\r\nTo: <sip:1001@192.0.2.1>\r\nCall-ID: c{1}\r\nCSeq: {1} {0}\r\n"
        "Contact: <sip:1001@198.51.100.7:5060>\r\nUser-Agent: {2}\r\nContent-Length: 0\r\n\r\n",
        method, number, agent);
  }
  static std::string accepted(std::string_view contact) {
    return fmt::format(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1REGISTER\r\nFrom: <sip:1001@192.0.2.1>;tag=1\r\n"
        "To: <sip:1001@192.0.2.1>;tag=2\r\nCall-ID: c1\r\nCSeq: 1 REGISTER\r\n{}Content-Length: 0\r\n\r\n",
        contact);
  }

  std::optional<JudgedMessage> judge(const std::string& bytes, microseconds time, const Endpoint& source, const Endpoint& destination) {
    return judge_.judge({++packet_, time, Transport::udp, source, destination, 0, bytes});
  }
  std::optional<JudgedMessage> from_phone(const std::string& bytes, microseconds time) { return judge(bytes, time, phone_, door_); }

  const Endpoint phone_ = at("198.51.100.7", 5062), door_ = at("192.0.2.1", 5060);
  config::LoadResult loaded_;
  CaptureJudge judge_;
  std::uint64_t packet_ = 0;
};

TEST_F(Judge, LimitsRunAlongTheTimeStamps) {
  std::string outcomes;
  for (const int second : {100, 100, 100, 100, 104}) {
    const auto judged = from_phone(request("OPTIONS", static_cast<int>(packet_) + 1), seconds(second));
    ASSERT_TRUE(judged);
    outcomes += std::string(info(judged->explanation.outcome).word) + " ";
  }
  EXPECT_EQ(outcomes, "forwarded forwarded source_limit source_limit forwarded ");
}

TEST_F(Judge, ABanRunsAlongTheTimeStampsAndTimeNeverGoesBack) {
  EXPECT_EQ(from_phone(request("OPTIONS", 1, "friendly-scanner"), seconds(100))->explanation.verdict, acl::Action::ban);
  EXPECT_EQ(from_phone(request("OPTIONS", 2), seconds(130))->explanation.outcome, Outcome::silenced);
  EXPECT_EQ(from_phone(request("OPTIONS", 3), seconds(161))->explanation.outcome, Outcome::forwarded);
  EXPECT_EQ(from_phone(request("OPTIONS", 4), seconds(120))->explanation.outcome, Outcome::forwarded) << "a time stamp out of order";
}

TEST_F(Judge, TimeStampsFarApartTakeNoTime) {
  EXPECT_TRUE(from_phone(request("OPTIONS", 1, "friendly-scanner"), seconds(0)));
  const auto judged = from_phone(request("OPTIONS", 2), seconds(UINT32_MAX) + microseconds(999'999));
  EXPECT_EQ(judged->explanation.outcome, Outcome::forwarded);
}

TEST_F(Judge, AnAcceptedRegisterMakesItsFlowALiveRegistration) {
  EXPECT_EQ(from_phone(request("INVITE", 1), seconds(1))->explanation.status, 403);
  EXPECT_FALSE(judge(accepted("Contact: <sip:1001@198.51.100.7:5060>;expires=60\r\n"), seconds(2), door_, phone_));
  EXPECT_EQ(from_phone(request("INVITE", 2), seconds(3))->explanation.outcome, Outcome::forwarded);
  EXPECT_EQ(from_phone(request("INVITE", 3), seconds(70))->explanation.status, 403) << "the registration has ended";
  EXPECT_EQ(judge_.passed_over().answers, 1U);
}

TEST_F(Judge, AnAnswerWithoutContactsEndsTheRegistration) {
  judge(accepted("Contact: <sip:1001@198.51.100.7:5060>\r\nExpires: 600\r\n"), seconds(2), door_, phone_);
  EXPECT_EQ(from_phone(request("INVITE", 2), seconds(3))->explanation.outcome, Outcome::forwarded);
  judge(accepted(""), seconds(4), door_, phone_);
  EXPECT_EQ(from_phone(request("INVITE", 3), seconds(5))->explanation.status, 403);
}

TEST_F(Judge, WhatIsNoSipOrGoesElsewhereGetsNoEntry) {
  EXPECT_FALSE(from_phone("\r\n\r\n", seconds(1)));
  EXPECT_FALSE(from_phone("nonsense", seconds(1)));
  EXPECT_FALSE(judge(request("OPTIONS", 1), seconds(1), at("10.0.0.5", 15060), at("10.0.0.2", 5080)));
  EXPECT_EQ(judge_.passed_over().keep_alives, 1U);
  EXPECT_EQ(judge_.passed_over().not_sip, 1U);
  EXPECT_EQ(judge_.passed_over().from_pbx, 1U);
  EXPECT_TRUE(judge_.wants(Transport::udp, phone_, door_));
  EXPECT_TRUE(judge_.wants(Transport::tcp, phone_, door_));
  EXPECT_FALSE(judge_.wants(Transport::udp, phone_, at("192.0.2.1", 5062)));
  EXPECT_FALSE(judge_.wants(Transport::udp, at("2001:db8::7", 5060), at("2001:db8::1", 5060)));
}

TEST_F(Judge, APhoneOnTheListenersPortIsToldFromTheListener) {
  const Endpoint phone = at("198.51.100.7", 5060), other = at("198.51.100.8", 5060);
  const auto seen = [this](const std::string& bytes, const Endpoint& source, const Endpoint& destination) {
    return SeenMessage{++packet_, seconds(1), Transport::udp, source, destination, 0, bytes};
  };
  const std::string options = request("OPTIONS", 1), registers = request("REGISTER", 1);
  OwnAddresses by_first, by_peers, by_register;
  by_first.see(seen(options, phone, door_));
  by_first.see(seen(options, door_, phone));
  EXPECT_TRUE(by_first.is_rather(door_.address, phone.address));
  EXPECT_FALSE(by_first.is_rather(phone.address, door_.address));
  by_peers.see(seen(options, door_, phone));
  by_peers.see(seen(options, door_, other));
  EXPECT_TRUE(by_peers.is_rather(door_.address, phone.address));
  by_register.see(seen(options, door_, phone));
  by_register.see(seen(options, other, phone));
  by_register.see(seen(registers, phone, door_));
  EXPECT_TRUE(by_register.is_rather(door_.address, phone.address));

  CaptureJudge judge(loaded_.config.engine, loaded_.policy, {}, by_first);
  EXPECT_TRUE(judge.judge(seen(options, phone, door_)));
  EXPECT_FALSE(judge.judge(seen(options, door_, phone)));
  EXPECT_EQ(judge.passed_over().answers, 1U);
}

TEST_F(Judge, ThePbxOfACaptureLives) {
  for (int second = 0; second < 200; second += 5) {
    for (const char* method : {"OPTIONS", "REGISTER"}) {
      const auto judged = from_phone(request(method, second + 1), seconds(second));
      EXPECT_EQ(info(judged->explanation.outcome).word, "forwarded") << second;
    }
  }
  EXPECT_EQ(judge_.metrics().outcomes[static_cast<std::size_t>(Outcome::forwarded)], 2U * 2U * 40U) << "each was answered";
}

TEST_F(Judge, AMessageOverTcpToTheListenersPortIsJudgedByItsTransport) {
  const config::LoadResult loaded = config::load_text(
      "listeners: [udp://0.0.0.0:5060]\npbx: udp://10.0.0.5:15060\nrules: [{name: tcp, transport: tcp, action: reject, status: 480}]\n",
      "p.yaml", "/nowhere");
  CaptureJudge judge(loaded.config.engine, loaded.policy, {}, own_addresses());
  const std::string options = request("OPTIONS", 1);
  const auto over_tcp = judge.judge({1, seconds(1), Transport::tcp, phone_, door_, 1, options});
  ASSERT_TRUE(over_tcp);
  EXPECT_EQ(over_tcp->explanation.status, 480);
  EXPECT_EQ(judge.judge({2, seconds(1), Transport::udp, phone_, door_, 0, options})->explanation.verdict, acl::Action::allow);
}

TEST_F(Judge, WhatGoesToThePbxIsNotToAListener) {
  const config::LoadResult loaded = config::load_text("listeners: [udp://0.0.0.0:5060]\npbx: udp://10.0.0.5:5060\n", "p.yaml", "/nowhere");
  CaptureJudge judge(loaded.config.engine, loaded.policy, {}, {});
  const Endpoint pbx = at("10.0.0.5", 5060), core = at("10.0.0.2", 5080);
  const std::string options = request("OPTIONS", 1);
  EXPECT_FALSE(judge.judge({1, seconds(1), Transport::udp, core, pbx, 0, options}));
  EXPECT_FALSE(judge.judge({2, seconds(1), Transport::udp, pbx, core, 0, options}));
  EXPECT_EQ(judge.passed_over().from_pbx, 1U);
}

TEST_F(Judge, BrokenSipHasAnEntry) {
  const auto judged = from_phone("REGISTER sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n", seconds(1));
  ASSERT_TRUE(judged);
  EXPECT_EQ(judged->explanation.outcome, Outcome::malformed);
  EXPECT_EQ(judged->explanation.verdict, acl::Action::drop);
  EXPECT_EQ(judged->method, "REGISTER");
}

}  // namespace
}  // namespace postern::sbc
