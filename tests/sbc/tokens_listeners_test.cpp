// A token names its listener by our own address and port: what becomes of it when the list changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sbc/tokens.hpp"

namespace postern::sbc {
namespace {

acl::Address address(std::string_view text) { return acl::Address::parse(text).value_or(acl::Address()); }

ListenerOptions listener(std::string_view bind, std::uint16_t port) {
  ListenerOptions options;
  options.bind = {address(bind), port};
  return options;
}

class TokensOfListeners : public testing::Test {
 protected:
  TokensOfListeners() {
    token_.flow.local = address("192.0.2.1");
    token_.flow.peer = {address("203.0.113.7"), 40'000};
    token_.scheme = "sip";
    token_.rest = "@192.168.1.20:5060";
    apply({listener("0.0.0.0", 5060), listener("0.0.0.0", 5070)});
    EXPECT_TRUE(tokens_.seal(token_, "1001", letters_));
  }
  void apply(const std::vector<ListenerOptions>& listeners) { tokens_.apply(std::vector<Endpoint>{}, listeners); }
  /// Where the token leads now.
  std::uint8_t leads_to() {
    const auto opened = tokens_.open_inward(letters_, "1001");
    EXPECT_TRUE(opened && opened->flow.peer == token_.flow.peer && opened->flow.local == token_.flow.local);
    return opened ? opened->flow.listener : no_listener;
  }

  Tokens tokens_{std::array<TokenKey, 1>{TokenKey{1}}, 100};
  InwardToken token_;
  std::string letters_;
};

TEST_F(TokensOfListeners, FollowsItsAddress) {
  apply({listener("0.0.0.0", 5070), listener("192.0.2.1", 5060)});
  EXPECT_EQ(leads_to(), 1) << "of the wildcard this address is left";
  token_.flow.listener = 1;
  std::string again;
  EXPECT_TRUE(tokens_.seal(token_, "1001", again));
  EXPECT_EQ(again, letters_) << "a refresh gives the same Contact";
}

TEST_F(TokensOfListeners, LeadsNowhereWhereNoneIsOpen) {
  apply({listener("192.0.2.2", 5060), listener("0.0.0.0", 5070)});
  EXPECT_EQ(leads_to(), no_listener);
  std::vector<ListenerOptions> closed{listener("0.0.0.0", 5060)};
  closed[0].open = false;
  apply(closed);
  EXPECT_EQ(leads_to(), no_listener);
}

TEST_F(TokensOfListeners, IsNotSealedForNone) {
  token_.flow.listener = no_listener;
  std::string out = "before";
  EXPECT_FALSE(tokens_.seal(token_, "1001", out));
  EXPECT_EQ(out, "before");
}

}  // namespace
}  // namespace postern::sbc
