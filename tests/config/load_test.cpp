// What a good file becomes.
#include <gmock/gmock.h>

#include "tests/config/support.hpp"
#include "tests/support/data.hpp"

namespace postern::config::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

acl::Address address(const char* text) { return acl::Address::parse(text).value(); }
acl::Network network(const char* text) { return acl::Network::parse(text).value().network; }

TEST(Load, TheSmallestFileHasTheDocumentedDefaults) {
  const LoadResult result = load(smallest);
  ASSERT_THAT(problems_of(result), IsEmpty());
  const Config& config = result.config;
  ASSERT_EQ(config.engine.listeners.size(), 1U);
  EXPECT_EQ(config.engine.listeners[0].name, "udp://127.0.0.1:5060");
  EXPECT_EQ(config.engine.listeners[0].bind, (sbc::Endpoint{address("127.0.0.1"), 5060}));
  EXPECT_EQ(config.engine.listeners[0].advertise, std::nullopt);
  EXPECT_THAT(config.engine.pbx.addresses, ElementsAre(sbc::Endpoint{address("127.0.0.1"), 15060}));
  EXPECT_EQ(config.engine.pbx.bind, std::nullopt);
  EXPECT_EQ(config.engine.pbx.timeout, milliseconds(4000));
  EXPECT_EQ(config.engine.limits.per_source, (acl::Rate{50, 100}));
  EXPECT_EQ(config.engine.limits.per_source_methods, (std::map<std::string, acl::Rate>{{"REGISTER", {5, 20}}, {"INVITE", {5, 20}}}));
  EXPECT_EQ(config.engine.limits.unknown_sources, (acl::Rate{2000, 4000}));
  EXPECT_EQ(config.engine.limits.pbx, (acl::Rate{1000, 2000}));
  EXPECT_EQ(config.engine.limits.tracked_sources, 1'000'000U);
  EXPECT_THAT(config.engine.trusted, IsEmpty());
  EXPECT_THAT(config.engine.registered_only, IsEmpty());
  EXPECT_THAT(config.policy.rules, IsEmpty());
  EXPECT_TRUE(config.policy.builtin_scanners);
  EXPECT_EQ(config.policy.default_action, acl::Action::allow);
  EXPECT_EQ(config.shell.state, "/var/lib/postern");
  EXPECT_EQ(config.shell.admin, (sbc::Endpoint{address("127.0.0.1"), 9460}));
  EXPECT_EQ(config.shell.log.format, net::LogFormat::text);
  EXPECT_EQ(config.shell.log.level, net::LogLevel::info);
}

TEST(Load, ListenersAndPbx) {
  const LoadResult result = load(
      "listeners:\n"
      "  - address: udp://[::1]\n"
      "    name: six\n"
      "    advertise: {default: sbc.example.com:5062, office: 127.0.0.9, 10.0.0.0/8: \"[2001:db8::1]:5060\"}\n"
      "pbx: {address: udp://127.0.0.1:15060, bind: 127.0.0.1:5080, domain: pbx.example.com, public_domain: 203.0.113.1, timeout: 500ms}\n"
      "networks: {office: [192.0.2.0/24, 192.0.3.1]}\n");
  ASSERT_THAT(problems_of(result), IsEmpty());
  const sbc::ListenerOptions& listener = result.config.engine.listeners.at(0);
  EXPECT_EQ(listener.name, "six");
  EXPECT_EQ(listener.bind, (sbc::Endpoint{address("::1"), 5060}));
  EXPECT_EQ(listener.advertise, (sbc::HostPort{"sbc.example.com", 5062}));
  const sbc::HostPort office{"127.0.0.9", 0};
  EXPECT_THAT(listener.advertise_to, ElementsAre(std::pair(network("192.0.2.0/24"), office), std::pair(network("192.0.3.1"), office),
                                                 std::pair(network("10.0.0.0/8"), sbc::HostPort{"2001:db8::1", 5060})));
  const sbc::PbxOptions& pbx = result.config.engine.pbx;
  EXPECT_EQ(pbx.bind, (sbc::Endpoint{address("127.0.0.1"), 5080}));
  EXPECT_EQ(pbx.domain, "pbx.example.com");
  EXPECT_EQ(pbx.public_domain, "203.0.113.1");
  EXPECT_EQ(pbx.timeout, milliseconds(500));
}

