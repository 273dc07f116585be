// devices and their groups, as files have them.
#include <gmock/gmock.h>

#include <algorithm>

#include "config/checks.hpp"
#include "tests/config/support.hpp"

namespace postern::config::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

const char* const used = "devices: {sales: {deny: 192.0.2.1}, boss: {deny: 192.0.2.1}}\n";

TEST(DeviceGroups, AreTakenAsTheyStand) {
  const LoadResult result = load(std::string(smallest) + "device_groups:\n  sales: [\"T2_*\", kx83hd]\n  boss: \"1001\"\n" + used);
  EXPECT_THAT(problems_of(result), IsEmpty());
  EXPECT_THAT(result.config.policy.device_groups,
              ElementsAre(Pair("boss", ElementsAre("1001")), Pair("sales", ElementsAre("T2_*", "kx83hd"))));
}

TEST(DeviceGroups, WhatTheyCannotHold) {
  EXPECT_THAT(problems_with("device_groups:\n  sales: []\n"), ElementsAre("4:10: device_groups.sales: must not be empty"));
  EXPECT_THAT(problems_with("device_groups:\n  sales: [\"" + std::string(64, 'a') + "*\"]\n" + used),
              ElementsAre("4:11: device_groups.sales[0]: has more than 63 characters beside its `*`"));
  EXPECT_THAT(problems_with(
                  "device_groups: {all: [sales, \"2*\"], sales: \"1001\"}\ndevices: {all: {deny: 192.0.2.1}, sales: {deny: 192.0.2.1}}\n"),
              ElementsAre("3:23: device_groups.all[0]: warning: is the user \"sales\", not the group of that name: groups hold no groups"));
}

TEST(Devices, AreTakenAsTheyStandInTheirOrder) {
  const LoadResult result = load(std::string(smallest) +
                                 "networks: {office: [203.0.113.0/24, 2001:db8::/32]}\n"
                                 "device_groups: {sales: \"T2_*\"}\n"
                                 "devices:\n"
                                 "  sales: {permit: [office, 10.8.0.0/16]}\n"
                                 "  \"1001\":\n"
                                 "    permit: office\n"
                                 "    deny: 203.0.113.66\n"
                                 "    listeners: udp://127.0.0.1:5060\n"
                                 "    extension: \"101\"\n");
  EXPECT_THAT(problems_of(result), IsEmpty());
  const auto& devices = result.config.policy.devices;
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].key, "sales");
  EXPECT_EQ(devices[0].at.line, 6);
  EXPECT_EQ(devices[1].key, "1001");
  EXPECT_EQ(devices[1].at.file, "p.yaml");
  EXPECT_EQ(devices[1].at.line, 7) << "the key's, not its first value's";
  EXPECT_EQ(devices[0].permit[0], devices[1].permit[0]) << "one list for one name";
  EXPECT_EQ(devices[0].permit[0]->size(), 2U);
  EXPECT_EQ(devices[1].deny[0]->at(0).to_string(), "203.0.113.66/32");
  EXPECT_THAT(devices[1].listeners, ElementsAre("udp://127.0.0.1:5060"));
  EXPECT_EQ(devices[1].extension, "101");
}

TEST(Devices, WhatTheyCannotSay) {
  EXPECT_THAT(problems_with("devices: {\"1001\": {}}\n"), ElementsAre("3:19: devices.1001: must not be empty"));
  EXPECT_THAT(problems_with("devices: {\"1001\": {permit: []}}\n"), ElementsAre("3:28: devices.1001.permit: must not be empty"));
  EXPECT_THAT(problems_with("networks: {office: 192.0.2.1}\ndevices: {\"1\": {permit: ofice}, \"2\": {deny: ofice}}\n"),
              ElementsAre("4:25: devices.1.permit: no network is named \"ofice\"; did you mean \"office\"?",
                          "4:45: devices.2.deny: no network is named \"ofice\"; did you mean \"office\"?"));
  EXPECT_THAT(
      problems_with("devices: {\"1\": {listeners: [udp://127.0.0.1:506]}}\n"),
      ElementsAre("3:29: devices.1.listeners[0]: no listener is named \"udp://127.0.0.1:506\"; did you mean \"udp://127.0.0.1:5060\"?"));
  EXPECT_THAT(problems_with("devices: {\"2*\": {extension: \"101\"}}\n"),
              ElementsAre("3:11: devices.2*: `extension` is of one device alone: a pattern or a group may be many"));
  EXPECT_THAT(problems_with("devices: {\"" + std::string(64, '?') + "\": {permit: 192.0.2.1}}\n"),
              ElementsAre("3:11: devices." + std::string(64, '?') + ": has more than 63 characters beside its `*`"));
}

