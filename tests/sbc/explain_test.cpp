// What explain says of one packet: the engine's own verdict, in the operator's words.
#include "sbc/explain.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "config/load.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {
namespace {

constexpr const char* file = R"(listeners: [{address: udp://192.0.2.10:5060, name: public}, "udp://[2001:db8::10]:5060"]
pbx: udp://10.0.0.5:15060
networks: {office: [203.0.113.0/24], bad: [198.51.100.66]}
trusted: [office]
limits: {per_source: {rate: 1/h, burst: 1}, per_source_methods: {INVITE: {rate: 1/h, burst: 2}}, pbx: {rate: 1/s, burst: 1}}
rules:
  - {name: known bad, source: bad, action: drop}
  - {name: scanning, user_agent: builtin, action: ban}
  - {name: seen only, methods: OPTIONS, action: drop, log_only: on}
  - {name: calls, methods: INVITE, registered: off, action: reject, status: 480}
  - name: extensions
    methods: REGISTER
    unless: {to_user: "1*"}
    action: reject
  - {name: the second listener, listener: {not: public}, action: drop}
builtin_scanners: off
registered_only: [MESSAGE]
)";

class Explained : public ::testing::Test {
 protected:
  void SetUp() override {
    loaded_ = config::load_text(file, "p.yaml", "/nowhere");
    ASSERT_TRUE(loaded_.ok()) << loaded_.problems.at(0).to_string();
    sketch_.source = {*acl::Address::parse("198.51.100.7"), 0};
  }

  Explanation explained(std::optional<std::string_view> message = std::nullopt) {
    auto result = explain(loaded_.config.engine, loaded_.policy, sketch_, message);
    if (const auto* problem = std::get_if<std::string>(&result)) throw std::runtime_error(*problem);
    return std::get<Explanation>(result);
  }
  std::string problem() {
    auto result = explain(loaded_.config.engine, loaded_.policy, sketch_);
    const auto* text = std::get_if<std::string>(&result);
    return text == nullptr ? "" : *text;
  }

  config::LoadResult loaded_;
  RequestSketch sketch_;
};

TEST_F(Explained, AMethodOfRegisteredOnlyNeedsARegistration) {
  sketch_.method = "MESSAGE";
  const Explanation stranger = explained();
  EXPECT_EQ(stranger.verdict, acl::Action::reject);
  EXPECT_EQ(stranger.outcome, Outcome::registered_only);
  EXPECT_EQ(stranger.status, 403);
  EXPECT_EQ(stranger.rule, std::nullopt);
  sketch_.registered = true;
  EXPECT_EQ(explained().verdict, acl::Action::allow);
  sketch_.registered = false;
  sketch_.source.address = *acl::Address::parse("203.0.113.9");  // trusted
  EXPECT_EQ(explained().verdict, acl::Action::allow);
}

TEST_F(Explained, WhatComesOverAConnectionIsAnsweredThereOrNotAcceptedAtAll) {
  loaded_ = config::load_text(
      "listeners: [tcp://192.0.2.10:5060]\npbx: udp://10.0.0.5:15060\nnetworks: {bad: [198.51.100.66]}\n"
      "rules: [{name: known bad, source: bad, action: drop}]\nregistered_only: [MESSAGE]\n",
      "p.yaml", "/nowhere");
  ASSERT_TRUE(loaded_.ok()) << loaded_.problems.at(0).to_string();
  sketch_.method = "MESSAGE";
  EXPECT_EQ(explained().status, 403);
  EXPECT_EQ(explained().outcome, Outcome::registered_only);
  sketch_.source.address = *acl::Address::parse("198.51.100.66");
  EXPECT_EQ(explained().verdict, acl::Action::drop);
  EXPECT_EQ(explained().rule_name, "known bad");
}

TEST_F(Explained, WhatNoRuleMatchesIsTheDefaultActions) {
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::allow);
  EXPECT_EQ(explanation.rule_name, "default_action");
  EXPECT_EQ(explanation.outcome, Outcome::forwarded);
  EXPECT_TRUE(explanation.at.file.empty());
}

