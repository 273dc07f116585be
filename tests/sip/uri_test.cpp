#include "sip/uri.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "sip/via_edit.hpp"

namespace postern::sip {
namespace {

struct UriCase {
  const char* uri;
  const char *user, *password, *host;
  int port;
  const char *params, *headers;
};

TEST(UriView, SplitsWhatRfc3261Allows) {
  const UriCase cases[] = {
      {"sip:example.com", "", "", "example.com", 0, "", ""},
      {"sip:1001@example.com:5062;transport=udp?Subject=x", "1001", "", "example.com", 5062, ";transport=udp", "?Subject=x"},
      {"SIPS:a:secret@[2001:db8::1]:5061", "a", "secret", "[2001:db8::1]", 5061, "", ""},
      {"sip:user;par=u%40example.net@example.com", "user;par=u%40example.net", "", "example.com", 0, "", ""},
      {"sip:a?b@example.com", "a?b", "", "example.com", 0, "", ""},
      {"sip:[::1]", "", "", "[::1]", 0, "", ""},
      {"sip:@example.com", "", "", "example.com", 0, "", ""},
      {"sip:1001@host_name;lr", "1001", "", "host_name", 0, ";lr", ""},
      {"sip:1001@example.com?Replaces=a@b", "1001", "", "example.com", 0, "", "?Replaces=a@b"},
  };
  for (const UriCase& one : cases) {
    const auto uri = UriView::parse(one.uri);
    ASSERT_TRUE(uri) << one.uri;
    EXPECT_EQ(uri->whole, one.uri);
    EXPECT_EQ(uri->user, one.user) << one.uri;
    EXPECT_EQ(uri->password, one.password) << one.uri;
    EXPECT_EQ(uri->host, one.host) << one.uri;
    EXPECT_EQ(uri->port, one.port) << one.uri;
    EXPECT_EQ(uri->params, one.params) << one.uri;
    EXPECT_EQ(uri->headers, one.headers) << one.uri;
  }
  EXPECT_EQ(UriView::parse("sips:a@b")->scheme, "sips");
  EXPECT_FALSE(UriView::parse("sip:b")->has_user);
  EXPECT_TRUE(UriView::parse("sip:@b")->has_user);
  EXPECT_EQ(UriView::parse("sip:a@b:5060;x")->host_port(), "b:5060");
  EXPECT_EQ(UriView::parse("sip:a@b;x")->host_port(), "b");
}

TEST(UriView, RefusesWhatCannotBeSplitWithoutDoubt) {
  for (const char* uri : {"",
                          "sip:",
                          "sip",
                          "tel:+1",
                          "http://a",
                          "sip:a@",
                          "sip:a@b:",
                          "sip:a@b:0",
                          "sip:a@b:65536",
                          "sip:a@b:123456789012345678901",
                          "sip:a@b c",
                          "sip:a@b>",
                          "<sip:a@b>",
                          "sip:a@[::1",
                          "sip:a@[]",
                          "sip:a@[::g]",
                          "sip:a@b%41",
                          "sip:a@b@c",
                          "sip:a@b;x=y@evil.example",
                          "sip:a@b,c",
                          "sip:a@b!x",
                          "sip:\"a\"@b",
                          "sip:a@b\r\n",
                          "sip:a@b:50x"}) {
    EXPECT_FALSE(UriView::parse(uri)) << uri;
  }
  EXPECT_FALSE(UriView::parse(std::string_view("sip:a\0b@c", 9)));
}

TEST(UriView, FindsParameters) {
  const auto uri = UriView::parse("sip:a@b;Transport=TCP;lr;empty=");
  EXPECT_EQ(uri->param("transport"), "TCP");
  EXPECT_EQ(uri->param("LR"), "");
  EXPECT_EQ(uri->param("empty"), "");
  EXPECT_EQ(uri->param("trans"), std::nullopt);
}

struct NameAddrCase {
  const char *element, *display, *uri, *params;
  bool bracketed;
};

TEST(NameAddrView, SplitsBothForms) {
  const NameAddrCase cases[] = {
      {"sip:a@b", "", "sip:a@b", "", false},
      {"sip:a@b;tag=1", "", "sip:a@b", ";tag=1", false},
      {"<sip:a@b;x=1>;tag=1", "", "sip:a@b;x=1", ";tag=1", true},
      {"caller<sip:a@b>;tag=1", "caller", "sip:a@b", ";tag=1", true},
      {"\"A \\\" <b>\" <sip:a@b> ; tag = 1", "\"A \\\" <b>\"", "sip:a@b", "; tag = 1", true},
      {"  \r\n Two Words  <tel:+123>  ", "Two Words", "tel:+123", "", true},
      {"\"a, b\" <sip:a@b>", "\"a, b\"", "sip:a@b", "", true},
      {"<isbn:2983792873>", "", "isbn:2983792873", "", true},
  };
  for (const NameAddrCase& one : cases) {
    const auto address = NameAddrView::parse(one.element);
    ASSERT_TRUE(address) << one.element;
    EXPECT_EQ(address->display, one.display) << one.element;
    EXPECT_EQ(address->uri, one.uri) << one.element;
    EXPECT_EQ(address->params, one.params) << one.element;
    EXPECT_EQ(address->bracketed, one.bracketed) << one.element;
  }
  EXPECT_EQ(NameAddrView::parse("<sip:a@b> ; x=\"a;tag=2\" ; Tag = 1")->param("tag"), "1");
}

TEST(NameAddrView, RefusesWhatDoesNotBalanceOrHasNoUri) {
  for (const char* element :
       {"", "*", "a", "<>", "<sip:a@b", "\"a <sip:a@b>", "\"a\\\" <sip:a@b>", "<sip:a@b> x", "< sip:a@b>", "<sip:a@b >", "<<sip:a@b>>",
        "sip:a@b?x=1", "<sip:a@b>;x=\"", "Bell, Alexander <sip:a@b>", "sip:a,b@c", "<sip:a@b>;tag=1,2", ":x", "<1:x>"}) {
    EXPECT_FALSE(NameAddrView::parse(element)) << element;
  }
}

std::vector<std::string> elements(std::string_view value) {
  ElementReader reader(value);
  std::vector<std::string> all;
  while (const auto element = reader.next()) all.emplace_back(*element);
  return all;
}

TEST(ElementReader, CountsOnlyCommasThatSeparate) {
  using All = std::vector<std::string>;
  EXPECT_EQ(elements(" a , b,\r\n c"), (All{"a", "b", "c"}));
  EXPECT_EQ(elements("\"a,\\\",b\" <sip:a,b@c>, d"), (All{"\"a,\\\",b\" <sip:a,b@c>", "d"}));
  EXPECT_EQ(elements("a (x,(y,z)\\),) , b"), (All{"a (x,(y,z)\\),)", "b"}));
  EXPECT_EQ(elements("sip:a(b@c, d"), (All{"sip:a(b@c", "d"})) << "no comment: there is no white space before it";
  EXPECT_EQ(elements(",, ,a,,"), (All{"a"}));
  EXPECT_EQ(elements(""), All{});
  for (const char* value : {"a, \"b", "a, <b", "a, (b, c"}) EXPECT_EQ(elements(value), (All{"a"})) << value;
  EXPECT_EQ(elements("\"\\"), All{});
}

TEST(Params, AreFoundAndTakenOff) {
  EXPECT_EQ(find_param(";a=1 ; b = \"x;c=2\" ;c", "b"), "\"x;c=2\"");
  EXPECT_EQ(find_param(";a=1 ; b = \"x;c=2\" ;c", "c"), "");
  EXPECT_EQ(find_param("", "a"), std::nullopt);
  EXPECT_EQ(find_param(";;,;,,", "a"), std::nullopt);
  EXPECT_EQ(find_param(";a=\"", "a"), "\"");
  std::string out = "sip:a@b";
  append_params_without(out, ";OB;lr; ob ;x=\"ob;ob\";ob=1;obx", std::array<std::string_view, 1>{"ob"});
  EXPECT_EQ(out, "sip:a@b;lr;x=\"ob;ob\";obx");
}

TEST(Params, AreFoundAndTakenOffHoweverTheirNameIsWritten) {
  EXPECT_EQ(UriView::parse("sip:1@h;%6Daddr=127.0.0.1")->param("maddr"), "127.0.0.1");
  std::string out;
  append_params_without(out, ";%6daddr=1;%74%72ansport=tcp;%6C%72;maddr%=2;%6daddr%6d=3",
                        std::array<std::string_view, 2>{"maddr", "transport"});
  EXPECT_EQ(out, ";%6C%72;maddr%=2;%6daddr%6d=3");
}

TEST(ViaView, TakesWhiteSpaceWhereTheGrammarHasIt) {
  const auto via = ViaView::parse(" SIP  / 2.0\r\n / UDP\r\n  [2001:db8::9]  :  5060 ; branch = z9hG4bKx ; rport ");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->version, "2.0");
  EXPECT_EQ(via->transport, "UDP");
  EXPECT_EQ(via->host, "[2001:db8::9]");
  EXPECT_EQ(via->sent_by, "[2001:db8::9]  :  5060");
  EXPECT_EQ(via->port, 5060);
  EXPECT_EQ(via->params, "; branch = z9hG4bKx ; rport");
  EXPECT_EQ(via->param("branch"), "z9hG4bKx");
  EXPECT_EQ(via->param("RPORT"), "");
  const auto bare = ViaView::parse("SIP/2.0/TCP host");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->sent_by, "host");
  EXPECT_EQ(bare->port, 0);
  EXPECT_EQ(bare->params, "");
}

