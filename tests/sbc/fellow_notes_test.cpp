// Two workers: what happens at one makes it tell the other, and what the other then does otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sbc/fellows.hpp"
#include "sip/prescreen.hpp"
#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view config = R"(
listeners: [udp://198.51.100.1:5060, tcp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080, health_check: 30s, health_check_user: probe}
limits: {per_source: off, per_source_methods: {REGISTER: off}, unknown_sources: off, pbx: off}
rules: [{name: no evil phones, user_agent: evil, action: ban, ban_time: 1h}]
user_agents: {evil: [evilphone]}
workers: 2
)";
constexpr const char* phone = "203.0.113.7";

/// What each tells waits until deliver(), as it waits for the other's thread.
class FellowNotes : public ::testing::Test {
 protected:
  struct Worker final : sbc::Fellows {
    void tell(sbc::Note note) override { told.push_back(std::move(note)); }
    [[nodiscard]] bool is_ours(const acl::Address& /*source*/) const override { return has_all; }
    void hand_over(const acl::Address& /*source*/, const sbc::Flow& core, std::string_view bytes) override { other->handle(core, bytes); }

    std::vector<sbc::Note> told;
    bool has_all = true;
    EngineBench* other = nullptr;
    std::unique_ptr<EngineBench> bench;
  };

  FellowNotes() {
    const auto shared = std::make_shared<sbc::Shared>(1, false);
    for (std::uint16_t i = 0; i < 2; ++i)
      workers_.at(i).bench = std::make_unique<EngineBench>(config, "test.yaml", i, sbc::Company{&workers_.at(i), shared});
    workers_[0].other = workers_[1].bench.get();
    workers_[1].other = workers_[0].bench.get();
  }
  EngineBench& at(std::size_t worker) { return *workers_.at(worker).bench; }

  /// How many notes of that kind.
  template <class Kind>
  std::size_t told(std::size_t worker) {
    return static_cast<std::size_t>(
        std::ranges::count_if(workers_.at(worker).told, [](const sbc::Note& note) { return std::holds_alternative<Kind>(note); }));
  }
  void deliver() {
    for (std::size_t i = 0; i < 2; ++i) {
      for (const sbc::Note& note : std::exchange(workers_.at(i).told, {})) at(1 - i).engine().learn(note, at(1 - i).now());
      ASSERT_TRUE(workers_.at(1 - i).told.empty() || i == 0) << "what is learned is not told again";
    }
  }
  void wait(std::chrono::nanoseconds duration) {
    for (Worker& worker : workers_) worker.bench->wait(duration);
  }
  sbc::Flow from(std::size_t worker, const char* address, std::uint8_t listener = 0) {
    return at(worker).access_flow({*acl::Address::parse(address), 5062}, listener);
  }
  std::string request(const std::string& method, const std::string& call_id, const std::string& more = {},
                      const std::string& uri = "sip:198.51.100.1") {
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bK-" + std::to_string(++requests_) +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:1001@198.51.100.1>;tag=1\r\nTo: <sip:1001@198.51.100.1>\r\nCall-ID: " + call_id +
           "\r\nCSeq: 1 " + method + "\r\n" + more + "Content-Length: 0\r\n\r\n";
  }
  static std::string contact(const std::string& uri) { return "Contact: <" + uri + ">\r\n"; }
  /// What a phone sends that has asked for a challenge there.
  std::string credentials(std::size_t worker, const char* source = phone) {
    at(worker).handle(from(worker, source), request("REGISTER", "asks", contact("sip:1001@192.168.1.20")));
    answer(worker, "401 Unauthorized", challenge);
    const std::string challenged = sent_to(worker, sbc::Side::access);
    const std::size_t opaque = challenged.find("opaque=");
    EXPECT_NE(opaque, std::string::npos) << challenged;
    return "Authorization: Digest username=\"1001\", realm=\"pbx\", nonce=\"0123456789abcdef\", uri=\"sip:198.51.100.1\", response=\"" +
           std::to_string(++requests_) + "\", " + challenged.substr(opaque, challenged.find_first_of(",\r", opaque) - opaque) + "\r\n";
  }
  static constexpr const char* challenge = "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"0123456789abcdef\"\r\n";