TEST(Load, RulesWithEveryConditionThatNeedsNoDatabase) {
  const LoadResult result = load(std::string(smallest) +
                                 "networks: {office: 192.0.2.0/24}\n"
                                 "user_agents: {phones: [\"^Yealink\", builtin]}\n"
                                 "rules:\n"
                                 "  - name: all of it\n"
                                 "    source: [office, 10.0.0.0/8]\n"
                                 "    user_agent: {not: [phones, builtin]}\n"
                                 "    methods: [REGISTER, INVITE]\n"
                                 "    listener: udp://127.0.0.1:5060\n"
                                 "    transport: udp\n"
                                 "    from_user: \"1*\"\n"
                                 "    to_user: [0900]\n"
                                 "    request_user: {not: \"00*\"}\n"
                                 "    registered: no\n"
                                 "    unless: {source: 192.0.2.7}\n"
                                 "    action: ban\n"
                                 "    ban_time: 1d\n"
                                 "    log_only: yes\n"
                                 "  - {methods: OPTIONS, action: reject, status: 488}\n");
  ASSERT_THAT(problems_of(result), IsEmpty());
  ASSERT_EQ(result.config.policy.rules.size(), 2U);
  const acl::RuleOptions& rule = result.config.policy.rules[0];
  EXPECT_EQ(rule.name, "all of it");
  EXPECT_EQ(rule.at.file, "p.yaml");
  EXPECT_EQ(rule.at.line, 6);
  EXPECT_THAT(rule.when.source->values, ElementsAre(network("192.0.2.0/24"), network("10.0.0.0/8")));
  EXPECT_TRUE(rule.when.user_agent->negated);
  EXPECT_THAT(rule.when.user_agent->values, ElementsAre("phones", "builtin"));
  EXPECT_THAT(rule.when.methods->values, ElementsAre("REGISTER", "INVITE"));
  EXPECT_THAT(rule.when.listener->values, ElementsAre("udp://127.0.0.1:5060"));
  EXPECT_THAT(rule.when.transport->values, ElementsAre("udp"));
  EXPECT_THAT(rule.when.from_user->values, ElementsAre("1*"));
  EXPECT_THAT(rule.when.to_user->values, ElementsAre("0900"));
  EXPECT_TRUE(rule.when.request_user->negated);
  EXPECT_EQ(rule.when.registered, false);
  EXPECT_THAT(rule.unless.source->values, ElementsAre(network("192.0.2.7")));
  EXPECT_EQ(rule.action, acl::Action::ban);
  EXPECT_EQ(rule.ban_time, seconds(86400));
  EXPECT_TRUE(rule.log_only);
  EXPECT_EQ(result.config.policy.rules[1].name, "rules[1]");
  EXPECT_EQ(result.config.policy.rules[1].status, 488);
  EXPECT_THAT(result.config.policy.user_agents.at("phones"), ElementsAre("^Yealink", "builtin"));
}

TEST(Load, LimitsKeepTheDefaultsOfWhatIsNotWritten) {
  const LoadResult result = load(std::string(smallest) +
                                 "limits:\n"
                                 "  per_source: {burst: 7}\n"
                                 "  per_source_methods: {REGISTER: off, OPTIONS: {rate: 30/m}, INVITE: {rate: 2/s}}\n"
                                 "  unknown_sources: no\n"
                                 "  pbx: {rate: 360/h, burst: 9}\n");
  ASSERT_THAT(problems_of(result), IsEmpty());
  const sbc::LimitsOptions& limits = result.config.engine.limits;
  EXPECT_EQ(limits.per_source, (acl::Rate{50, 7}));
  EXPECT_EQ(limits.per_source_methods, (std::map<std::string, acl::Rate>{{"OPTIONS", {0.5, 1}}, {"INVITE", {2, 20}}}));
  EXPECT_EQ(limits.unknown_sources, std::nullopt);
  EXPECT_EQ(limits.pbx, (acl::Rate{0.1, 9}));
}

TEST(Load, ListFilesAreRelativeToTheFileThatNamesThem) {
  const Folder folder;
  const std::string list = folder.write("lists/blocked.txt", "# bad\n192.0.2.0/24\r\n192.0.3.1/24\nnonsense\n");
  const std::string file =
      folder.write("postern.yaml", std::string(smallest) + "networks: {blocked: {file: lists/blocked.txt}}\nstate: state\n");
  const LoadResult result = load_file(file);
  ASSERT_EQ(result.problems.size(), 2U);
  EXPECT_EQ(result.problems[0].to_string(),
            list + ":3:1: networks.blocked.file: warning: '192.0.3.1/24' has host bits set, taken as 192.0.3.0/24");
  EXPECT_TRUE(result.problems[1].to_string().starts_with(list + ":4:1: networks.blocked.file: ")) << result.problems[1].to_string();
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.config.shell.state, folder.path() + "/state");
}

TEST(Load, AListWithManyWarningsIsStillGood) {
  const Folder folder;
  std::string list;
  for (int i = 0; i < 2000; ++i) list += "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + "/16\n";
  folder.write("l.txt", list);
  const LoadResult result = load(std::string(smallest) + "networks: {blocked: {file: l.txt}}\n", folder.path());
  EXPECT_TRUE(result.ok());
  ASSERT_EQ(result.problems.size(), 21U);
  EXPECT_EQ(result.problems.back().message, "and 1980 more lines like these");
}

TEST(Load, DatabasesAreOpened) {
  POSTERN_NEEDS_TEST_DATA();
  const std::string data = testing::data_folder().string();
  const LoadResult result = load(std::string(smallest) +
                                     "geo: {country: mmdb/GeoLite2-Country-Test.mmdb, asn: mmdb/GeoLite2-ASN-Test.mmdb}\n"
                                     "rules: [{country: [NO, private, unknown], asn: [1221, AS64496], action: drop}]\n",
                                 data);
  ASSERT_THAT(problems_of(result), IsEmpty());
  const acl::Conditions& when = result.config.policy.rules.at(0).when;
  EXPECT_THAT(when.country->values, ElementsAre(acl::Country::of('N', 'O'), acl::Country::private_, acl::Country::unknown));
  EXPECT_THAT(when.asn->values, ElementsAre(1221, 64496));
}

TEST(Load, ADatabaseThatIsNone) {
  const Folder folder;
  folder.write("c.mmdb", "text");
  const LoadResult result = load(std::string(smallest) + "geo: {country: c.mmdb}\n", folder.path());
  ASSERT_EQ(result.problems.size(), 1U);
  EXPECT_EQ(result.problems[0].path, "geo.country");
  EXPECT_THAT(result.problems[0].message, ::testing::HasSubstr(folder.path() + "/c.mmdb"));
}

}  // namespace
}  // namespace postern::config::test
