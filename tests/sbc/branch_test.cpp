#include "sbc/branch.hpp"

#include <gtest/gtest.h>

#include <set>

namespace postern::sbc {
namespace {

constexpr std::array<std::uint8_t, 16> key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct Request {
  std::string method = "INVITE";
  std::string uri = "sip:bob@example.com";
  std::string sent_by = "10.0.0.9:5060";
  std::string branch = ";branch=z9hG4bKabc";
  std::string from_tag = "a1";
  std::string to_tag = "";  // NOLINT: -Wextra wants it for designated initialisers
  std::string call_id = "call-1";
  int cseq = 1;
};

Flow flow(std::uint16_t port = 5060, std::uint64_t connection = 0) {
  Flow flow;
  flow.peer = {acl::Address::v4(0xc000020a), port};
  flow.connection = connection;
  return flow;
}

BranchId id_of(const Request& request, const Flow& from = flow()) {
  const std::string text = request.method + " " + request.uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + request.sent_by + request.branch +
                           "\r\nFrom: <sip:a@example.com>;tag=" + request.from_tag + "\r\nTo: <sip:b@example.com>" +
                           (request.to_tag.empty() ? "" : ";tag=" + request.to_tag) + "\r\nCall-ID: " + request.call_id +
                           "\r\nCSeq: " + std::to_string(request.cseq) + " " + request.method + "\r\n\r\n";
  sip::RawMessage raw;
  EXPECT_EQ(sip::prescreen(text, raw).result, sip::PrescreenResult::message) << text;
  Mac mac{key};
  return branch_id_of(mac, from, raw);
}

TEST(BranchId, IsTheSameForWhatBelongsToOneInvite) {
  const BranchId invite = id_of({});
  EXPECT_EQ(id_of({}), invite);
  EXPECT_EQ(id_of({.method = "CANCEL"}), invite);
  EXPECT_EQ(id_of({.method = "ACK", .to_tag = "b2"}), invite);
  EXPECT_EQ(id_of({.uri = "sip:carol@example.com", .call_id = "other", .cseq = 9}), invite)
      << "the branch alone decides (RFC 3261 §17.2.3)";
}

TEST(BranchId, DiffersWithEachPartOfTheKey) {
  std::set<BranchId> ids{id_of({}),
                         id_of({.method = "BYE"}),
                         id_of({.method = "FOO"}),
                         id_of({.method = "BAR"}),
                         id_of({.sent_by = "10.0.0.9"}),
                         id_of({.branch = ";branch=z9hG4bKabd"}),
                         id_of({}, flow(5061)),
                         id_of({}, flow(5060, 1)),
                         id_of({}, flow(5060, 2))};
  Flow core = flow();
  core.side = Side::core;
  Flow tcp = flow();
  tcp.transport = Transport::tcp;
  Flow elsewhere = flow();
  elsewhere.peer.address = acl::Address::v4(0xc000020b);
  for (const Flow& other : {core, tcp, elsewhere}) ids.insert(id_of({}, other));
  EXPECT_EQ(ids.size(), 12U);
}

TEST(BranchId, DoesNotDependOnWhereAConnectionComesFrom) { EXPECT_EQ(id_of({}, flow(5060, 3)), id_of({}, flow(6000, 3))); }

TEST(BranchId, WithoutCookieComesFromTheOldKey) {
  for (const std::string branch : {"", ";branch=1", ";branch=z9hG4bK"}) {
    const auto old = [&](Request request) {
      request.branch = branch;
      return id_of(request);
    };
    const BranchId invite = old({});
    EXPECT_EQ(old({.method = "CANCEL"}), invite);
    EXPECT_EQ(old({.method = "ACK", .to_tag = "b2"}), invite) << "the ACK to a non-2xx has a To tag that the INVITE had not";
    const std::set<BranchId> ids{invite,
                                 old({.method = "BYE"}),
                                 old({.method = "BYE", .to_tag = "b2"}),
                                 old({.uri = "sip:carol@example.com"}),
                                 old({.sent_by = "10.0.0.8"}),
                                 old({.from_tag = "a2"}),
                                 old({.call_id = "call-2"}),
                                 old({.cseq = 2})};
    EXPECT_EQ(ids.size(), 8U);
  }
}

TEST(BranchId, KnowsTheCookieInAnyCase) {
  EXPECT_EQ(id_of({.branch = ";branch=Z9HG4BKabc"}), id_of({.branch = ";branch=Z9HG4BKabc", .call_id = "other"}));
}

TEST(Branch, ReadsBackWhatItWrote) {
  std::string text;
  append_branch(text, {0, 0});
  EXPECT_EQ(text, "z9hG4bKAAAAAAAAAAAAAAAAAAAAAA");
  const BranchId id{0x0123456789abcdef, 0xfedcba9876543210};
  text.clear();
  append_branch(text, id);
  EXPECT_EQ(text.size(), 29U);
  EXPECT_EQ(parse_branch(text), id);
}

TEST(Branch, RefusesWhatItDidNotWrite) {
  for (const char* other :
       {"", "z9hG4bK", "z9hG4bKAAAAAAAAAAAAAAAAAAAAA", "z9hG4bKAAAAAAAAAAAAAAAAAAAAAAA", "z9hG4bKAAAAAAAAAAAAAAAAAAAAA*",
        "Z9hG4bKAAAAAAAAAAAAAAAAAAAAAA", "z9hG4bKAAAAAAAAAAAAAAAAAAAAAB" /* bits behind the last byte */}) {
    EXPECT_EQ(parse_branch(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace postern::sbc
