// A private address that stands for very many devices: seen, told of, and never banned.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "sbc/hidden_callers.hpp"
#include "sip/prescreen.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

constexpr std::string_view config = R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
limits: {per_source: off, per_source_methods: {REGISTER: off}, unknown_sources: off, pbx: off}
)";

std::string request(const std::string& method, const std::string& user) {
  static int count = 0;
  const std::string branch = std::to_string(++count);
  return method + " sip:198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-" + branch +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:" + user + "@198.51.100.1>;tag=1\r\nTo: <sip:" + user + "@198.51.100.1>\r\nCall-ID: " + user +
         "\r\nCSeq: 1 " + method + "\r\nContact: <sip:" + user + "@192.0.2.9>\r\nContent-Length: 0\r\n\r\n";
}

class HiddenCallersTest : public ::testing::Test {
 protected:
  [[nodiscard]] sbc::Flow from(const char* address, std::uint16_t port) const {
    return bench_.access_flow({*acl::Address::parse(address), port});
  }
  void registers(const char* address, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      bench_.handle(from(address, static_cast<std::uint16_t>(6000 + i)), request("REGISTER", std::to_string(1000 + i)));
      const std::string sent = bench_.sent.back().bytes;
      sip::RawMessage seen;
      ASSERT_EQ(sip::prescreen(sent, seen).result, sip::PrescreenResult::message);
      std::string answer = "SIP/2.0 200 OK\r\n";
      for (const sip::HeaderLine& header : seen.header_lines()) {
        if (header.name != sip::HeaderName::max_forwards && header.name != sip::HeaderName::x_postern) answer += seen.text(header.line);
      }
      bench_.handle(bench_.pbx_flow(), answer + "Expires: 3600\r\n\r\n");
    }
  }
  [[nodiscard]] auto told() const { return std::ranges::count(bench_.events, sbc::EventKind::callers_hidden, &RecordedEvent::kind); }

  EngineBench bench_{config};
};

TEST_F(HiddenCallersTest, AreToldOfOnceADay) {
  registers("172.17.0.9", sbc::HiddenCallers::many);
  EXPECT_EQ(told(), 0);
  registers("172.17.0.9", sbc::HiddenCallers::many + 2);
  EXPECT_EQ(told(), 1);
  const auto event = std::ranges::find(bench_.events, sbc::EventKind::callers_hidden, &RecordedEvent::kind);
  EXPECT_EQ(event->source, "172.17.0.9:0");
  EXPECT_NE(event->message.find("from 172.17.0.9, and nobody"), std::string::npos);
  bench_.wait(std::chrono::hours(24));
  registers("172.17.0.9", sbc::HiddenCallers::many + 2);
  EXPECT_EQ(told(), 2);
}

TEST_F(HiddenCallersTest, AreNoneWhereAPublicSourceWasSeen) {
  bench_.handle(from("203.0.113.7", 5060), request("OPTIONS", "9"));
  registers("172.17.0.9", sbc::HiddenCallers::many + 2);
  EXPECT_EQ(told(), 0);
}

TEST_F(HiddenCallersTest, AreNoneWhereAPublicSourceWasSeenThoughARuleKeepsItOut) {
  bench_.reload(std::string(config) + "rules: [{source: 203.0.113.0/24, action: drop}]\n");
  ASSERT_EQ(bench_.handle(from("203.0.113.7", 5060), request("OPTIONS", "9")), sbc::Outcome::rule_drop);
  registers("172.17.0.9", sbc::HiddenCallers::many + 2);
  EXPECT_EQ(told(), 0);
}

TEST_F(HiddenCallersTest, AreNoneOnTheHostItself) {
  registers("127.0.0.1", sbc::HiddenCallers::many + 2);
  EXPECT_EQ(told(), 0);
}

}  // namespace
}  // namespace postern::testing
