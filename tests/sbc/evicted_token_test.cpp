// A Contact too long for its token stands in a bounded table, which anybody's REGISTER fills: a registered phone is reached all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "sip/prescreen.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

constexpr std::string_view config = R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
limits: {per_source: off, per_source_methods: {REGISTER: off}, unknown_sources: off, pbx: off}
)";

std::string request(const std::string& method, const std::string& uri, const std::string& call_id, const std::string& contact) {
  return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK-" + call_id +
         "\r\nMax-Forwards: 70\r\nFrom: <sip:1001@198.51.100.1>;tag=1\r\nTo: <sip:1001@198.51.100.1>\r\nCall-ID: " + call_id +
         "\r\nCSeq: 1 " + method + "\r\nContact: <" + contact + ">\r\nContent-Length: 0\r\n\r\n";
}

class EvictedToken : public ::testing::Test {
 protected:
  [[nodiscard]] sbc::Flow from(const char* address) const { return bench_.access_flow({*acl::Address::parse(address), 5062}); }

  /// The last message that went to that side.
  [[nodiscard]] std::string sent_to(sbc::Side side) const {
    const auto last = std::find_if(bench_.sent.rbegin(), bench_.sent.rend(), [side](const Sent& sent) { return sent.flow.side == side; });
    return last == bench_.sent.rend() ? std::string{} : last->bytes;
  }

  /// Registers the phone for an hour; the URI that the PBX was given.
  std::string registered(const std::string& contact) {
    bench_.handle(phone_, request("REGISTER", "sip:198.51.100.1", "phone", contact));
    const std::string sent = sent_to(sbc::Side::core);
    sip::RawMessage seen;
    EXPECT_EQ(sip::prescreen(sent, seen).result, sip::PrescreenResult::message);
    std::string answer = "SIP/2.0 200 OK\r\n";
    for (const sip::HeaderLine& header : seen.header_lines()) {
      if (header.name != sip::HeaderName::max_forwards && header.name != sip::HeaderName::x_postern) answer += seen.text(header.line);
    }
    bench_.handle(bench_.pbx_flow(), answer + "Expires: 3600\r\n\r\n");
    EXPECT_EQ(bench_.gauges().registrations, 1U);
    const std::string_view uri = seen.text(seen.find(sip::HeaderName::contact)->value);
    return std::string(uri.substr(1, uri.size() - 2));
  }

  /// Strangers' REGISTERs, which the PBX leaves unanswered, until the table has lost an entry.
  void flood() {
    const std::string long_contact = "sip:1@192.0.2.9;x=" + std::string(12'000, 'x');
    constexpr int most = 4000;
    for (int i = 0; i < most && bench_.gauges().evicted_tokens == 0; ++i) {
      const std::string number = std::to_string(i);
      const auto outcome =
          bench_.handle(from("192.0.2.9"), request("REGISTER", "sip:198.51.100.1", "flood" + number, long_contact + number));
      ASSERT_EQ(outcome, sbc::Outcome::forwarded) << sbc::info(outcome).word;
      if (i % 100 == 0) bench_.wait(std::chrono::seconds{5});  // their transactions end
      bench_.sent.clear();
    }
    ASSERT_GT(bench_.gauges().evicted_tokens, 0U);
  }

  EngineBench bench_{config};
  const sbc::Flow phone_ = from("203.0.113.7");
};

TEST_F(EvictedToken, ItsRegistrationStillKnowsThePhone) {
  const std::string contact = "sip:1001@192.168.1.20:5062;x=" + std::string(400, 'x');
  const std::string target = registered(contact);
  ASSERT_LT(target.size(), 100U) << "the token holds a key of the table";
  flood();

  EXPECT_EQ(bench_.handle(bench_.pbx_flow(), request("INVITE", target, "call", "sip:asterisk@10.0.0.5:15060")), sbc::Outcome::forwarded);
  ASSERT_FALSE(bench_.sent.empty());
  EXPECT_EQ(bench_.sent.back().flow, phone_);
  EXPECT_TRUE(bench_.sent.back().bytes.starts_with("INVITE " + contact + " SIP/2.0\r\n")) << bench_.sent.back().bytes;

  // Nobody else knows it: once the registration has ended, the token leads nowhere.
  bench_.wait(std::chrono::hours{2});
  EXPECT_EQ(bench_.handle(bench_.pbx_flow(), request("INVITE", target, "later", "sip:asterisk@10.0.0.5:15060")), sbc::Outcome::bad_token);
  EXPECT_TRUE(sent_to(sbc::Side::core).starts_with("SIP/2.0 404 "));
}

}  // namespace
}  // namespace postern::testing
