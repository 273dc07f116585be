#include "sbc/sealed_branch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "sip/prescreen.hpp"

namespace postern::sbc {
namespace {

constexpr std::array<std::uint8_t, 16> key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Endpoint endpoint(std::string_view address, std::uint16_t port) { return {*acl::Address::parse(address), port}; }

Flow core(const Endpoint& peer) {
  Flow flow;
  flow.side = Side::core;
  flow.peer = peer;
  return flow;
}

class SealedBranch : public ::testing::Test {
 protected:
  std::vector<Endpoint> pbx{endpoint("10.0.0.5", 15060), endpoint("10.0.0.6", 5060)};
  Mac mac{key};
  Branches branches{mac};

  SealedBranch() { branches.apply(pbx, listeners()); }
  static std::vector<ListenerOptions> listeners() {
    std::vector<ListenerOptions> all(3);
    all[1].bind = endpoint("0.0.0.0", 5060);
    all[2].bind = endpoint("::", 5060);
    return all;
  }

  static Asker asker(std::string_view peer = "203.0.113.7", std::string_view local = "198.51.100.1") {
    Asker asker;
    asker.flow.local = *acl::Address::parse(local);
    asker.flow.listener = asker.flow.local.is_v4() ? 1 : 2;
    asker.flow.peer = endpoint(peer, 5062);
    asker.pbx = 1;
    asker.from = {ShownAs::local, true};
    asker.to = {ShownAs::domain, false};
    asker.named_hidden = true;
    return asker;
  }

  std::string toward_core(const Asker& of, const BranchId& id = {1, 2}) {
    std::string text;
    branches.append(text, id, of);
    return text;
  }

  /// As the PBX's request with this Via goes to a device at `device`.
  std::string toward_access(const std::string& via, std::string_view device = "203.0.113.7", std::uint16_t from_port = 15060) {
    const Flow flow = core(endpoint("10.0.0.5", from_port));
    const BranchId id = branch_id_of(mac, flow, via, sip::Method::invite, "INVITE", *acl::Address::parse(device));
    std::string text;
    branches.append(text, id, flow, *sip::ViaView::parse(via));
    return text;
  }

  std::optional<CoreAsker> answered(const std::string& branch, std::string_view device = "203.0.113.7",
                                    const std::string& method = "INVITE") {
    const std::string text = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=" + branch +
                             "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 " + method + "\r\n\r\n";
    sip::RawMessage response;
    EXPECT_EQ(sip::prescreen(text, response).result, sip::PrescreenResult::message);
    Flow access;
    access.peer = endpoint(device, 40000);
    return branches.open(response, access);
  }
};

TEST_F(SealedBranch, TowardTheCoreKeepsTheAsker) {
  const std::string text = toward_core(asker());
  EXPECT_EQ(text.size(), 7U + 52U);
  EXPECT_EQ(parse_branch(text), (BranchId{1, 2}));
  const auto read = branches.open(text, core(pbx[1]));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->flow, asker().flow);
  EXPECT_EQ(read->pbx, 1);
  EXPECT_EQ(read->from, asker().from);
  EXPECT_EQ(read->to, asker().to);
  EXPECT_TRUE(read->named_hidden);
}

TEST_F(SealedBranch, TowardTheCoreKeepsAnIpv6Asker) {
  const Asker six = asker("2001:db8::7", "2001:db8::1");
  const std::string text = toward_core(six);
  EXPECT_LE(text.size(), 91U);
  ASSERT_TRUE(branches.open(text, core(pbx[1])));
  EXPECT_EQ(branches.open(text, core(pbx[1]))->flow, six.flow);
}

TEST_F(SealedBranch, IsBelievedOnlyFromWhereTheRequestWent) {
  EXPECT_FALSE(branches.open(toward_core(asker()), core(pbx[0])));
  EXPECT_TRUE(branches.open(toward_core(asker()), core(endpoint("10.0.0.6", 40000)))) << "a PBX may answer from another port";
}

TEST_F(SealedBranch, CannotBeChangedInAnyLetter) {
  for (const std::string& text : {toward_core(asker()), toward_access("SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKabc")}) {
    for (std::size_t at = 7; at < text.size(); ++at) {
      std::string changed = text;
      changed[at] = letters[(letters.find(changed[at]) + 1) % letters.size()];
      EXPECT_FALSE(branches.open(changed, core(pbx[1]))) << at;
      EXPECT_FALSE(answered(changed)) << at;
    }
    for (const std::string& other : {text.substr(0, text.size() - 1), text + "A", text.substr(0, 29), text + text.substr(7)}) {
      EXPECT_FALSE(branches.open(other, core(pbx[1]))) << other;
      EXPECT_FALSE(answered(other)) << other;
    }
  }
}

TEST_F(SealedBranch, OneSidesBranchIsNoneOfTheOther) {
  EXPECT_FALSE(answered(toward_core(asker())));
  EXPECT_FALSE(branches.open(toward_access("SIP/2.0/UDP 10.0.0.5:15060;branch=z9hG4bKabc"), core(pbx[0])));
}

TEST_F(SealedBranch, OfAnotherKeyIsNone) {
  constexpr std::array<std::uint8_t, 16> other_key{9};
  Mac other_mac{other_key};
  Branches other{other_mac};
  other.apply(pbx, listeners());
  EXPECT_FALSE(other.open(toward_core(asker()), core(pbx[1])));
}

TEST_F(SealedBranch, OutlivesAChangeOfTheListenersOrder) {
  const std::string text = toward_core(asker());
  std::vector<ListenerOptions> turned = listeners();
  std::ranges::reverse(turned);
  branches.apply(pbx, turned);
  const auto opened = branches.open(text, core(pbx[1]));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->flow.listener, 1);
  turned[1].bind.port = 5070;
  branches.apply(pbx, turned);
  EXPECT_FALSE(branches.open(text, core(pbx[1]))) << "nobody is there who could answer";
}

