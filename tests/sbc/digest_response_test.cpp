// Against the examples of the RFCs.
#include "sbc/digest_response.hpp"

#include <gtest/gtest.h>

namespace postern::sbc {
namespace {

constexpr DigestInput rfc7616{.algorithm = "MD5",
                              .username = "Mufasa",
                              .realm = "http-auth@example.org",
                              .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                              .method = "GET",
                              .uri = "/dir/index.html",
                              .qop = "auth",
                              .nc = "00000001",
                              .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};

// RFC 2617 §3.5
TEST(DigestResponse, IsThatOfRfc2617) {
  auto response = DigestResponse::of({.algorithm = "",
                                      .username = "Mufasa",
                                      .realm = "testrealm@host.com",
                                      .nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                                      .method = "GET",
                                      .uri = "/dir/index.html",
                                      .qop = "auth",
                                      .nc = "00000001",
                                      .cnonce = "0a4f113b"},
                                     "6629FAE49393a05397450978507c4ef1");
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->is_of("Circle Of Life"));
  EXPECT_FALSE(response->is_of("Circle of Life"));
}

// RFC 7616 §3.9.1
TEST(DigestResponse, IsThatOfRfc7616) {
  auto md5 = DigestResponse::of(rfc7616, "8ca523f5e9506fed4657c9700eebdbec");
  ASSERT_TRUE(md5);
  EXPECT_TRUE(md5->is_of("Circle of Life"));
  EXPECT_FALSE(md5->is_of(""));
  DigestInput input = rfc7616;
  input.algorithm = "SHA-256";
  auto sha = DigestResponse::of(input, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
  ASSERT_TRUE(sha);
  EXPECT_TRUE(sha->is_of("Circle of Life"));
  EXPECT_FALSE(sha->is_of("circle of life"));
}

// RFC 2069 §2.4 in RFC 2617's words (§3.2.2.1, "if qop is not present"): H(H(A1):nonce:H(A2)), computed by hand with md5sum.
TEST(DigestResponse, NeedsNoQop) {
  DigestInput input = rfc7616;
  input.qop = {};
  auto response = DigestResponse::of(input, "");
  EXPECT_FALSE(response);
  response = DigestResponse::of(input, "7b2cc3b30e75b4777ea31027084363fd");
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->is_of("Circle of Life"));
}

TEST(DigestResponse, LeavesWhatItCannotCompute) {
  const std::string_view md5 = "8ca523f5e9506fed4657c9700eebdbec";
  for (const std::string_view algorithm : {"MD5-sess", "SHA-256-sess", "SHA-512-256", "x"}) {
    DigestInput input = rfc7616;
    input.algorithm = algorithm;
    EXPECT_FALSE(DigestResponse::of(input, md5)) << algorithm;
  }
  DigestInput input = rfc7616;
  input.qop = "auth-int";
  EXPECT_FALSE(DigestResponse::of(input, md5));
  EXPECT_FALSE(DigestResponse::of(rfc7616, "8ca523f5"));
}

}  // namespace
}  // namespace postern::sbc
