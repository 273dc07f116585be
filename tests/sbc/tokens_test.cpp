#include "sbc/tokens.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "sbc/base64url.hpp"
#include "sbc/seal.hpp"

namespace postern::sbc {

static bool operator==(const InwardToken& a, const InwardToken& b) {
  return a.flow == b.flow && a.scheme == b.scheme && a.rest == b.rest && a.has_user == b.has_user;
}

static bool operator==(const OutwardToken& a, const OutwardToken& b) {
  return a.pbx == b.pbx && a.flow_hash == b.flow_hash && a.dialog_hash == b.dialog_hash && a.scheme == b.scheme && a.rest == b.rest &&
         a.has_user == b.has_user && a.routes == b.routes;
}

namespace {

std::array<std::uint8_t, 32> key(std::uint8_t first = 0) {
  std::array<std::uint8_t, 32> bytes{};
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

acl::Address address(std::string_view text) { return acl::Address::parse(text).value_or(acl::Address()); }

const Endpoint first_pbx{address("10.0.0.5"), 15060};
const Endpoint second_pbx{address("fd00::5"), 5060};

/// Of each transport one for each family.
std::uint8_t listener_of(Transport transport, bool v4) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(transport) * 2 + (v4 ? 0 : 1));
}

std::vector<ListenerOptions> all_listeners() {
  std::vector<ListenerOptions> listeners;
  for (const Transport transport : {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss}) {
    for (const char* any : {"0.0.0.0", "::"}) {
      ListenerOptions& listener = listeners.emplace_back();
      listener.transport = transport;
      listener.bind = {address(any), static_cast<std::uint16_t>(5060 + listeners.size())};
    }
  }
  return listeners;
}

Tokens make_tokens(std::vector<Endpoint> pbx = {first_pbx, second_pbx}, std::size_t capacity = 1000, std::uint8_t first = 0) {
  const std::array<TokenKey, 1> keys{key(first)};
  Tokens tokens(keys, capacity);
  tokens.apply(pbx, all_listeners());
  return tokens;
}

template <class Token>
std::string sealed(Tokens& tokens, const Token& token, std::string_view user) {
  std::string out;
  EXPECT_TRUE(tokens.seal(token, user, out));
  return out;
}

InwardToken inward() {
  InwardToken token;
  token.flow = {Side::access, Transport::udp, 0, address("192.0.2.1"), {address("203.0.113.7"), 40'000}, 0};
  token.scheme = "sip";
  token.rest = "@192.168.1.20:5060;transport=udp;ob";
  return token;
}

OutwardToken outward() {
  OutwardToken token;
  token.flow_hash = 0x12345678;
  token.dialog_hash = 0x9abcdef0;
  token.scheme = "sip";
  token.rest = "@10.0.0.5:15060";
  return token;
}

std::pair<std::string, std::string> split_again(std::string user, std::string_view letters) {
  user.append("~").append(letters);
  const TokenUser split = split_token(user).value_or(TokenUser{"no", "token"});
  return {std::string(split.user), std::string(split.letters)};
}

class Random {
 public:
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_); }
  bool coin() { return below(2) == 0; }
  std::string text(std::size_t longest) {
    std::string out(below(longest + 1), ' ');
    for (char& c : out) c = static_cast<char>(below(256));
    return out;
  }
  acl::Address some_address() {
    if (coin()) return acl::Address::v4(static_cast<std::uint32_t>(below(UINT32_MAX)));
    acl::Address::Bytes bytes{};
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(below(256));
    return acl::Address::v6(bytes);
  }
  std::string scheme() { return below(4) > 0 ? "sip" : below(2) > 0 ? "sips" : text(6); }

  InwardToken inward() {
    InwardToken token;
    token.flow = {Side::access,
                  static_cast<Transport>(below(5)),
                  0,
                  some_address(),
                  {some_address(), static_cast<std::uint16_t>(below(65536))},
                  coin() ? 0 : below(SIZE_MAX)};
    token.flow.listener = listener_of(token.flow.transport, token.flow.local.is_v4());
    token.scheme = scheme();
    token.rest = text(coin() ? 40 : 400);
    token.has_user = coin();
    return token;
  }

  OutwardToken outward() {
    OutwardToken token;
    token.pbx = static_cast<std::uint8_t>(below(2));
    token.flow_hash = static_cast<std::uint32_t>(below(UINT32_MAX));
    token.dialog_hash = static_cast<std::uint32_t>(below(UINT32_MAX));
    token.scheme = scheme();
    token.has_user = coin();
    const std::size_t shape = below(4);
    if (shape < 2) token.rest = "@";
    if (shape < 3) token.rest += (coin() ? first_pbx : second_pbx).to_string();
    token.rest += text(coin() ? 20 : 400);
    for (std::size_t routes = coin() ? 0 : below(5); routes > 0; --routes) token.routes.push_back(text(200));
    return token;
  }

 private:
  std::mt19937_64 engine_{42};
};

TEST(Tokens, RestoreWhatWasSealed) {
  Random random;
  Tokens tokens = make_tokens();
  Tokens same_key = make_tokens();
  for (int round = 0; round < 3000; ++round) {
    const std::string user = random.text(random.coin() ? 20 : 600);
    const InwardToken in = random.inward();
    const std::string in_letters = sealed(tokens, in, user);
    const auto in_again = tokens.open_inward(in_letters, user);
    ASSERT_TRUE(in_again && *in_again == in) << round;
    ASSERT_EQ(sealed(same_key, in, user), in_letters) << "not deterministic";
    const OutwardToken out = random.outward();
    const std::string out_letters = sealed(tokens, out, user);
    const auto out_again = tokens.open_outward(out_letters, user);
    ASSERT_TRUE(out_again && *out_again == out) << round;
    ASSERT_EQ(sealed(same_key, out, user), out_letters) << "not deterministic";

    ASSERT_LE(out_letters.size(), Tokens::outward_letters);
    ASSERT_LE(in_letters.size(), Tokens::inward_letters);
    ASSERT_GE(std::min(in_letters.size(), out_letters.size()), Tokens::min_letters);
    for (const std::string& letters : {in_letters, out_letters}) {
      ASSERT_EQ(split_again(user, letters), std::pair(user, letters));
    }
  }
  EXPECT_GT(tokens.table_size(), 0U);
  EXPECT_GT(tokens.evictions(), 0U);
}

TEST(Tokens, DifferentContentsGiveDifferentTokens) {
  Tokens tokens = make_tokens();
  InwardToken other = inward();
  other.flow.peer.port++;
  EXPECT_NE(sealed(tokens, inward(), "1001"), sealed(tokens, other, "1001"));
  EXPECT_NE(sealed(tokens, inward(), "1001"), sealed(tokens, inward(), "1002"));
}

TEST(Tokens, NeedNoTableForWhatIsUsual) {
  Tokens tokens = make_tokens();
  OutwardToken token = outward();
  EXPECT_EQ(sealed(tokens, token, "1001").size(), 39U);
  for (const char* rest : {"@10.0.0.5:15060;transport=udp", "@10.0.0.5:15060;transport=tcp;ob", "@10.0.0.6:5060"}) {
    token.rest = rest;
    EXPECT_LE(sealed(tokens, token, "1001").size(), Tokens::outward_letters);
  }
  token.pbx = 1;
  token.rest = "@[fd00::5]:5060;transport=tcp;lr";
  EXPECT_LE(sealed(tokens, token, "1001").size(), Tokens::outward_letters);
  token.has_user = false;
  token.rest = "[fd00::5]:5060";
  EXPECT_EQ(sealed(tokens, token, "").size(), 39U);
  sealed(tokens, inward(), "1001");
  EXPECT_EQ(tokens.table_size(), 0U);
}

TEST(Tokens, KeepInATableWhatDoesNotFit) {
  Tokens tokens = make_tokens();
  OutwardToken routed = outward();
  routed.routes = {"<sip:10.0.0.9;lr>", "<sip:10.0.0.8:5070;lr;ftag=x>"};
  EXPECT_EQ(sealed(tokens, routed, "1001").size(), Tokens::min_letters);
  EXPECT_EQ(tokens.table_size(), 1U);
  EXPECT_EQ(sealed(tokens, routed, "1001").size(), Tokens::min_letters);
  EXPECT_EQ(tokens.table_size(), 1U) << "the same content twice";

  InwardToken pushed = inward();
  pushed.rest += ";pn-provider=acme;pn-prid=" + std::string(300, 'a');
  EXPECT_EQ(sealed(tokens, pushed, "1001").size(), Tokens::min_letters);
  EXPECT_EQ(tokens.table_size(), 2U);

  Tokens restarted = make_tokens();
  EXPECT_FALSE(restarted.open_inward(sealed(tokens, pushed, "1001"), "1001"));
}

TEST(Tokens, KeepAUriShort) {
  Tokens tokens = make_tokens();
  InwardToken token = inward();
  for (const std::size_t user : {1U, 100U, 128U, 200U, 300U, 400U}) {
    for (const std::size_t rest : {10U, 100U, 180U, 190U, 200U, 210U, 300U}) {
      token.rest = "@" + std::string(rest, 'r');
      const std::string letters = sealed(tokens, token, std::string(user, 'u'));
      EXPECT_LT(std::string("sip:~@[fd00:1111:2222:3333:4444:5555:6666:7777]:65535").size() + user + letters.size(), 512U);
    }
  }
  token.rest = "@" + std::string(150, 'r');
  EXPECT_GT(sealed(tokens, token, "1001").size(), 200U) << "needs no table";
}

TEST(Tokens, LeastRecentlyUsedContentsGoFirst) {
  Tokens tokens = make_tokens({first_pbx}, 6);
  std::vector<std::string> letters;
  const auto seal_routed = [&](const std::string& route) {
    OutwardToken token = outward();
    token.routes = {route, "<sip:proxy.example;lr>"};
    return sealed(tokens, token, "1001");
  };
  for (const char* route : {"<sip:one>", "<sip:two>", "<sip:three>"}) letters.push_back(seal_routed(route));
  EXPECT_TRUE(tokens.open_outward(letters[0], "1001"));  // one is newer than two now
  EXPECT_EQ(tokens.evictions(), 0U);
  letters.push_back(seal_routed("<sip:four>"));
  EXPECT_EQ(tokens.table_size(), 3U);
  EXPECT_EQ(tokens.evictions(), 1U);
  EXPECT_TRUE(tokens.open_outward(letters[0], "1001"));
  EXPECT_FALSE(tokens.open_outward(letters[1], "1001"));
  EXPECT_TRUE(tokens.open_outward(letters[2], "1001"));
  EXPECT_TRUE(tokens.open_outward(letters[3], "1001"));
  EXPECT_EQ(seal_routed("<sip:two>"), letters[1]) << "back with the same token";
  EXPECT_TRUE(tokens.open_outward(letters[1], "1001"));
}

TEST(Tokens, AStrangersContentsDoNotPushOutTheOtherKind) {
  Tokens tokens = make_tokens({first_pbx}, 6);
  OutwardToken routed = outward();
  routed.routes = {"<sip:proxy.example:5070;lr>"};
  const std::string kept = sealed(tokens, routed, "1001");
  for (int i = 0; i < 100; ++i) {
    InwardToken token = inward();
    token.rest += std::string(400, 'x') + std::to_string(i);
    sealed(tokens, token, "1001");
  }
  EXPECT_EQ(tokens.table_size(), 4U);
  EXPECT_TRUE(tokens.open_outward(kept, "1001"));
}

TEST(Tokens, TheTableIsBoundedInBytes) {
  Tokens tokens = make_tokens({first_pbx}, 200);
  for (int i = 0; i < 100; ++i) {
    InwardToken token = inward();
    token.rest += std::string(10'000, 'x') + std::to_string(i);
    sealed(tokens, token, "1001");
  }
  EXPECT_EQ(tokens.table_size(), 6U);  // of 65,536 bytes
  EXPECT_EQ(tokens.evictions(), 94U);
  InwardToken endless = inward();
  endless.rest.resize(70'000, 'x');
  std::string out = "before";
  EXPECT_FALSE(tokens.seal(endless, "1001", out));
  EXPECT_EQ(out, "before");
}

TEST(Tokens, OpenOnlyWhatIsWhole) {
  Tokens tokens = make_tokens();
  const std::string in = sealed(tokens, inward(), "1001");
  const std::string out = sealed(tokens, outward(), "1001");
  for (const std::string& letters : {in, out}) {
    const auto opens = [&](std::string_view text) { return tokens.open_inward(text, "1001") || tokens.open_outward(text, "1001"); };
    ASSERT_TRUE(opens(letters));
    for (std::size_t at = 0; at < letters.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = letters;
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
        EXPECT_FALSE(opens(bad)) << at << " " << bit;
      }
      EXPECT_FALSE(opens(std::string_view(letters).substr(0, at)));
    }
    EXPECT_FALSE(opens(letters + "A"));
    EXPECT_FALSE(opens(letters + "AAAA"));
    EXPECT_FALSE(opens(letters + std::string(400, 'A')));
    EXPECT_TRUE(opens(letters)) << "still";
  }
}

TEST(Tokens, TamperingWithAnyBitIsSeen) {
  Tokens tokens = make_tokens();
  std::array<std::uint8_t, 240> bytes{};
  const std::size_t size = decode_base64url(sealed(tokens, inward(), "1001"), bytes).value_or(0);
  ASSERT_GT(size, Seal::tag_size);
  for (std::size_t bit = 0; bit < size * 8; ++bit) {
    auto bad = bytes;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
    std::string letters;
    append_base64url(letters, std::span(bad).first(size));
    EXPECT_FALSE(tokens.open_inward(letters, "1001")) << bit;
  }
}

TEST(Tokens, AreOfOneKindUserAndKey) {
  Tokens tokens = make_tokens();
  Tokens other_key = make_tokens({first_pbx, second_pbx}, 1000, 1);
  const std::string in = sealed(tokens, inward(), "1001");
  const std::string out = sealed(tokens, outward(), "1001");
  EXPECT_FALSE(tokens.open_outward(in, "1001"));
  EXPECT_FALSE(tokens.open_inward(out, "1001"));
  for (const char* user : {"", "100", "10011", "1002", "1001~"}) {
    EXPECT_FALSE(tokens.open_inward(in, user)) << user;
    EXPECT_FALSE(tokens.open_outward(out, user)) << user;
  }
  EXPECT_FALSE(other_key.open_inward(in, "1001"));
  EXPECT_FALSE(other_key.open_outward(out, "1001"));
}

// The kind is sealed in, rather than guessed from what decodes: with enough addresses of the PBX some outward content reads as a flow.
TEST(Tokens, NoOutwardTokenIsAnInwardOne) {
  std::vector<Endpoint> pbx;
  for (std::uint16_t port = 1; port <= 64; ++port) pbx.push_back({first_pbx.address, port});
  Tokens tokens = make_tokens(pbx);
  OutwardToken token = outward();
  token.rest = "@proxy.example:50";
  for (std::size_t i = 0; i < pbx.size(); ++i) {
    token.pbx = static_cast<std::uint8_t>(i);
    EXPECT_FALSE(tokens.open_inward(sealed(tokens, token, "1001"), "1001")) << i;
  }
}

TEST(Tokens, OutliveAChangeOfThePbxList) {
  Tokens before = make_tokens({first_pbx, second_pbx});
  const std::string letters = sealed(before, outward(), "1001");
  Tokens turned = make_tokens({second_pbx, first_pbx});
  OutwardToken expected = outward();
  expected.pbx = 1;
  EXPECT_EQ(turned.open_outward(letters, "1001"), expected);
  Tokens gone = make_tokens({second_pbx});
  EXPECT_FALSE(gone.open_outward(letters, "1001"));

  OutwardToken nowhere = outward();
  nowhere.pbx = 2;
  std::string out = "before";
  EXPECT_FALSE(before.seal(nowhere, "1001", out));
  EXPECT_EQ(out, "before");
}

TEST(Tokens, OpenWithOldKeysAndAreSealedWithTheNewOne) {
  Tokens tokens = make_tokens();
  const std::string old_in = sealed(tokens, inward(), "1001");
  const std::string old_out = sealed(tokens, outward(), "1001");
  InwardToken big = inward();
  big.rest += std::string(400, 'x');
  const std::string old_big = sealed(tokens, big, "1001");

  const std::array<TokenKey, 2> both{key(100), key()};
  tokens.set_keys(both);
  EXPECT_EQ(tokens.open_inward(old_in, "1001"), inward());
  EXPECT_EQ(tokens.open_outward(old_out, "1001"), outward());
  EXPECT_EQ(tokens.open_inward(old_big, "1001"), big);
  const std::string new_in = sealed(tokens, inward(), "1001");
  EXPECT_NE(new_in, old_in);
  EXPECT_EQ(tokens.open_inward(new_in, "1001"), inward());

  tokens.set_keys(std::span(both).first(1));
  EXPECT_EQ(tokens.open_inward(new_in, "1001"), inward());
  EXPECT_FALSE(tokens.open_inward(old_in, "1001"));
  EXPECT_FALSE(tokens.open_outward(old_out, "1001"));
  EXPECT_FALSE(tokens.open_inward(old_big, "1001"));
}

TEST(Tokens, AreSplitAtTheLastTilde) {
  const std::string letters(40, 'A');
  for (const std::string& user : std::vector<std::string>{"", "alice", "a~b", "~", "al%20ice;x=1&+$,?/", "a~" + letters}) {
    EXPECT_EQ(split_again(user, letters), std::pair(user, letters));
  }
}

}  // namespace
}  // namespace postern::sbc
