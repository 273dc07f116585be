// What the form of a request tells. The forms are those of the tools' own sources and of what they were seen to send.
#include "sip/traits.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::sip {
namespace {

struct Fields {
  std::string line = "INVITE sip:1002@sip.host.test SIP/2.0";
  std::string via = "SIP/2.0/UDP 192.168.1.5:5060;branch=z9hG4bKa7f3Qx1;rport";
  std::string from = "<sip:1001@sip.host.test>;tag=kx83hdZ";
  std::string to = "<sip:1002@sip.host.test>";
  std::string call_id = "8f3a-91cc@192.168.1.5";
  std::string method = "INVITE";
  std::string contact = "<sip:1001@192.168.1.5:5060>";
  std::string user_agent = "Yealink SIP-T46U 108.86.0.20";
  std::string rest = "Max-Forwards: 70\r\n";
  std::string body = "v=0\r\ns=-\r\n";
};

Traits traits(const Fields& fields) {
  std::string text = fields.line + "\r\nVia: " + fields.via + "\r\nFrom: " + fields.from + "\r\nTo: " + fields.to +
                     "\r\nCall-ID: " + fields.call_id + "\r\nCSeq: 1 " + fields.method + "\r\n";
  if (!fields.contact.empty()) text += "Contact: " + fields.contact + "\r\n";
  if (!fields.user_agent.empty()) text += "User-Agent: " + fields.user_agent + "\r\n";
  text += fields.rest + "Content-Length: " + std::to_string(fields.body.size()) + "\r\n\r\n" + fields.body;
  RawMessage message;
  EXPECT_EQ(prescreen(text, message).result, PrescreenResult::message) << text;
  return traits_of(message);
}

Traits of(std::initializer_list<Trait> expected) {
  Traits all;
  for (const Trait trait : expected) all.set(trait);
  return all;
}

TEST(Traits, AnOrdinaryCallHasNone) { EXPECT_EQ(traits({}), Traits{}); }

TEST(Traits, NamesOfTools) {
  for (const char* from :
       {"\"sipvicious\"<sip:100@sip.host.test>;tag=a", "SIPVicious <sip:100@sip.host.test>;tag=a",
        "\"sipsscuser\" <sip:1@sip.host.test>;tag=a", "<sip:sivus-discovery@vopsecurity.test>;tag=a", "<sip:nm@nm>;tag=a"})
    EXPECT_EQ(traits({.from = from}), of({Trait::tool_name})) << from;
  EXPECT_TRUE(traits({.line = "INVITE sip:nm SIP/2.0"}).has(Trait::tool_name));
  for (const char* from : {"\"O'Brien, Anna\" <sip:1001@sip.host.test>;tag=a", "<sip:norman@nm.host.test>;tag=a"})
    EXPECT_EQ(traits({.from = from}), Traits{}) << from;
}

TEST(Traits, TagsOfTools) {
  const auto with_tag = [](const std::string& tag) { return traits({.from = "<sip:1001@sip.host.test>;tag=" + tag}); };
  // "7f000001" "13c4", 01, "2345"; "100", 01, "7"
  for (const char* tag : {"376630303030303131336334"
                          "01"
                          "32333435",
                          "313030"
                          "01"
                          "37",
                          "3206210844", "70c00e8c", "root"})
    EXPECT_EQ(with_tag(tag), of({Trait::tool_tag})) << tag;
  // No mark; two; nothing behind it, or before; no text; not a number; half an octet.
  for (const char* tag : {"313030313030", "313001013132", "31303001", "01313233", "0031300137", "3130300161", "31303001370"})
    EXPECT_FALSE(with_tag(tag).has(Trait::tool_tag)) << tag;
  EXPECT_EQ(with_tag("1928301774"), of({Trait::decimal_tag}));
}

TEST(Traits, BranchesAndCallIds) {
  const auto with_branch = [](const std::string& branch) { return traits({.via = "SIP/2.0/UDP 192.168.1.5:5060;branch=" + branch}); };
  EXPECT_EQ(with_branch("z9hG4bK-928287637"), of({Trait::decimal_branch}));
  EXPECT_EQ(with_branch("z9hG4bK-12838-1-0"), Traits{});
  EXPECT_EQ(with_branch("z9hG4bK.04b00639"), of({Trait::short_branch}));
  EXPECT_EQ(with_branch(std::string(71, 'k')), of({Trait::tool_branch, Trait::no_cookie}));
  EXPECT_EQ(with_branch("Z9HG4BKx"), Traits{});
  EXPECT_EQ(with_branch("foo"), of({Trait::no_cookie}));
  EXPECT_EQ(traits({.call_id = "1163651911939639283700060"}), of({Trait::decimal_call_id}));
  EXPECT_EQ(traits({.call_id = "1163651911@192.168.1.5"}), Traits{});
  EXPECT_EQ(traits({.via = "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx"}), of({Trait::loopback_via}));
}

TEST(Traits, AddressesOfExamples) {
  EXPECT_EQ(traits({.from = "<sip:100@1.1.1.1>;tag=a", .to = "<sip:100@1.1.1.1>"}),
            of({Trait::tool_address, Trait::sample_host, Trait::to_itself}));
  for (const char* to : {"<sip:1@192.0.2.7>", "<sip:1@example.com>", "<sip:1@pc33.atlanta.com>", "<sip:1@198.51.100.1:5061>"})
    EXPECT_EQ(traits({.to = to}), of({Trait::sample_host})) << to;
  for (const char* to : {"<sip:1@192.0.20.7>", "<sip:1@notexample.com>", "<sip:1@example.company>", "<tel:+4912345>"})
    EXPECT_EQ(traits({.to = to}), Traits{}) << to;
}

TEST(Traits, WhoProbes) {
  EXPECT_EQ(traits({.from = "<sip:admin@sip.host.test>;tag=a"}), of({Trait::usual_guess}));
  EXPECT_EQ(traits({.from = "\"MAYET\" <sip:1001@sip.host.test>;tag=a"}), of({Trait::usual_guess}));
  EXPECT_EQ(traits({.from = "sipp <sip:sipp@192.168.1.5:5060>;tag=a"}), of({Trait::test_program}));
  EXPECT_EQ(traits({.user_agent = "sipsak 0.9.8.1"}), of({Trait::test_program}));
  EXPECT_EQ(traits({.line = "INVITE sip:1@203.0.113.9 SIP/2.0"}), of({Trait::address_as_host}));
  EXPECT_EQ(traits({.line = "INVITE sip:1@[2001:db8::1]:5060 SIP/2.0"}), of({Trait::address_as_host}));
}

TEST(Traits, SqlInjections) {
  for (const char* from : {"\"a'or'3=3--\" <sip:1001@sip.host.test>;tag=a", "<sip:1'--@sip.host.test>;tag=a",
                           "\"x' UNION SELECT 1\" <sip:1@sip.host.test>;tag=a", "<sip:%27OR%271%27=%271@sip.host.test>;tag=a"})
    EXPECT_TRUE(traits({.from = from}).has(Trait::sql)) << from;
  EXPECT_TRUE(traits({.user_agent = "x' or '1"}).has(Trait::sql));
  EXPECT_TRUE(traits({.call_id = "'||x"}).has(Trait::sql));
  for (const char* name :
       {"O'Brien", "Caf\xc3\xa9 d'Or", "D'Orsay -- Paris", "Mus\xc3\xa9\x65 d'Orsay", "Oswald's Selector", "Anna's =) phone"})
    EXPECT_EQ(traits({.from = "\"" + std::string(name) + "\" <sip:O'Brien@sip.host.test>;tag=a"}), Traits{}) << name;
}

TEST(Traits, WhatIsMissing) {
  EXPECT_EQ(traits({.rest = ""}), of({Trait::no_max_forwards}));
  EXPECT_EQ(traits({.user_agent = ""}), of({Trait::no_user_agent}));
  EXPECT_EQ(traits({.contact = ""}), of({Trait::no_contact}));
  EXPECT_EQ(traits({.line = "OPTIONS sip:sip.host.test SIP/2.0", .method = "OPTIONS", .contact = ""}), Traits{});
  EXPECT_EQ(traits({.from = "<sip:1001@sip.host.test>"}), of({Trait::no_from_tag}));
  EXPECT_EQ(traits({.body = ""}), of({Trait::no_offer}));
  EXPECT_EQ(traits({.contact = "sip:1001@192.168.1.5"}), of({Trait::bare_contact}));
}

TEST(Traits, ToItself) {
  const std::string to = "<sip:1001@SIP.host.test>";
  EXPECT_EQ(traits({.to = to}), of({Trait::to_itself}));
  EXPECT_EQ(traits({.line = "REGISTER sip:sip.host.test SIP/2.0", .to = to, .method = "REGISTER"}), Traits{});
}

TEST(Traits, SessionNamesOfTools) {
  EXPECT_EQ(traits({.body = "v=0\r\no=- 1 1 IN IP4 192.168.1.5\r\ns=SIPPTS\r\n"}), of({Trait::tool_session}));
  EXPECT_EQ(traits({.body = "v=0\r\ns="}), Traits{});
}

TEST(Traits, OrderOfSipvicious) {
  const auto order = [](const std::vector<std::string>& names) {
    std::string text = "OPTIONS sip:1@sip.host.test SIP/2.0\r\n";
    for (const std::string& name : names) {
      const std::string value = name == "Via" || name == "v"       ? "SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKx1y"
                                : name == "CSeq"                   ? "1 OPTIONS"
                                : name == "Max-Forwards"           ? "70"
                                : name == "Content-Length"         ? "0"
                                : name == "To" || name == "t"      ? "<sip:1@sip.host.test>"
                                : name == "From" || name == "f"    ? "<sip:2@sip.host.test>;tag=x"
                                : name == "Contact" || name == "m" ? "<sip:2@192.168.1.5>"
                                                                   : "word";
      text += name + ": " + value + "\r\n";
    }
    text += "\r\n";
    RawMessage message;
    EXPECT_EQ(prescreen(text, message).result, PrescreenResult::message);
    return traits_of(message).has(Trait::tool_order);
  };
  EXPECT_TRUE(order({"Via", "Max-Forwards", "To", "From", "User-Agent", "Call-ID", "Contact", "CSeq", "Accept", "Content-Length"}));
  EXPECT_TRUE(order(
      {"Via", "Max-Forwards", "To", "From", "User-Agent", "Call-ID", "Contact", "CSeq", "Accept", "Content-Length", "Authorization"}));
  EXPECT_TRUE(order({"v", "t", "f", "i", "m", "CSeq", "Max-Forwards", "Accept", "Content-Length"}));
  EXPECT_TRUE(order({"Via", "Content-Length", "From", "Accept", "User-Agent", "To", "Contact", "CSeq", "Call-ID", "Max-Forwards"}));
  EXPECT_FALSE(order({"Via", "Max-Forwards", "From", "To", "User-Agent", "Call-ID", "Contact", "CSeq", "Accept", "Content-Length"}));
}

}  // namespace
}  // namespace postern::sip
