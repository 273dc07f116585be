#include "sbc/names.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace postern::sbc {
namespace {

acl::Address address(std::string_view text) { return *acl::Address::parse(text); }

EngineOptions options_with(std::string_view domain, std::string_view public_domain) {
  EngineOptions options;
  ListenerOptions listener;
  listener.name = "one";
  listener.bind = {address("198.51.100.1"), 5060};
  options.listeners.push_back(listener);
  options.pbx.addresses = {{address("10.0.0.5"), 15060}};
  options.pbx.bind = Endpoint{address("10.0.0.2"), 5080};
  if (!domain.empty()) options.pbx.domain = std::string(domain);
  if (!public_domain.empty()) options.pbx.public_domain = std::string(public_domain);
  return options;
}

class NamesTest : public ::testing::Test {
 protected:
  std::string hidden(std::string_view text, std::string_view domain = "", std::string_view public_domain = "door.example") {
    Names names(options_with(domain, public_domain), mac_);
    std::string out;
    names.append_hidden(out, text, flow_);
    return out;
  }

  std::array<std::uint8_t, 16> key_{1, 2, 3};
  Mac mac_{key_};
  Flow flow_{Side::access, Transport::udp, 0, address("198.51.100.1"), {address("203.0.113.7"), 5062}, 0};
};

TEST_F(NamesTest, HidesWholeWordsAlone) {
  EXPECT_EQ(hidden("10.0.0.5"), "door.example");
  EXPECT_EQ(hidden("at 10.0.0.5."), "at door.example.");
  EXPECT_EQ(hidden("10.0.0.50 110.0.0.5 10.0.0.5.6 9.10.0.0.5"), "10.0.0.50 110.0.0.5 10.0.0.5.6 9.10.0.0.5");
  EXPECT_EQ(hidden("x10.0.0.5-9"), "xdoor.example-9");
  EXPECT_EQ(hidden("pbx.lan my-pbx.lan pbx.lan.org PBX.Lan", "pbx.lan"), "door.example my-pbx.lan pbx.lan.org door.example");
}

TEST_F(NamesTest, FindsANameThatIsConfiguredInCapitals) { EXPECT_EQ(hidden("pbx.lan PBX.LAN", "Pbx.Lan"), "door.example door.example"); }

// "%40" ends in a digit: without the rule for escapes the address behind it would be taken for the end of a longer one.
TEST_F(NamesTest, FindsAHostBehindAnEscape) { EXPECT_EQ(hidden("call%4010.0.0.5%3Bto-tag"), "call%40door.example%3Bto-tag"); }

TEST_F(NamesTest, TakesTheHiddenPortWithTheHostAndKeepsOthers) {
  EXPECT_EQ(hidden("10.0.0.5:15060 10.0.0.2:5080"), "door.example door.example");
  EXPECT_EQ(hidden("10.0.0.5:5061"), "door.example:5061");
  EXPECT_EQ(hidden("10.0.0.5:15060", "", ""), "198.51.100.1:5060");
  EXPECT_EQ(hidden("<other.example:15060>"), "<other.example:5060>") << "cut, nothing would stand behind the scheme of a URI";
}

TEST_F(NamesTest, TheSameNameOnBothSidesKeepsItsHostAndLosesThePort) {
  EXPECT_EQ(hidden("<sip:1@one.example:15060>", "one.example", "one.example"), "<sip:1@one.example>");
}

TEST_F(NamesTest, CutsTheTokenBeforeAHiddenHost) {
  EXPECT_EQ(hidden("sip:1001~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@10.0.0.2:5080"), "sip:1001@door.example");
  EXPECT_EQ(hidden("sip:a~b@10.0.0.5"), "sip:a~b@door.example");
}

TEST_F(NamesTest, EachSideGetsTheCallIdThatItWrote) {
  Names names(options_with("pbx.lan", "door.example"), mac_);
  for (const std::string_view written : {"a@10.0.0.5", "a@pbx.lan", "10.0.0.5-10.0.0.2@10.0.0.5", "a%40pbx.lan"}) {
    std::string there, back;
    ASSERT_TRUE(names.append_marked(there, written));
    EXPECT_EQ(there.find("10.0.0."), std::string::npos);
    ASSERT_TRUE(names.append_unmarked(back, there));
    EXPECT_EQ(back, written);
    // A phone that is set to the PBX's name writes it as well.
    there.clear();
    back.clear();
    ASSERT_TRUE(names.append_unmarked(there, written));
    ASSERT_TRUE(names.append_marked(back, there));
    EXPECT_EQ(back, written);
  }
  std::string out;
  EXPECT_FALSE(names.append_marked(out, "a@192.0.2.1"));
  EXPECT_FALSE(names.append_unmarked(out, "a@192.0.2.1"));
  EXPECT_TRUE(out.empty());
}

TEST_F(NamesTest, AnotherSpellingOfAnIpv6AddressIsTheSameHost) {
  EngineOptions options = options_with("", "door.example");
  options.pbx.addresses = {{address("2001:db8::5"), 15060}};
  Names names(options, mac_);
  EXPECT_TRUE(names.hides("[2001:db8::5]"));
  EXPECT_TRUE(names.hides("[2001:DB8:0:0:0:0:0:5]"));
  EXPECT_FALSE(names.hides("[2001:db8::6]"));
}

TEST_F(NamesTest, ReadsEscapes) {
  EXPECT_EQ(hidden("sip:a@10%2E0%2e0%2E5;x"), "sip:a@door.example;x");
  EXPECT_EQ(hidden("%31%30.0.0.5 pbx%2Elan", "pbx.lan"), "door.example door.example");
  EXPECT_EQ(hidden("a%254010%252E0.0.5%25%%4"), "a%2540door.example%25%%4");
  EXPECT_EQ(hidden("10%2E0%2E0%2E50"), "10%2E0%2E0%2E50");
  // What stands in the place of an escaped colon is no colon either.
  EXPECT_EQ(hidden("sip:a%4010.0.0.5%3A15060@x", "", ""), "sip:a%40198.51.100.1%3A5060@x");
}

TEST_F(NamesTest, TakesTheHiddenPortHoweverItIsWritten) {
  EXPECT_EQ(hidden("10.0.0.5:015060 10.0.0.5 :\t15060 10.0.0.5\r\n :15060."), "door.example door.example door.example.");
  EXPECT_EQ(hidden("10.0.0.5 : 5061 10.0.0.5:150600 10.0.0.5:"), "door.example : 5061 door.example:150600 door.example:");
}

TEST_F(NamesTest, HidesThePortOfOtherHosts) {
  EXPECT_EQ(hidden("<sip:a@pbx.lan:15060> [2001:db8::1]:15060 10.1.1.1:05080;x"), "<sip:a@pbx.lan> [2001:db8::1] 10.1.1.1;x");
  EXPECT_EQ(hidden("rport=15060 PORT=\"5080\" port 15060"), "rport=5060 PORT=\"5060\" port 5060");
  constexpr std::string_view others = "sip:15060@a sip:b:15060@a 12:15060 a:115060 a:150600 support=15060 15060";
  EXPECT_EQ(hidden(others), others);
}

TEST_F(NamesTest, APortThatTheAccessSideUsesTellsNothing) {
  EngineOptions options = options_with("", "door.example");
  options.pbx.addresses = {{address("10.0.0.5"), 5060}};
  Names names(options, mac_);
  EXPECT_FALSE(names.mentions_hidden("sip:a@other.example:5060 port=5060"));
  EXPECT_TRUE(names.mentions_hidden("sip:a@other.example:5080"));
  options.listeners[0].advertise = HostPort{"door.example", 5080};
  EXPECT_FALSE(Names(options, mac_).mentions_hidden("sip:a@other.example:5080"));
}

TEST_F(NamesTest, CutsTheTokenBeforeAnEscapedHost) {
  EXPECT_EQ(hidden("1001~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%4010.0.0.2"), "1001%40door.example");
}

TEST_F(NamesTest, FindsIpv6AddressesInAnySpelling) {
  EngineOptions options = options_with("", "door.example");
  options.pbx.addresses = {{address("2001:db8::5"), 15060}};
  Names names(options, mac_);
  const auto hide = [&](std::string_view text) {
    std::string out;
    names.append_hidden(out, text, flow_);
    return out;
  };
  for (const std::string_view spelling : {"2001:db8::5", "2001:0DB8::0005", "2001:db8:0:0:0:0:0:5", "2001:db8::0.0.0.5"}) {
    const std::string host(spelling);
    EXPECT_EQ(hide(host), "door.example");
    EXPECT_EQ(hide("at:" + host + "."), "at:door.example.");
    EXPECT_EQ(hide("<sip:[" + host + "]:15060>, [" + host + "]:7"), "<sip:door.example>, door.example:7");
    EXPECT_EQ(hide(host + ":15060"), "door.example");
    EXPECT_TRUE(names.mentions_hidden("x=\"" + host + "\""));
  }
  for (const std::string_view other : {"2001:db8::6", "2001:db8::5a", "a2001:db8::5:1:2", "::", ":", ":::", "12:30:45", ":.:.", "::.:1"})
    EXPECT_EQ(hide(other), other);
}

}  // namespace
}  // namespace postern::sbc