  /// The last message that it sent to that side.
  std::string sent_to(std::size_t worker, sbc::Side side) {
    const auto& sent = at(worker).sent;
    const auto last = std::find_if(sent.rbegin(), sent.rend(), [side](const Sent& each) { return each.flow.side == side; });
    return last == sent.rend() ? std::string{} : last->bytes;
  }
  /// The PBX answers what that worker sent it last.
  void answer(std::size_t worker, const std::string& status, const std::string& more = {}, bool with_contacts = false) {
    const std::string asked = sent_to(worker, sbc::Side::core);
    sip::RawMessage seen;
    ASSERT_EQ(sip::prescreen(asked, seen).result, sip::PrescreenResult::message);
    std::string text = "SIP/2.0 " + status + "\r\n";
    for (const sip::HeaderLine& header : seen.header_lines()) {
      using Name = sip::HeaderName;
      const bool copied = header.name == Name::via || header.name == Name::from || header.name == Name::to ||
                          header.name == Name::call_id || header.name == Name::cseq || (with_contacts && header.name == Name::contact);
      if (copied) text += seen.text(header.line);
      if (header.name == Name::to) text.insert(text.size() - 2, ";tag=pbx-tag");
    }
    at(worker).handle(at(worker).pbx_flow(), text + more + "Content-Length: 0\r\n\r\n");
  }
  void register_at(std::size_t worker, const std::string& call_id, const std::string& uri, const char* source = phone) {
    EXPECT_EQ(at(worker).handle(from(worker, source), request("REGISTER", call_id, contact(uri) + credentials(worker, source))),
              sbc::Outcome::forwarded);
    answer(worker, "200 OK", "Expires: 3600\r\n", true);
  }
  bool pbx_up_at(std::size_t worker) { return at(worker).metrics().pbx_up.at(0).up; }
  std::size_t unregistered_events() {
    std::size_t count = 0;
    for (Worker& worker : workers_)
      count += static_cast<std::size_t>(std::ranges::count(worker.bench->events, sbc::EventKind::unregistered, &RecordedEvent::kind));
    return count;
  }

  std::array<Worker, 2> workers_;
  int requests_ = 0;
};

TEST_F(FellowNotes, ABanOfOneHoldsAtTheOther) {
  at(0).connect(from(0, phone, 1));
  EXPECT_EQ(at(0).handle(from(0, phone, 1), request("OPTIONS", "evil", "User-Agent: evilphone\r\n")), sbc::Outcome::rule_ban);
  ASSERT_EQ(told<sbc::BanNote>(0), 1U);
  EXPECT_EQ(at(1).handle(from(1, phone), request("OPTIONS", "before")), sbc::Outcome::forwarded);
  deliver();
  EXPECT_EQ(at(1).handle(from(1, phone), request("OPTIONS", "after")), sbc::Outcome::banned);
}

TEST_F(FellowNotes, OnlyTheFirstAsksThePbxAndBothKnowWhetherItAnswers) {
  wait(1ms);
  EXPECT_THAT(sent_to(0, sbc::Side::core), StartsWith("OPTIONS "));
  EXPECT_EQ(sent_to(1, sbc::Side::core), "");
  wait(5s);
  EXPECT_FALSE(pbx_up_at(0));
  EXPECT_TRUE(pbx_up_at(1));
  EXPECT_EQ(told<sbc::PbxNote>(0), 1U);
  deliver();
  EXPECT_FALSE(pbx_up_at(1));
  at(0).sent.clear();
  for (int i = 0; i < 60 && at(0).sent.empty(); ++i) wait(1s);
  answer(0, "200 OK");
  EXPECT_TRUE(pbx_up_at(0));
  deliver();
  EXPECT_TRUE(pbx_up_at(1));
}

TEST_F(FellowNotes, WhoDoubtsHasTheFirstAsk) {
  wait(5s);
  deliver();
  ASSERT_FALSE(pbx_up_at(1));
  at(0).sent.clear();
  // It lives: a request of the PBX comes to the second.
  at(1).handle(at(1).pbx_flow(), request("OPTIONS", "of-the-pbx"));
  ASSERT_EQ(told<sbc::PbxDoubtNote>(1), 1U);
  wait(1s);
  EXPECT_EQ(sent_to(0, sbc::Side::core), "");
  deliver();
  wait(1s);
  EXPECT_THAT(sent_to(0, sbc::Side::core), StartsWith("OPTIONS "));
}