TEST_F(Explained, ARuleIsNamedWithItsLine) {
  sketch_.source.address = *acl::Address::parse("198.51.100.66");
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::drop);
  EXPECT_EQ(explanation.outcome, Outcome::rule_drop);
  EXPECT_EQ(explanation.rule_name, "known bad");
  EXPECT_EQ(explanation.at.file, "p.yaml");
  EXPECT_EQ(explanation.at.line, 7);
  EXPECT_EQ(explanation.status, 0);
}

TEST_F(Explained, ARejectHasItsStatus) {
  sketch_.method = "INVITE";
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::reject);
  EXPECT_EQ(explanation.status, 480);
  EXPECT_EQ(explanation.at.line, 10);
}

TEST_F(Explained, ARegisteredFlowIsOne) {
  sketch_.method = "INVITE";
  sketch_.registered = true;
  EXPECT_EQ(explained().verdict, acl::Action::allow);
}

TEST_F(Explained, ABanOfATrustedSourceIsADrop) {
  sketch_.user_agent = "friendly-scanner";
  EXPECT_EQ(explained().verdict, acl::Action::ban);
  sketch_.source.address = *acl::Address::parse("203.0.113.7");
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::drop);
  EXPECT_EQ(explanation.outcome, Outcome::rule_ban);
}

TEST_F(Explained, UsersAreThoseOfTheUris) {
  sketch_.method = "REGISTER";
  EXPECT_EQ(explained().rule_name, "extensions");
  sketch_.from = "sip:1001@sip.example.com";  // To of a REGISTER is From unless it is said
  EXPECT_EQ(explained().rule_name, "default_action");
  sketch_.to = "sip:2001@sip.example.com";
  EXPECT_EQ(explained().rule_name, "extensions");
}

TEST_F(Explained, AGateIsNamedWithItsLine) {
  loaded_ = config::load_text(
      "listeners: [udp://192.0.2.10:5060]\npbx: udp://10.0.0.5:15060\ntrusted: [203.0.113.0/24]\nrules: [{name: all, action: allow}]\n"
      "device_groups: {sales: \"T2_*\"}\ndevices:\n  \"1001\": {permit: 192.0.2.0/24}\n  sales: {deny: 203.0.113.9}\n",
      "p.yaml", "/nowhere");
  ASSERT_TRUE(loaded_.ok()) << loaded_.problems.at(0).to_string();
  sketch_.source.address = *acl::Address::parse("203.0.113.9");
  sketch_.method = "REGISTER";
  sketch_.from = "sip:1001@sip.example.com";
  Explanation explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::reject);
  EXPECT_EQ(explanation.outcome, Outcome::device_denied);
  EXPECT_EQ(explanation.status, 403);
  EXPECT_EQ(explanation.rule_name, "devices.1001");
  EXPECT_EQ(explanation.at.file, "p.yaml");
  EXPECT_EQ(explanation.at.line, 7);
  EXPECT_EQ(explanation.rule, std::nullopt);
  sketch_.from = "sip:T2_101@sip.example.com";
  explanation = explained();
  EXPECT_EQ(explanation.rule_name, "devices.sales");
  EXPECT_EQ(explanation.at.line, 8);
  sketch_.source.address = *acl::Address::parse("192.0.2.9");
  explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::allow);
  EXPECT_EQ(explanation.rule_name, "all");
}

TEST_F(Explained, AnEmergencyCallOfARegisteredFlowPassesAll) {
  loaded_ = config::load_text(
      "listeners: [udp://192.0.2.10:5060]\npbx: udp://10.0.0.5:15060\nrules: [{name: none, action: drop}]\n"
      "devices: {\"1001\": {permit: 192.0.2.0/24}}\nemergency: [\"110\"]\nemergency_prefixes: [\"0\"]\n",
      "p.yaml", "/nowhere");
  ASSERT_TRUE(loaded_.ok()) << loaded_.problems.at(0).to_string();
  sketch_.method = "INVITE";
  sketch_.from = "sip:1001@sip.example.com";
  sketch_.request_uri = "sip:0110@sip.example.com";
  EXPECT_EQ(explained().rule_name, "none");
  sketch_.registered = true;
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.verdict, acl::Action::allow);
  EXPECT_EQ(explanation.outcome, Outcome::forwarded);
  EXPECT_EQ(explanation.rule_name, "emergency");
  EXPECT_EQ(explanation.at.line, 5);
  sketch_.request_uri = "sip:112@sip.example.com";
  EXPECT_EQ(explained().rule_name, "none") << "the file has its own numbers";
}