TEST(Devices, WhatIsDoubted) {
  EXPECT_THAT(
      problems_with("device_groups: {sales: [\"1001\"]}\ndevices: {sale: {permit: 192.0.2.1}, sales: {permit: 192.0.2.1}}\n"),
      ElementsAre("4:11: devices.sale: warning: no group is named \"sale\", so this is the user of that name; did you mean \"sales\"?"));
  EXPECT_THAT(
      problems_with("device_groups: {sales: [\"1001\"]}\n"),
      ElementsAre("3:25: device_groups.sales: warning: nothing names this group: no entry of `devices` or `calls.allow` is for it"));
  EXPECT_THAT(problems_with("devices: {\"1\": {permit: 0.0.0.0/0}}\n"),
              ElementsAre("3:25: devices.1.permit: warning: holds every address there is"));
  EXPECT_THAT(problems_with("devices: {\"1\": {permit: [10.0.0.0/8, 192.0.2.1], deny: [192.0.2.1, 10.0.0.0/8]}}\n"),
              ElementsAre("3:26: devices.1.permit[0]: warning: nobody can be this device: whatever it permits it denies too"));
}

TEST(Devices, EntriesThatNeverMatch) {
  const auto never = [](const std::string& hidden, const std::string& by) {
    return problems_with("device_groups: {g: [\"1001\", \"20*\"], h: [\"1001\", \"201?\"]}\ndevices:\n  " + by + ": {deny: 192.0.2.1}\n  " +
                         hidden + ": {deny: 192.0.2.1}\n");
  };
  struct Case {
    std::string hidden, by;
    bool is_hidden;
  };
  for (const Case& each : std::vector<Case>{{"\"20*\"", "\"2*\"", true},
                                            {"\"2*\"", "\"20*\"", false},
                                            {"\"2?\"", "\"2*\"", true},
                                            {"\"2*\"", "\"2?*\"", false},
                                            {"\"2?*\"", "\"2*\"", true},
                                            {"\"2*5\"", "\"*5\"", true},
                                            {"\"*5*\"", "\"*5\"", false},
                                            {"\"2001\"", "\"2*\"", false},
                                            {"h", "g", true},
                                            {"g", "h", false}}) {
    const auto problems = never(each.hidden, each.by);
    const bool found =
        std::ranges::any_of(problems, [](const std::string& line) { return line.find("can never match") != std::string::npos; });
    EXPECT_EQ(found, each.is_hidden) << each.hidden << " behind " << each.by;
  }
  EXPECT_THAT(problems_with("devices:\n  \"2*\": {deny: 192.0.2.1}\n  \"20*\": {deny: 192.0.2.1}\n"),
              ElementsAre("5:3: devices.20*: warning: can never match: \"2*\" in line 4 decides first"));
  EXPECT_THAT(problems_with("device_groups: {g: \"1001\"}\ndevices:\n  g: {deny: 192.0.2.1}\n  \"1001\": {deny: 192.0.2.1}\n"),
              ElementsAre("5:3: devices.g: warning: can never match: \"1001\" in line 6 decides first"));
}

TEST(Devices, ARuleThatRefusesWhatADevicePermits) {
  EXPECT_THAT(problems_with("networks: {home: 203.0.113.0/24}\nrules:\n  - {source: 203.0.113.128/25, action: drop}\n"
                            "devices: {\"1001\": {permit: home}, \"1002\": {permit: home}}\n"),
              ElementsAre("5:5: rules[0]: warning: its source holds addresses of 203.0.113.0/24, which is in the permit of devices.1001"));
  EXPECT_THAT(problems_with("rules:\n  - {source: 203.0.113.0/24, action: allow}\n  - {source: 203.0.0.0/16, action: drop}\n"
                            "devices: {\"1001\": {permit: 203.0.113.7, deny: 203.0.0.0/16}}\n"),
              IsEmpty())
      << "a rule before lets it pass";
}

TEST(Devices, TwoThousandOfThemAreCheckedSoon) {
  std::string text = "networks: {home: 203.0.113.0/24}\ndevices:\n";
  for (int i = 1000; i < 3000; ++i) text += "  \"user" + std::to_string(i) + "*\": {permit: home}\n";
  const LoadResult result = load(std::string(smallest) + text);
  EXPECT_THAT(problems_of(result), IsEmpty());
  EXPECT_EQ(result.config.policy.devices.size(), 2000U);
}

