#include "sip/glance.hpp"

#include <gtest/gtest.h>

#include "corpus.hpp"
#include "sip/prescreen.hpp"

namespace postern::sip {
namespace {

std::string request(const std::string& first, const std::string& headers) { return first + "\r\n" + headers + "\r\n"; }

std::optional<std::string_view> user_agent_of(const std::string& bytes) {
  const auto seen = glance(bytes);
  return seen ? glance_user_agent(bytes, *seen) : std::nullopt;
}

TEST(Glance, TellsTheMethod) {
  const std::string options = request("OPTIONS sip:100@192.0.2.1 SIP/2.0", "Via: x\r\n");
  ASSERT_TRUE(glance(options));
  EXPECT_EQ(glance(options)->method, Method::options);
  EXPECT_EQ(glance(options)->method_text, "OPTIONS");
}

TEST(Glance, LeavesToBeReadWhatMayBelongSomewhere) {
  for (const char* line : {"ACK sip:100@192.0.2.1 SIP/2.0", "CANCEL sip:100@192.0.2.1 SIP/2.0", "BYE sip:100~token@192.0.2.1 SIP/2.0",
                           "SIP/2.0 200 OK", "SIP/2.0 200 or so SIP/2.0", "\rOPTIONS sip:100@192.0.2.1 SIP/2.0",
                           "\rACK sip:100@192.0.2.1 SIP/2.0", " x SIP/2.0", "INVITE sip:100@192.0.2.1 SIP/3.0", "INVITE", ""})
    EXPECT_FALSE(glance(request(line, ""))) << line;
  EXPECT_FALSE(glance("OPTIONS sip:100@192.0.2.1 SIP/2.0"));
  EXPECT_FALSE(glance("OPTIONS sip:" + std::string(600, 'a') + "@192.0.2.1 SIP/2.0\r\n\r\n"));
}

TEST(Glance, FindsTheUserAgent) {
  const std::string first = "OPTIONS sip:100@192.0.2.1 SIP/2.0";
  EXPECT_EQ(user_agent_of(request(first, "Via: x\r\nUser-Agent: one \r\nUser-Agent: two\r\n")), "one");
  EXPECT_EQ(user_agent_of(request(first, "USER-agent \t:one\r\n")), "one");
  EXPECT_EQ(user_agent_of(request(first, "Unsupported: x\r\n")), "");
  EXPECT_EQ(user_agent_of(request(first, "\r\nUser-Agent: of the body\r\n")), "");
  EXPECT_EQ(user_agent_of(request(first, "User-Agent: one\r\n two\r\n")), std::nullopt) << "it goes on";
  EXPECT_EQ(user_agent_of(first + "\r\nVia: x\r\n"), std::nullopt) << "it does not end";
}

TEST(Glance, SeesWhatThePrescreenReads) {
  RawMessage message;
  ASSERT_EQ(prescreen(testing::invite, message).result, PrescreenResult::message);
  EXPECT_EQ(user_agent_of(testing::invite), message.user_agent);
  EXPECT_EQ(glance(testing::invite)->method_text, message.method_text);
}

}  // namespace
}  // namespace postern::sip
