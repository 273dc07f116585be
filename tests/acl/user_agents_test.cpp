#include "acl/user_agents.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "support.hpp"

namespace postern::acl {
namespace {

std::shared_ptr<const UserAgentSet> compile(const std::vector<std::string>& patterns) {
  auto result = UserAgentSet::compile(patterns);
  if (const auto* error = std::get_if<std::string>(&result)) throw std::invalid_argument(*error);
  return std::get<0>(result);
}

std::string error_of(const std::vector<std::string>& patterns) {
  const auto result = UserAgentSet::compile(patterns);
  const auto* error = std::get_if<std::string>(&result);
  return error == nullptr ? "" : *error;
}

TEST(UserAgentSet, MatchesAnywhereWithoutCase) {
  const auto set = compile({"^Yealink", "phone/\\d+$"});
  EXPECT_TRUE(set->matches("Yealink SIP-T53W 96.87.0.16"));
  EXPECT_TRUE(set->matches("YEALINK"));
  EXPECT_FALSE(set->matches("not a Yealink"));
  EXPECT_TRUE(set->matches("EvilPhone/12"));
  EXPECT_FALSE(set->matches("EvilPhone/12a"));
}

TEST(UserAgentSet, AnEmptyTextMatchesOnlyWhatMatchesNothing) {
  EXPECT_FALSE(compile({"a", "builtin"})->matches(""));
  EXPECT_FALSE(compile({"a"})->matches(std::string_view()));
  EXPECT_TRUE(compile({"a", "^$"})->matches(""));
  EXPECT_TRUE(compile({"a", "^$"})->matches(std::string_view()));
  EXPECT_FALSE(compile({"a", "^$"})->matches("b"));
  EXPECT_FALSE(compile({})->matches(""));
  EXPECT_FALSE(compile({})->matches("x"));
}

TEST(UserAgentSet, LooksAtTheFirst512Bytes) {
  const auto set = compile({"scan"});
  EXPECT_TRUE(set->matches(std::string(508, 'x') + "scan"));
  EXPECT_FALSE(set->matches(std::string(509, 'x') + "scan"));
}

TEST(UserAgentSet, HostileBytesAreOnlyBytes) {
  const auto set = compile({"scan", "^é"});
  EXPECT_TRUE(set->matches(std::string_view("\0\xff\xc3scan", 7)));
  EXPECT_TRUE(set->matches("É"));
  EXPECT_FALSE(set->matches("\xff\xfe\x80"));
}

TEST(UserAgentSet, SaysWhichPatternIsWrong) {
  EXPECT_NE(error_of({"fine", "(unclosed"}).find("'(unclosed'"), std::string::npos);
  EXPECT_NE(error_of({"a{1000}{1000}"}), "");
  EXPECT_NE(error_of({"(?=lookahead)"}), "");
  EXPECT_NE(error_of({"((((((((a{100}){100}){100}){100}){100}){100}){100}){100})"}), "");
  EXPECT_NE(error_of(std::vector<std::string>(4000, "(\\pL{50}|x.{100})y")), "") << "too large together";
  EXPECT_EQ(error_of(std::vector<std::string>(2000, "^some-bad-phone/1.2.3")), "");
}

// A pattern whose automaton has 2^20 states: it must neither fail nor miss.
TEST(UserAgentSet, FindsWhatNeedsMoreMemoryThanItMayHave) {
  const auto set = compile({"a[ab]{400}c", "a[ab]{300}d"});
  unsigned state = 1;
  std::string text;
  for (int i = 0; i < 500; ++i) {
    state = state * 1103515245U + 12345U;
    text += ((state >> 16) & 1) != 0 ? 'a' : 'b';
  }
  for (std::size_t turn = 0; turn < 300; ++turn) {
    std::rotate(text.begin(), text.begin() + 1, text.end());
    EXPECT_FALSE(set->matches(text));
  }
  text[50] = 'a';
  text[351] = 'd';
  EXPECT_TRUE(set->matches(text));
}

TEST(UserAgentSet, IsSharedBetweenThreads) {
  const auto set = compile({"builtin", "[0-9]{5,9}x"});
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&set, &wrong, id] {
      for (int i = 0; i < 500; ++i) {
        const std::string number = std::to_string(i * 7919 + id);
        if (!set->matches("friendly-scanner " + number)) ++wrong;
        if (set->matches("Phone " + number)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(BuiltinScanners, EachNamesItsToolAndSource) {
  ASSERT_GT(builtin_scanners().size(), 20U);
  for (const auto& signature : builtin_scanners()) {
    EXPECT_FALSE(signature.pattern.empty());
    EXPECT_FALSE(signature.tool.empty()) << signature.pattern;
    EXPECT_FALSE(signature.source.empty()) << signature.pattern;
  }
}

TEST(BuiltinScanners, KnowTheScanners) {
  const auto set = compile({"builtin"});
  for (const char* text : {"friendly-scanner",
                           "Friendly-Scanner",
                           "friendly-request",
                           "sipvicious",
                           "sipv",
                           "svmap",
                           "svwar",
                           "svcrack",
                           "sundayddr",
                           "sundayaddr",
                           "sip-scan",
                           "sipscan",
                           "sipcli/v1.8",
                           "sipcli/v2.2",
                           "sipcli",
                           "iWar",
                           "VaxSIPUserAgent/3.1",
                           "VaxIPUserAgent/3.0",
                           "pplsip",
                           "sipptk",
                           "sippts",
                           "smap 0.6.0",
                           "SIVuS VoIP Scanner",
                           "siparmyknife",
                           "voiphopper",
                           "Nmap NSE",
                           "Hacker",
                           "eyeBeam release 3006o stamp 17551",
                           "cisco",
                           "Asterix PBX",
                           "SIP Call",
                           "VOIP",
                           "A_B_C",
                           "aaaaaaaaaa",
                           "UsaAirport"}) {
    EXPECT_TRUE(set->matches(text)) << text;
  }
}

TEST(BuiltinScanners, LeaveProductsAlone) {
  const auto set = compile({"builtin"});
  for (const char* text : {"",
                           "SIPp",
                           "sipsak 0.9.8.1",
                           "SIPClient/2.0",
                           "Cisco",
                           "Cisco-SIPGateway/IOS-12.x",
                           "Cisco-CP7861/12.1.1",
                           "voip",
                           "VoIP SIP SDK",
                           "Asterisk PBX",
                           "FPBX-16.0.40(18.9)",
                           "Barcode Scanner Phone",
                           "Friendly Phone",
                           "O'Brien's phone",
                           "eyeBeam release 1105a stamp 56793",
                           "X-Lite release 4.9.8",
                           "Zoiper rv2.10",
                           "Kiwari",
                           "SmartPhone",
                           "smapp",
                           "SIPVoice 3",
                           "baresip v1.0.0 (x86_64/linux)",
                           "Linphone/3.9.0",
                           "Linksys/SPA942-6.1.5",
                           "snom370/8.4.35",
                           "Hackermobile",
                           "PortSIP VoIP SDK 16",
                           "CSipSimple_deb-16/r2457",
                           "Telephone 1.4"}) {
    EXPECT_FALSE(set->matches(text)) << text;
  }
}

TEST(BuiltinScanners, MatchNoneOfTheCapturedProducts) {
  POSTERN_NEEDS_TEST_DATA();
  const auto messages = testing::data_folder() / "messages";
  const auto set = compile({"builtin"});
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(messages)) {
    if (entry.path().extension() != ".sip") continue;
    std::istringstream lines(testing::read_file(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t colon = line.find(':');
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (colon == std::string::npos || (name != "user-agent" && name != "server")) continue;
      const std::size_t start = line.find_first_not_of(' ', colon + 1);
      const std::string value = start == std::string::npos ? "" : line.substr(start, line.find_last_not_of("\r ") - start + 1);
      EXPECT_FALSE(set->matches(value)) << entry.path().filename() << ": " << value;
      ++seen;
    }
  }
  EXPECT_GT(seen, 40);
}

}  // namespace
}  // namespace postern::acl
