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

}  // namespace
}  // namespace postern::sbc
