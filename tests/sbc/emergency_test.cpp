// How many emergency calls pass, whom a flood of them keeps out, and what is read for their sake.
#include "sbc/emergency.hpp"

#include <gtest/gtest.h>

#include <string>

#include "sbc/registrations.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

using sbc::Outcome;

/// Nobody may do anything.
constexpr const char* closed = R"(listeners: [udp://198.51.100.1:5060, tcp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
trusted: [192.0.2.0/24]
rules: [{name: closed, action: drop}]
limits: {unknown_sources: off}
)";

sbc::Endpoint at(const std::string& address, std::uint16_t port = 5060) { return {acl::Address::parse(address).value(), port}; }

std::string invite(const std::string& uri, const std::string& call_id, const std::string& more = {}) {
  return "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK" + call_id +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:1001@198.51.100.1>;tag=1\r\nTo: <sip:112@198.51.100.1>\r\nCall-ID: " + call_id +
         "\r\nCSeq: 1 INVITE\r\nContact: <sip:1001@192.0.2.1>\r\n" + more + "Content-Length: 0\r\n\r\n";
}

class EmergencyCalls : public ::testing::Test {
 protected:
  Outcome call(const sbc::Flow& flow, const std::string& call_id, const std::string& uri = "sip:112@198.51.100.1") {
    return bench_.handle(flow, invite(uri, call_id));
  }
  sbc::Flow flow(const std::string& address, std::uint8_t listener = 0) { return bench_.access_flow(at(address), listener); }

  EngineBench bench_{closed};
};

TEST_F(EmergencyCalls, ThreeInTenSecondsOfASource) {
  const sbc::Flow office = flow("192.0.2.1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call(office, "a" + std::to_string(i)), Outcome::forwarded);
  EXPECT_EQ(call(office, "a3"), Outcome::rule_drop);
  bench_.wait(std::chrono::milliseconds(3300));
  EXPECT_EQ(call(office, "a4"), Outcome::rule_drop);
  bench_.wait(std::chrono::milliseconds(100));
  EXPECT_EQ(call(office, "a5"), Outcome::forwarded);
  EXPECT_EQ(call(office, "a6"), Outcome::rule_drop);
  EXPECT_EQ(bench_.metrics().emergency_calls.count, 4U);
}

TEST_F(EmergencyCalls, TenInASecondInAll) {
  int passed = 0;
  for (int i = 0; i < 30; ++i)
    passed += call(flow("192.0.2." + std::to_string(i + 1)), "a" + std::to_string(i)) == Outcome::forwarded ? 1 : 0;
  EXPECT_EQ(passed, 10);
  EXPECT_EQ(call(flow("192.0.2.99", 1), "proven"), Outcome::forwarded) << "what proves where it comes from has room of its own";
  bench_.wait(std::chrono::seconds(1));
  passed = 0;
  for (int i = 0; i < 30; ++i)
    passed += call(flow("192.0.2." + std::to_string(i + 40)), "b" + std::to_string(i)) == Outcome::forwarded ? 1 : 0;
  EXPECT_EQ(passed, 10);
}

/// A call is known by its Call-ID, so that its repetitions and its second INVITE take nothing; and it cannot be repeated for ever.
TEST_F(EmergencyCalls, OneCallIsManyMessagesButNotAnyNumber) {
  const sbc::Flow office = flow("192.0.2.1");
  int passed = 0;
  for (std::uint32_t i = 0; i < 3 * sbc::Emergency::messages_a_call; ++i) {
    std::string text = invite("sip:112@198.51.100.1", "a");
    text.replace(text.find("z9hG4bKa"), 8, "z9hG4bK" + std::to_string(i));
    passed += bench_.handle(office, text) == Outcome::forwarded ? 1 : 0;
  }
  EXPECT_EQ(passed, sbc::Emergency::messages_a_call);
  EXPECT_EQ(bench_.metrics().emergency_calls.count, 1U);
}

TEST_F(EmergencyCalls, ARequestThatIsNoSuchCall) {
  const sbc::Flow office = flow("192.0.2.1");
  EXPECT_EQ(call(office, "a", "sip:1002@198.51.100.1"), Outcome::rule_drop);
  EXPECT_EQ(call(office, "b", "sip:1112@198.51.100.1"), Outcome::rule_drop);
  EXPECT_EQ(call(office, "c", "sip:198.51.100.1;user=112"), Outcome::rule_drop);
  EXPECT_EQ(call(office, "d", "urn:service:counseling"), Outcome::rule_drop);
  std::string text = invite("sip:112@198.51.100.1", "e");
  text.replace(text.find("To: <sip:112@198.51.100.1>"), 26, "To: <sip:112@198.51.100.1>;tag=2");
  EXPECT_EQ(bench_.handle(office, text), Outcome::rule_drop) << "in a dialog";
  text = invite("sip:112@198.51.100.1", "f");
  for (std::size_t found = text.find("INVITE"); found != std::string::npos; found = text.find("INVITE", found))
    text.replace(found, 6, "MESSAGE");
  EXPECT_EQ(bench_.handle(office, text), Outcome::rule_drop) << "no call";
  EXPECT_EQ(bench_.metrics().emergency_calls.count, 0U);
}

/// What a rule drops whatever it says goes unread in a flood, but for what may be such a call.
TEST_F(EmergencyCalls, AreReadAmongWhatIsDroppedUnread) {
  const sbc::Flow office = flow("192.0.2.1");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(call(office, "x" + std::to_string(i), "sip:1002@198.51.100.1"), Outcome::rule_drop);
  EXPECT_EQ(call(office, "help"), Outcome::forwarded);
  EXPECT_EQ(call(flow("203.0.113.1"), "stranger"), Outcome::rule_drop);
}

/// A rule that lets nobody connect lets a trusted source say what it has to say.
TEST_F(EmergencyCalls, OverAConnectionThatARuleWouldRefuse) {
  sbc::Flow stranger = flow("203.0.113.1", 1), office = flow("192.0.2.1", 1);
  stranger.connection = 1;
  office.connection = 2;
  EXPECT_EQ(bench_.connect(stranger), Outcome::rule_drop);
  EXPECT_EQ(bench_.connect(office), Outcome::forwarded);
  EXPECT_EQ(call(office, "a", "sip:1002@198.51.100.1"), Outcome::rule_drop);
  EXPECT_EQ(call(office, "b"), Outcome::forwarded);
}

/// Who sends what he wants in a phone's name spends nothing of what the phone can prove to be its own.
TEST_F(EmergencyCalls, AForgerLeavesThePhoneItsOwn) {
  const sbc::Flow phone = flow("203.0.113.1"), connected = flow("203.0.113.1", 1);
  for (const sbc::Flow& each : {phone, connected}) {
    sbc::Binding binding;
    binding.aor_user = "1001";
    binding.contact_uri = binding.core_contact = "sip:1001@" + each.peer.to_string() + std::to_string(each.listener);
    binding.flow = each;
    binding.expires = bench_.now() + std::chrono::hours(1);
    sbc::DurableState kept;
    kept.bindings.push_back(binding);
    bench_.engine().restore(std::move(kept), bench_.now());
  }
  int passed = 0;
  for (int i = 0; i < 50; ++i) passed += call(phone, "forged" + std::to_string(i)) == Outcome::forwarded ? 1 : 0;
  EXPECT_EQ(passed, 3);
  EXPECT_EQ(call(connected, "real"), Outcome::forwarded);
  EXPECT_EQ(call(flow("203.0.113.2"), "stranger"), Outcome::rule_drop);
}

}  // namespace
}  // namespace postern::testing