TEST(ViaView, RefusesTheRest) {
  for (const char* via :
       {"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 UDP host", "HTTP/2.0/UDP host", "SIP/2.0/UDP host:0", "SIP/2.0/UDP host:99999",
        "SIP/2.0/UDP host x", "SIP/2.0/UDP [::1", "SIP/2.0/UDP ho st", "SIP/2.0/UDP[::1]", "SIP/2.0/UDP host;x=\"", "SIP/2.0/UDP host:"}) {
    EXPECT_FALSE(ViaView::parse(via)) << via;
  }
}

struct ReceivedCase {
  const char *via, *host;
  bool force;
  const char* expected;
};

TEST(ViaEdit, WritesReceivedAndRport) {
  const ReceivedCase cases[] = {
      {"SIP/2.0/UDP 192.0.2.1:5060;branch=z9", "192.0.2.1", false, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9"},
      {"SIP/2.0/UDP 192.0.2.1:5060;branch=z9", "192.0.2.2", false, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9;received=192.0.2.2"},
      {"SIP/2.0/UDP 192.0.2.1;rport;branch=z9", "192.0.2.1", false, "SIP/2.0/UDP 192.0.2.1;branch=z9;received=192.0.2.1;rport=4000"},
      {"SIP/2.0/UDP 192.0.2.1;branch=z9", "192.0.2.1", true, "SIP/2.0/UDP 192.0.2.1;branch=z9;received=192.0.2.1;rport=4000"},
      {"SIP/2.0/UDP h ; received=6.6.6.6 ; Rport = 66;x", "192.0.2.1", false, "SIP/2.0/UDP h;x;received=192.0.2.1;rport=4000"},
      {"SIP/2.0/UDP [2001:db8::1]", "2001:db8::1", false, "SIP/2.0/UDP [2001:db8::1]"},
      {"SIP/2.0/UDP  host", "2001:db8::1", false, "SIP/2.0/UDP  host;received=2001:db8::1"},
  };
  for (const ReceivedCase& one : cases) {
    const auto via = ViaView::parse(one.via);
    ASSERT_TRUE(via) << one.via;
    EXPECT_EQ(with_received(*via, one.host, 4000, one.force), one.expected);
  }
}

TEST(CanonicalUser, IsWhatAPbxTakes) {
  std::array<char, 16> buffer{};
  const auto of = [&](std::string_view user) { return std::string(canonical_user(user, buffer)); };
  EXPECT_EQ(of("1001"), "1001");
  EXPECT_EQ(of("%30%30881234"), "00881234");
  EXPECT_EQ(of("9999;npdi"), "9999");
  EXPECT_EQ(of("9999%3Bnpdi"), "9999");
  EXPECT_EQ(of("9999%00x"), "9999");
  EXPECT_EQ(of("9999;%zz"), "9999") << "a broken escape does not keep the rest from being read";
  EXPECT_EQ(of("%3"), "%3");
  EXPECT_EQ(of("%"), "%");
  EXPECT_EQ(of("%4142"), "A42");
  EXPECT_EQ(of("%39999;" + std::string(300, 'a')), "9999") << "nor does its length";
  EXPECT_EQ(of("%30900" + std::string(300, '1')), "0900111111111111");
  EXPECT_EQ(of("0900" + std::string(300, '1')), "0900111111111111");
}

}  // namespace
}  // namespace postern::sip
