#include "acl/call_policy.hpp"

#include <gtest/gtest.h>

namespace postern::acl {
namespace {

SharedNetworks networks(const char* text) {
  return std::make_shared<const std::vector<Network>>(std::vector{Network::parse(text)->network});
}

CallOptions options() {
  CallOptions options;
  options.classes = {{"internal", {"1XXX", "*XX"}}, {"national", {"0ZXXXXXXXX"}}, {"international", {"00."}}, {"premium", {"00881."}}};
  options.allow = {{{{networks("203.0.113.0/24")}}, {}, {"internal", "national"}},
                   {{}, {"1*", "sales"}, {"internal"}},
                   {{{networks("203.0.113.0/25"), networks("2001:db8::/32")}}, {"boss"}, {"international"}}};
  return options;
}

const DeviceGroups groups{{"sales", {"kx83hd"}}};

CallPolicy policy(const CallOptions& written) { return std::get<CallPolicy>(CallPolicy::compile(written, groups)); }

TEST(CallPolicy, OneEntryThatMatchesAndHasTheClassIsEnough) {
  const CallPolicy calls = policy(options());
  const auto allows = [&](const char* source, const char* device, const char* number) {
    return calls.allows(*Address::parse(source), device, calls.classify(number));
  };
  EXPECT_TRUE(allows("203.0.113.7", "anybody", "0301234567")) << "by the network";
  EXPECT_FALSE(allows("198.51.100.7", "anybody", "0301234567"));
  EXPECT_TRUE(allows("198.51.100.7", "1001", "1002")) << "by the pattern";
  EXPECT_FALSE(allows("198.51.100.7", "1001", "0301234567")) << "an entry that matches and lacks the class";
  EXPECT_TRUE(allows("198.51.100.7", "kx83hd", "*98")) << "by the group";
  EXPECT_FALSE(allows("198.51.100.7", "sales", "*98")) << "no device of it";
  EXPECT_TRUE(allows("203.0.113.7", "boss", "0049301")) << "the first entry lacks it and does not end the search";
  EXPECT_FALSE(allows("203.0.113.200", "boss", "0049301")) << "both conditions must hold";
  EXPECT_TRUE(allows("2001:db8::1", "boss", "0049301"));
  EXPECT_FALSE(allows("203.0.113.7", "boss", "008816")) << "a class that nobody has";
  EXPECT_FALSE(allows("203.0.113.7", "boss", "7")) << "in no class";
  EXPECT_EQ(calls.name_of(*calls.classify("008816")), "premium");
}

TEST(CallPolicy, WithoutEntriesNobodyCalls) {
  CallOptions written = options();
  written.allow.clear();
  EXPECT_FALSE(policy(written).allows(*Address::parse("203.0.113.7"), "1001", 0));
  written.allow = {{std::vector<SharedNetworks>{}, {}, {"internal"}}};
  EXPECT_FALSE(policy(written).allows(*Address::parse("203.0.113.7"), "1001", 0)) << "a source that holds no network is not any source";
}

TEST(CallPolicy, SaysWhatIsWrong) {
  const auto error_of = [](const CallOptions& written) { return std::get<std::string>(CallPolicy::compile(written, groups)); };
  CallOptions written = options();
  written.classes[1].patterns = {"0Q"};
  EXPECT_EQ(error_of(written),
            "calls.classes.national: '0Q': character 2 (`Q`): is none of X, Z and N; where it is meant as itself, write [Q]");
  written = options();
  written.allow[0].classes = {"nationl"};
  EXPECT_EQ(error_of(written), "calls.allow: no class is named 'nationl'");
}

}  // namespace
}  // namespace postern::acl
