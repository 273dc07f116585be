#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "sbc/net/configuration.hpp"

namespace postern::net {
namespace {

sbc::Endpoint at(const char* address, std::uint16_t port) { return {acl::Address::parse(address).value_or(acl::Address()), port}; }

class Changes : public testing::Test {
 protected:
  Changes() {
    before_.engine.pbx.addresses = {at("10.0.0.5", 15060)};
    before_.engine.listeners.resize(1);
    before_.engine.listeners[0].name = "public";
    before_.engine.listeners[0].bind = at("198.51.100.1", 5060);
    add_rule(before_, "bad networks");
    after_ = before_;
  }
  static void add_rule(Configuration& configuration, const std::string& name) { configuration.rules.rules.emplace_back().name = name; }
  static void compile(Configuration& configuration) {
    auto compiled = acl::Policy::compile(configuration.rules, {});
    configuration.policy = std::get<std::shared_ptr<const acl::Policy>>(std::move(compiled));
  }
  std::string told() {
    compile(before_);
    compile(after_);
    return changes(before_, after_);
  }

  Configuration before_, after_;
};

TEST_F(Changes, OfTheSameAreNone) {
  after_.rules.rules[0].at.line = 17;  // a comment above it
  EXPECT_EQ(told(), "nothing");
}

TEST_F(Changes, OfRulesNameThem) {
  add_rule(after_, "no messages");
  after_.rules.rules[0].action = acl::Action::drop;
  EXPECT_EQ(told(), "rules 2 -> 3 (~bad networks +no messages)");
  after_ = before_;
  after_.rules.rules[0].name = "worse networks";
  EXPECT_EQ(told(), "rules (+worse networks -bad networks)");
  after_ = before_;
  add_rule(before_, "second");
  after_.rules.rules.insert(after_.rules.rules.begin(), before_.rules.rules[1]);
  EXPECT_EQ(told(), "rules (their order)");
}

TEST_F(Changes, OfDevicesNameThem) {
  const auto networks = [](const char* text) {
    return std::make_shared<const std::vector<acl::Network>>(1, acl::Network::parse(text).value().network);
  };
  before_.rules.devices = {{"1001", {networks("10.0.0.0/8")}, {}, {}, {}, {}}, {"2*", {}, {networks("10.0.0.0/8")}, {}, {}, {}}};
  after_ = before_;
  after_.rules.devices[0].permit = {networks("10.0.0.0/8")};
  after_.rules.devices[0].at.line = 17;
  EXPECT_EQ(told(), "nothing");
  after_.rules.devices[1].deny.push_back(networks("192.0.2.1"));
  after_.rules.device_groups["sales"] = {"1001"};
  EXPECT_EQ(told(), "devices ~2*, device_groups");
  after_ = before_;
  std::swap(after_.rules.devices[0], after_.rules.devices[1]);
  after_.rules.emergency = {"110"};
  after_.rules.emergency_prefixes = {"0"};
  EXPECT_EQ(told(), "devices (their order), emergency, emergency_prefixes");
}

TEST_F(Changes, OfCallsAndTrapsAreSeen) {
  before_.rules.calls.emplace();
  before_.rules.calls->classes = {{"local", {"ZXXXXX"}}};
  before_.rules.calls->allow = {{std::nullopt, {"1*"}, {"local"}}};
  after_ = before_;
  after_.rules.calls->at.line = 17;
  EXPECT_EQ(told(), "nothing");
  after_.rules.calls->allow[0].devices = {"*"};
  EXPECT_EQ(told(), "calls");
  after_ = before_;
  after_.engine.listeners[0].trap = true;
  after_.rules.calls.reset();
  EXPECT_EQ(told(), "listeners ~public, calls");
}

TEST_F(Changes, OfRulesWithOneNameAreToldApartByTheirPlace) {
  add_rule(before_, "bad networks");
  after_ = before_;
  EXPECT_EQ(told(), "nothing");
  after_.rules.rules[1].action = acl::Action::drop;
  EXPECT_EQ(told(), "rules (~bad networks)");
  after_.rules.rules.pop_back();
  EXPECT_EQ(told(), "rules 3 -> 2 (-bad networks)");
}

TEST_F(Changes, AreBoundedInLength) {
  for (int i = 0; i < 1000; ++i) add_rule(after_, "rule " + std::to_string(i));
  EXPECT_EQ(told(), "rules 2 -> 1002 (+rule 0 +rule 1 +rule 2 +rule 3 +rule 4 +rule 5 +rule 6 +rule 7 and 992 more)");
}

TEST_F(Changes, OfAllElseSayWhat) {
  sbc::ListenerOptions second = before_.engine.listeners[0];
  second.name = "second";
  second.bind.port = 5070;
  after_.engine.listeners[0].advertise = sbc::HostPort{"door.example", 0};
  after_.engine.listeners.push_back(second);
  after_.engine.pbx.addresses.push_back(at("10.0.0.6", 15060));
  after_.engine.pbx.domain = "pbx.example";
  after_.engine.pbx.timeout = std::chrono::seconds{5};
  after_.engine.trusted.emplace_back(at("192.0.2.1", 0).address, 32U);
  after_.engine.registered_only.push_back(sip::Method::message);
  after_.engine.trunk_networks.emplace_back(at("192.0.2.9", 0).address, 32U);
  after_.engine.redirects = sbc::EngineOptions::Redirects::internal;
  after_.engine.weak_passwords = sbc::EngineOptions::WeakPasswords::off;
  after_.engine.jail.failed.max_retry = 3;
  after_.engine.scanner_score.reset();
  after_.engine.limits.pbx.reset();
  after_.rules.default_action = acl::Action::drop;
  after_.shell.log.level = LogLevel::debug;
  after_.shell.admin.reset();
  after_.shell.hep = at("10.0.0.9", 9060);
  EXPECT_EQ(
      told(),
      "listeners ~public +second, pbx.address 10.0.0.5:15060 -> 10.0.0.5:15060 10.0.0.6:15060, pbx.domain, pbx.timeout 4000 ms -> 5000 "
      "ms, trusted 0 -> 1 networks, trunks, registered_only, default_action allow -> drop, limits, redirects, weak_passwords, jail, "
      "jail.score, admin, hep, log.level");
}

}  // namespace
}  // namespace postern::net
