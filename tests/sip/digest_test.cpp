#include "sip/digest.hpp"

#include <gtest/gtest.h>

namespace postern::sip {
namespace {

TEST(Digest, SplitsCredentials) {
  const auto digest = DigestView::parse(
      R"(Digest username="1001", realm="asterisk",nonce="1734/9f2c", uri="sip:a@b;x=1,2", response="00ff", algorithm=MD5, opaque="77", qop=auth)");
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->username, "1001");
  EXPECT_EQ(digest->realm, "asterisk");
  EXPECT_EQ(digest->nonce, "1734/9f2c");
  EXPECT_EQ(digest->response, "00ff");
  EXPECT_EQ(digest->opaque, "77");
  EXPECT_EQ(digest->opaque_param, R"(opaque="77")");
  EXPECT_EQ(digest->last_param, "qop=auth");
}

TEST(Digest, TakesWhatDevicesWrite) {
  for (const std::string_view value : {R"(digest nonce="a",realm="r")", "DIGEST\r\n nonce=\"a\" ,\r\n realm = \"r\"",
                                       R"(Digest nonce="a",,realm="r",)", R"(Digest uri=sip:1001@pbx;transport=udp,nonce="a",realm="r")"}) {
    const auto digest = DigestView::parse(value);
    ASSERT_TRUE(digest) << value;
    EXPECT_EQ(digest->nonce, "a") << value;
    EXPECT_EQ(digest->realm, "r") << value;
    EXPECT_FALSE(digest->opaque) << value;
  }
}

TEST(Digest, AnEmptyOpaqueIsOne) {
  const auto digest = DigestView::parse(R"(Digest nonce="a", opaque="")");
  ASSERT_TRUE(digest);
  EXPECT_EQ(digest->opaque, "");
}

// Whoever reads such a header another way than we do could be given another's credentials behind our back.
TEST(Digest, RefusesWhatCanBeReadInTwoWays) {
  for (const std::string_view value : {R"(Digest response="00", response="11")",
                                       R"(Digest Response="00", response="11")",
                                       R"(Digest opaque="1", opaque="2")",
                                       R"(Digest nonce="a\"b")",
                                       R"(Digest opaque="\77")",
                                       R"(Digest response="00)",
                                       R"(Digest username="a", x="\",nonce=b,response=00,y=\"")",
                                       R"(Digest username="a\\b")",
                                       R"(Digest n%6fnce="a")",
                                       R"(Digest x=[,y="],response="00")",
                                       R"(Digest x={a},nonce="b")",
                                       R"(Digest x=<, nonce="b")",
                                       R"(Digest nonce "a")",
                                       R"(Digest nonce="a" realm="r")",
                                       R"(Digest nonce="a"b, realm="r")",
                                       "Digest",
                                       "Digest ",
                                       "Digest ,",
                                       "Digest,nonce=\"a\"",
                                       R"(Digest ="a")",
                                       R"(Basic dXNlcjpwYXNz)",
                                       ""}) {
    EXPECT_FALSE(DigestView::parse(value)) << value;
  }
}

TEST(Digest, LooksLikeDigestEvenWhereItIsNone) {
  EXPECT_TRUE(looks_like_digest("  digest,nonce=1"));
  EXPECT_TRUE(looks_like_digest("Digest"));
  EXPECT_FALSE(looks_like_digest("Basic dXNlcjpwYXNz"));
  EXPECT_FALSE(looks_like_digest("Dige"));
}

}  // namespace
}  // namespace postern::sip