TEST_F(FellowNotes, LoginsThatFailAtOneExplainTheSilenceToTheOther) {
  for (const char* call_id : {"one", "two", "three"}) {
    at(1).handle(from(1, phone), request("REGISTER", call_id, contact("sip:1001@192.168.1.20") + credentials(1)));
    answer(1, "403 Forbidden");
  }
  EXPECT_EQ(told<sbc::FailedLoginNote>(1), 3U);
  deliver();
  wait(5s);
  const auto down = std::ranges::find(at(0).events, sbc::EventKind::pbx_down, &RecordedEvent::kind);
  ASSERT_NE(down, at(0).events.end());
  EXPECT_THAT(down->message, HasSubstr("fail2ban-client unban"));
}

TEST_F(FellowNotes, AUserWhoIsNotThereLooksTheSameAtBoth) {
  const std::string unknown = contact("sip:1@192.168.1.21");
  at(1).handle(from(1, phone), request("REGISTER", "known", contact("sip:1001@192.168.1.20")));
  answer(1, "401 Unauthorized", challenge);
  ASSERT_EQ(told<sbc::ChallengeNote>(1), 1U);
  at(0).handle(from(0, "192.0.2.9"), request("REGISTER", "before", unknown));
  answer(0, "404 Not Found");
  EXPECT_THAT(sent_to(0, sbc::Side::access), StartsWith("SIP/2.0 404 "));
  deliver();
  at(0).handle(from(0, "192.0.2.9"), request("REGISTER", "after", unknown));
  answer(0, "404 Not Found");
  EXPECT_THAT(sent_to(0, sbc::Side::access), StartsWith("SIP/2.0 401 "));
  EXPECT_THAT(sent_to(0, sbc::Side::access), HasSubstr("realm=\"pbx\""));
}

/// The PBX was given the Contact by a worker that the phone does not come to any more, and its URI was too long for the token.
TEST_F(FellowNotes, WhatIsForADeviceOfTheOtherIsHandedOver) {
  const std::string device = "sip:1001@192.168.1.20:5062;x=" + std::string(400, 'x');
  register_at(0, "phone", device);
  const std::string registered = sent_to(0, sbc::Side::core);
  const std::size_t begin = registered.find("sip:1001~");
  const std::string target = registered.substr(begin, registered.find('>', begin) - begin);
  ASSERT_EQ(told<sbc::ContentNote>(0), 1U);
  workers_[1].has_all = false;
  EXPECT_EQ(at(1).handle(at(1).pbx_flow(), request("INVITE", "before", contact("sip:a@10.0.0.5:15060"), target)), sbc::Outcome::bad_token);
  deliver();
  EXPECT_EQ(at(1).handle(at(1).pbx_flow(), request("INVITE", "after", contact("sip:a@10.0.0.5:15060"), target)), sbc::Outcome::handed_over);
  EXPECT_THAT(sent_to(0, sbc::Side::access), StartsWith("INVITE " + device + " SIP/2.0\r\n"));
}

TEST_F(FellowNotes, ARequestThatTheOtherSentIsALoop) {
  at(1).handle(from(1, phone), request("OPTIONS", "round"));
  const std::string once = sent_to(1, sbc::Side::core);
  ASSERT_THAT(once, HasSubstr("Via: SIP/2.0/UDP 10.0.0.2:5081"));
  EXPECT_EQ(at(0).handle(from(0, "10.0.0.5"), once), sbc::Outcome::loop);
  std::string made_up = once;
  const std::size_t branch = made_up.find("branch=z9hG4bK") + std::string("branch=z9hG4bK").size();
  made_up.replace(branch, 22, std::string(22, 'A'));
  EXPECT_NE(at(0).handle(from(0, "10.0.0.5"), made_up), sbc::Outcome::loop) << "nobody finds out by a guess what our address there is";
}