TEST(Emergency, NumbersAreTheDefaultUntilTheyAreWritten) {
  EXPECT_THAT(load(smallest).config.policy.emergency, ElementsAre("112", "911", "999", "000"));
  EXPECT_TRUE(load(smallest).config.policy.emergency_at.file.empty());
  const LoadResult written = load(std::string(smallest) + "emergency: \"110\"\nemergency_prefixes: [\"0\", \"9\"]\n");
  EXPECT_THAT(problems_of(written), IsEmpty());
  EXPECT_THAT(written.config.policy.emergency, ElementsAre("110"));
  EXPECT_EQ(written.config.policy.emergency_at.line, 3);
  EXPECT_THAT(written.config.policy.emergency_prefixes, ElementsAre("0", "9"));
  EXPECT_THAT(load(std::string(smallest) + "emergency: []\n").config.policy.emergency, IsEmpty());
  EXPECT_THAT(problems_with("emergency: [\"sos\"]\n"), ElementsAre("3:13: emergency[0]: must be digits, as dialled, got \"sos\""));
}

TEST(Emergency, IsNoTrap) {
  const auto told = [](const std::string& trap) {
    Draft draft;
    draft.config.policy.emergency_prefixes = {"0"};
    draft.trap_extensions = {{trap, {{7, 3}, "jail.trap_extensions[0]"}}};
    Report report("p.yaml");
    check_traps(draft, report);
    const auto problems = report.take();
    return problems.empty() ? "" : problems.front().to_string();
  };
  EXPECT_EQ(told("112"),
            "p.yaml:7:3: jail.trap_extensions[0]: holds the emergency number \"112\": nobody who calls for help may be banned for it");
  for (const char* trap : {"1*", "*", "11?", "0112", "0*", "0???", "*9"}) EXPECT_NE(told(trap), "") << trap;
  for (const char* trap : {"8888", "admin", "1120*", "1?", "12*", "11"}) EXPECT_EQ(told(trap), "") << trap;
}

TEST(Traps, AreNoDevicesOfTheFile) {
  EXPECT_THAT(problems_with("devices: {\"7001\": {permit: [10.0.0.0/8]}}\njail: {trap_extensions: [\"7*\"]}\n"),
              ElementsAre(HasSubstr("holds \"7001\", which has an entry in `devices` in line 3")));
  EXPECT_THAT(problems_with("devices: {\"1*\": {permit: [10.0.0.0/8]}}\njail: {trap_extensions: [\"8*\"]}\n"), IsEmpty());
  EXPECT_THAT(problems_with("jail: {trap_extensions: [\"" + std::string(64, '8') + "*\"]}\n"),
              ElementsAre(HasSubstr("more than 63 characters")));
}

TEST(Patterns, OfAsteriskAreDoubtedWhereThoseOfAShellStand) {
  EXPECT_THAT(problems_with("devices: {\"1XXX\": {permit: [10.0.0.0/8]}}\n"), ElementsAre(HasSubstr("so write \"1???\"")));
  EXPECT_THAT(problems_with("jail: {trap_extensions: [\"8XX.\"]}\n"), ElementsAre(HasSubstr("so write \"8??*\"")));
  EXPECT_THAT(problems_with("devices: {\"kX83\": {permit: [10.0.0.0/8]}}\n"), IsEmpty());
  EXPECT_THAT(problems_with("calls: {classes: {abroad: [\"0*\"]}, allow: [{classes: [abroad]}]}\n"),
              ElementsAre(HasSubstr("the star key here")));
}

// An entry that means nobody leaves its device open to everybody.
TEST(Patterns, WhatNoUserIsCalledIsDoubted) {
  for (const char* key : {"100[1-4]", "^1003$", "10[0-9]+", "1001@pbx.example", "sip:1002", "10{2}", "1001|1002"}) {
    const std::string quoted = std::string("\"") + key + "\"";
    EXPECT_THAT(problems_with("devices: {" + quoted + ": {permit: [10.0.0.0/8]}}\n"), ElementsAre(HasSubstr("is no user's name"))) << key;
    EXPECT_THAT(problems_with("jail: {trap_extensions: [" + quoted + "]}\n"), ElementsAre(HasSubstr("is no user's name"))) << key;
  }
  EXPECT_THAT(problems_with("device_groups: {desk: [\"100[1-4]\"]}\ndevices: {desk: {permit: [10.0.0.0/8]}}\n"),
              ElementsAre(HasSubstr("is no user's name")));
  for (const char* key : {"1001", "10*", "k?", "T2_1001", "+4930123", "front-desk", "a.b!c$"})
    EXPECT_THAT(problems_with(std::string("devices: {\"") + key + "\": {permit: [10.0.0.0/8]}}\n"), IsEmpty()) << key;
}

}  // namespace
}  // namespace postern::config::test
