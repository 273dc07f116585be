#include "sbc/request_head.hpp"

#include <gtest/gtest.h>

namespace postern::sbc {
namespace {

using sip::HeaderName;

TEST(RequestHead, FindsFieldsInBothFormsWithFoldsAndSpaces) {
  RequestHead head;
  head.read("OPTIONS sip:a SIP/2.0\r\nv: one:1\r\nSubject:\r\nVia : two,\r\n\t three  \r\nt:<sip:a>\r\n\r\n");
  ASSERT_EQ(head.fields().size(), 4U);
  EXPECT_EQ(head.value_of(HeaderName::via), "one:1");
  EXPECT_EQ(head.fields()[2].name, HeaderName::via);
  EXPECT_EQ(head.fields()[2].value, "two,\r\n\t three");
  EXPECT_EQ(head.value_of(HeaderName::subject), "");
  EXPECT_EQ(head.value_of(HeaderName::to), "<sip:a>");
  EXPECT_EQ(head.value_of(HeaderName::from), "");
}

TEST(RequestHead, ForgetsWhatItReadBefore) {
  RequestHead head;
  head.read("OPTIONS sip:a SIP/2.0\r\nVia: one\r\n\r\n");
  head.read("");
  EXPECT_TRUE(head.fields().empty());
}

}  // namespace
}  // namespace postern::sbc