TEST_F(Explained, TheListenerIsTheFirstOfTheSourcesFamily) {
  sketch_.source.address = *acl::Address::parse("2001:db8::7");
  EXPECT_EQ(explained().rule_name, "the second listener");
  sketch_.listener = "public";
  EXPECT_EQ(explained().rule_name, "default_action");
}

TEST_F(Explained, AMessageIsJudgedByItsBytes) {
  const Explanation explanation = explained(
      "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\nMax-Forwards: 0\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
      "<sip:a@b>\r\n"
      "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(explanation.verdict, acl::Action::reject);
  EXPECT_EQ(explanation.outcome, Outcome::malformed);
  EXPECT_EQ(explanation.status, 483);
  EXPECT_FALSE(explanation.rule) << "a rule let it pass, and did not decide";
  EXPECT_EQ(explained("nonsense").outcome, Outcome::garbage);
  EXPECT_EQ(explained("\r\n\r\n").verdict, acl::Action::allow);
}

TEST_F(Explained, WhatMakesNoRequestIsTold) {
  const auto with = [this](auto&& change) {
    const RequestSketch kept = sketch_;
    change(sketch_);
    const std::string told = problem();
    sketch_ = kept;
    return told;
  };
  EXPECT_EQ(with([](RequestSketch& s) { s.listener = "privat"; }),
            "no listener is named privat (there are public, udp://[2001:db8::10]:5060)");
  EXPECT_EQ(with([](RequestSketch& s) { s.transport = Transport::tls; }),
            "no listener takes tls (there are public, udp://[2001:db8::10]:5060)");
  EXPECT_EQ(with([](RequestSketch& s) { s.listener = "public", s.transport = Transport::tcp; }), "the listener public takes udp alone");
  EXPECT_NE(with([](RequestSketch& s) { s.from = "sip:a@b>\r\nTo: <sip:c@d"; }), "");
  EXPECT_NE(with([](RequestSketch& s) { s.to = "1001"; }), "");
  EXPECT_NE(with([](RequestSketch& s) { s.request_uri = "http://x"; }), "");
  EXPECT_NE(with([](RequestSketch& s) { s.user_agent = "a\r\nTo: <sip:c@d>"; }), "");
  EXPECT_NE(with([](RequestSketch& s) { s.method = "register"; }), "");
}

TEST_F(Explained, TheRequestIsWellFormed) {
  for (const char* method : {"REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "ACK", "CANCEL"}) {
    sketch_.method = method;
    sketch_.from = "sip:1001@sip.example.com;transport=udp";
    sketch_.request_uri = "sip:[2001:db8::1]:5070";
    std::string problem;
    const auto way = flow_of(loaded_.config.engine, sketch_);
    const auto text = write_request(sketch_, std::get<Flow>(way), problem);
    ASSERT_TRUE(text) << problem;
    sip::RawMessage raw;
    EXPECT_EQ(sip::prescreen(*text, raw).result, sip::PrescreenResult::message);
    EXPECT_EQ(raw.from_user, "1001");
    EXPECT_EQ(raw.method_text, method);
  }
}

TEST_F(Explained, ARegistersRequestUriNamesNoUser) {
  sketch_.method = "REGISTER";
  sketch_.to = "sip:1001@sip.example.com:5062";
  std::string problem;
  const auto way = flow_of(loaded_.config.engine, sketch_);
  const auto text = write_request(sketch_, std::get<Flow>(way), problem);
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->starts_with("REGISTER sip:sip.example.com:5062 SIP/2.0\r\n")) << *text;
}

}  // namespace
}  // namespace postern::sbc
