#include "sbc/request_head.hpp"

#include <gtest/gtest.h>

namespace postern::sbc {
namespace {

using sip::HeaderName;

TEST(RequestHead, FindsFieldsInBothFormsWithFoldsAndSpaces) {
  RequestHead head;
  head.read("OPTIONS sip:a SIP/2.0\r\nv: one:1\r\nSubject:\r\nVia : two,\r\n\t three  \r\nt:<sip:a>\r\ni: b\r\n\r\n");
  EXPECT_EQ(head.value_of(HeaderName::via), "one:1");
  ASSERT_EQ(head.fields().size(), 4U);
  EXPECT_EQ(head.fields()[1].name, HeaderName::via);
  EXPECT_EQ(head.fields()[1].value, "two,\r\n\t three");
  EXPECT_EQ(head.value_of(HeaderName::to), "<sip:a>");
  EXPECT_EQ(head.value_of(HeaderName::call_id), "b");
  EXPECT_EQ(head.value_of(HeaderName::from), "");
}

TEST(RequestHead, ReadsAllThatAnswersRepeatInAnyCase) {
  RequestHead head;
  head.read(
      "OPTIONS sip:a SIP/2.0\r\nVIA: 1\r\nfrom: 2\r\nF: 3\r\ncall-id: 4\r\nCSEQ: 5\r\nRecord-Route: 6\r\nrequire: 7\r\nProxy-Require: "
      "8\r\nTO: "
      "9\r\n\r\n");
  std::string values;
  for (const auto& field : head.fields()) values += field.value;
  EXPECT_EQ(values, "123456789");
}

TEST(RequestHead, ReadsOnlyWhatBeginsWithTheWantedLetters) {
  RequestHead head;
  head.read("OPTIONS sip:a SIP/2.0\r\nVia: 1\r\nUser-Agent: 2\r\nuser-agent: 3\r\n5: 4\r\n\r\n", FirstLetters("u"));
  ASSERT_EQ(head.fields().size(), 3U);  // "5" has the bits of "u": it is a name that nobody asks for
  EXPECT_EQ(head.value_of(HeaderName::user_agent), "2");
  EXPECT_EQ(head.value_of(HeaderName::via), "");
}

TEST(RequestHead, ForgetsWhatItReadBefore) {
  RequestHead head;
  head.read("OPTIONS sip:a SIP/2.0\r\nVia: one\r\n\r\n");
  head.read("");
  EXPECT_TRUE(head.fields().empty());
}

}  // namespace
}  // namespace postern::sbc
