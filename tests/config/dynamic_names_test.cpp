// Networks that are DNS names: what they stand for is told to load(), which looks nothing up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"

namespace postern::config::test {
namespace {

constexpr std::string_view yaml = R"(
listeners: [udp://127.0.0.1:5060]
pbx: udp://127.0.0.1:15060
networks:
  anna: {name: anna.dyn.example, refresh: 30s}
  home: [192.0.2.0/24, {name: bob.dyn.example}]
trusted: [anna]
rules: [{source: home, action: allow}, {source: anna, action: drop}]
)";

LoadResult load(const NameAnswers& answers) { return load_text(yaml, "test.yaml", POSTERN_SOURCE_DIR, answers); }

TEST(DynamicNames, AreForTheDaemonToLookUp) {
  const LoadResult loaded = load({});
  ASSERT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded.problems.empty()) << loaded.problems.front().to_string();
  const auto& names = loaded.config.shell.names;
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0].host, "anna.dyn.example");
  EXPECT_EQ(names[0].refresh, std::chrono::seconds(30));
  EXPECT_EQ(names[1].refresh, std::chrono::minutes(2));
  EXPECT_TRUE(loaded.config.engine.trusted.empty());
}

TEST(DynamicNames, StandForTheirAddresses) {
  const auto v4 = *acl::Address::parse("203.0.113.7"), v6 = *acl::Address::parse("2001:db8::7");
  const LoadResult loaded = load({{"anna.dyn.example", {v6, v4}}, {"carl.dyn.example", {v4}}});
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(loaded.config.engine.trusted, ::testing::UnorderedElementsAre(acl::Network(v4, 32), acl::Network(v6, 128)));
  EXPECT_EQ(loaded.config.policy.rules[0].when.source->values.size(), 1U);
  EXPECT_EQ(loaded.config.policy.rules[1].when.source->values.size(), 2U);
}

TEST(Kernel, XdpIsYetToCome) {
  const LoadResult loaded = load_text(std::string(yaml) + "kernel: xdp\n", "test.yaml", POSTERN_SOURCE_DIR);
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_THAT(loaded.problems[0].to_string(), ::testing::HasSubstr("kernel: warning: xdp has no effect in this version"));
  EXPECT_EQ(loaded.config.shell.kernel, net::Kernel::off);
}

}  // namespace
}  // namespace postern::config::test