TEST_F(SealedBranch, IsSentToAnotherAddressUnderAnotherName) {
  const std::string text = toward_core(asker());
  const auto next = branches.readdressed(text, 0);
  ASSERT_TRUE(next);
  EXPECT_NE(*next, text);
  EXPECT_EQ(parse_branch(*next), parse_branch(text)) << "of one transaction";
  EXPECT_EQ(Branches::pbx_of(text), 1);
  EXPECT_EQ(Branches::pbx_of(*next), 0);
  ASSERT_TRUE(branches.open(*next, core(pbx[0])));
  EXPECT_EQ(branches.open(*next, core(pbx[0]))->flow, asker().flow);
}

TEST_F(SealedBranch, TowardTheAccessSideKeepsThePbxsViaByteForByte) {
  for (const std::string via :
       {"SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKPj0d5c7a4a-1f7c-4a8e-8b6b-2f0b6f0a0d2e",
        "SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKPj0d5c7a4a-1f7c-4a8e-8b6b-2f0b6f0a0d2G",
        "SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKPj0D5C7A4A-1f7c-4a8e-8b6b-2f0b6f0a0d2e",
        "SIP/2.0/UDP 10.0.0.5:15060;branch=z9hG4bKcydzigwkX;alias;ttl=1", "SIP / 2.0 / UDP pbx.internal : 5060 ;branch=z9hG4bK1"}) {
    const std::string text = toward_access(via);
    const auto read = answered(text);
    ASSERT_TRUE(read) << via;
    EXPECT_EQ(read->via, via);
    EXPECT_EQ(read->flow.peer, pbx[0]);
    EXPECT_EQ(text.find("10.0.0.5"), std::string::npos);
  }
}

TEST_F(SealedBranch, IsShortForAnAsterisk) {
  EXPECT_EQ(toward_access("SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKPj0d5c7a4a-1f7c-4a8e-8b6b-2f0b6f0a0d2e").size(), 7U + 44U);
}

TEST_F(SealedBranch, RemembersThePortThatTheRequestCameFrom) {
  const auto read = answered(toward_access("SIP/2.0/UDP 10.0.0.5:15060;branch=z9hG4bKabc", "203.0.113.7", 40001));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->flow.peer, endpoint("10.0.0.5", 40001));
}

TEST_F(SealedBranch, AnswersOnlyTheMethodAndOnlyFromTheDevice) {
  const std::string text = toward_access("SIP/2.0/UDP 10.0.0.5:15060;branch=z9hG4bKabc");
  EXPECT_TRUE(answered(text, "203.0.113.7", "CANCEL")) << "a CANCEL has the branch of its INVITE";
  EXPECT_FALSE(answered(text, "203.0.113.7", "OPTIONS"));
  EXPECT_FALSE(answered(text, "203.0.113.8"));
}

TEST_F(SealedBranch, WhatIsTooLongIsOnlyAnId) {
  const std::string text = toward_access("SIP/2.0/UDP 10.0.0.5:15060;branch=z9hG4bK" + std::string(longest_sealed, 'x'));
  EXPECT_EQ(text.size(), 29U);
  EXPECT_FALSE(answered(text));
  Asker connection = asker();
  connection.flow.transport = Transport::tcp;
  EXPECT_EQ(toward_core(connection).size(), 29U) << "a connection does not outlive us";
}

TEST_F(SealedBranch, TextsBesideItBelongToIt) {
  std::string beside;
  branches.append_beside(beside, {1, 2}, "SIP/2.0/UDP 10.0.0.44;branch=z9hG4bKb\n\n");
  EXPECT_EQ(branches.open_beside(beside, {1, 2}), "SIP/2.0/UDP 10.0.0.44;branch=z9hG4bKb\n\n");
  EXPECT_FALSE(branches.open_beside(beside, {1, 3}));
  for (std::size_t at = 0; at < beside.size(); ++at) {
    std::string changed = beside;
    changed[at] = letters[(letters.find(changed[at]) + 1) % letters.size()];
    EXPECT_FALSE(branches.open_beside(changed, {1, 2})) << at;
  }
  for (const std::string& other : {std::string(), std::string(22, 'A'), std::string(5000, 'A'), std::string("*")})
    EXPECT_FALSE(branches.open_beside(other, {1, 2}));
  std::string nothing;
  branches.append_beside(nothing, {1, 2}, std::string(5000, 'x'));
  EXPECT_TRUE(nothing.empty());
}

}  // namespace
}  // namespace postern::sbc