TEST_F(FellowNotes, ADeviceThatComesBackAtTheOtherTakesItsOldContactOff) {
  register_at(0, "device", "sip:1001@192.168.1.20");
  const std::string first = sent_to(0, sbc::Side::core);
  const std::size_t begin = first.find("sip:1001~");
  const std::string old_contact = first.substr(begin, first.find('>', begin) - begin);
  EXPECT_EQ(told<sbc::RegisteredNote>(0), 1U);
  deliver();
  register_at(1, "device", "sip:1001@192.168.1.20");
  EXPECT_THAT(sent_to(1, sbc::Side::core), HasSubstr("<" + old_contact + ">;expires=0"));
  EXPECT_EQ(told<sbc::UnregisteredNote>(1), 1U);
  EXPECT_EQ(at(0).gauges().registrations, 1U);
  deliver();
  EXPECT_EQ(at(0).gauges().registrations, 0U);
  EXPECT_EQ(at(1).gauges().registrations, 1U);
  EXPECT_EQ(unregistered_events(), 0U) << "it is registered still";
}

/// Of an AOR it keeps as many as the other does, and what ends by its time ends here as well.
TEST_F(FellowNotes, KnowsNoMoreBindingsOfTheOtherThanTheOtherHas) {
  constexpr std::size_t most = sbc::Registrations::bindings_an_aor;
  for (std::size_t i = 0; i < most + 2; ++i)
    register_at(0, "device-" + std::to_string(i), "sip:1001@192.168.1.20:" + std::to_string(5060 + i));
  EXPECT_EQ(at(0).gauges().registrations, most);
  EXPECT_EQ(told<sbc::UnregisteredNote>(0), 0U) << "the other evicts the same";
  deliver();
  EXPECT_EQ(at(1).gauges().fellow_registrations, most);
  EXPECT_EQ(at(0).gauges().fellow_registrations, 0U);
  wait(2h);
  EXPECT_EQ(at(0).gauges().registrations, 0U);
  EXPECT_EQ(at(1).gauges().fellow_registrations, 0U);
}

/// Nobody told of it: the one had no such binding, and the other had not seen the REGISTER.
TEST_F(FellowNotes, WhoHasTheBindingTellsThatItsDeviceTookItselfOffAtTheOther) {
  register_at(0, "device", "sip:1001@192.168.1.20");
  deliver();
  at(1).handle(from(1, "203.0.113.8"), request("REGISTER", "off", "Contact: *\r\nExpires: 0\r\n" + credentials(1, "203.0.113.8")));
  answer(1, "200 OK");
  deliver();
  EXPECT_EQ(at(0).gauges().registrations, 0U);
  EXPECT_EQ(unregistered_events(), 1U);
}

/// The URI in that message's Contact.
std::string contact_in(const std::string& message) {
  const std::size_t begin = message.find("Contact: <") + std::string("Contact: <").size();
  return message.substr(begin, message.find('>', begin) - begin);
}

/// The routes that the first answer recorded go for the dialog, whoever has its later messages.
TEST_F(FellowNotes, ARouteSetOfOneIsTheOthersToo) {
  for (const bool delivered : {false, true}) {
    const std::string call = delivered ? "told" : "not-told";
    at(1).handle(from(1, phone), request("INVITE", call, contact("sip:1001@192.168.1.20")));
    const std::string target = contact_in(sent_to(1, sbc::Side::core));
    answer(1, "200 OK", "Record-Route: <sip:10.0.0.9;lr>, <sip:10.0.0.5:15060;lr>\r\n" + contact("sip:a@10.0.0.5:15060"));
    ASSERT_EQ(told<sbc::RouteSetNote>(1), 1U);
    if (delivered) deliver();
    workers_[1].told.clear();

    std::string again = request("INVITE", call, contact("sip:a@10.0.0.5:15060"), target);
    again.replace(again.find(";tag=1"), 6, ";tag=pbx-tag");
    again.insert(again.find("\r\n", again.find("To: ")), ";tag=1");
    at(0).handle(at(0).pbx_flow(), again);
    std::string bye = request("BYE", call, {}, contact_in(sent_to(0, sbc::Side::access)));
    bye.insert(bye.find("\r\n", bye.find("To: ")), ";tag=pbx-tag");
    at(0).handle(from(0, phone), bye);
    EXPECT_THAT(sent_to(0, sbc::Side::core), StartsWith("BYE "));
    EXPECT_EQ(sent_to(0, sbc::Side::core).find("Route: <sip:10.0.0.9;lr>") != std::string::npos, delivered);
  }
}

}  // namespace
}  // namespace postern::testing
