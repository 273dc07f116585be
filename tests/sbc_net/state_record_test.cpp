#include "sbc/net/state_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

#include "tests/sbc_net/state_support.hpp"

namespace postern::net {
namespace {

using std::chrono::hours;
using testing::IsEmpty;
using testing::SizeIs;

class StateRecordTest : public testing::Test {
 protected:
  /// What comes back of these bytes.
  sbc::DurableState read(std::string_view bytes) {
    sbc::DurableState state;
    while (const auto record = take_record(bytes)) {
      if (record->removed || !restore_record(*record, listeners_, clocks_, state)) ++left_out_;
    }
    torn_ = bytes.size();
    return state;
  }
  sbc::DurableState read(const sbc::Binding& binding) {
    std::string bytes;
    append_record(bytes, binding, listeners_, clocks_);
    return read(bytes);
  }

  const std::vector<sbc::ListenerAddress> listeners_ = sbc::addresses_of(two_listeners());
  const Clocks clocks_{acl::TimePoint(hours{1000}), 1'800'000'000'000};
  const acl::TimePoint now_ = clocks_.steady;
  int left_out_ = 0;
  std::size_t torn_ = 0;
};

TEST(StateRecord, ChecksumsStandOnDiskAndStayWhatTheyAre) {
  EXPECT_EQ(checksum(""), 0xb3ec2ac41d6b3ab9U);
  EXPECT_EQ(checksum("1001"), 0x9e25cda66d2c8b7cU);
  EXPECT_EQ(checksum("sip:1001~token@10.0.0.2:5080"), 0xd45c20bea90db879U);
}

TEST_F(StateRecordTest, WhatIsKeptComesBack) {
  const sbc::Binding binding = binding_of("1001", now_);
  std::string bytes;
  append_record(bytes, binding, listeners_, clocks_);
  append_record(bytes, sbc::DurableBan{address("2001:db8:1:2::"), now_ + hours{30 * 24}, sbc::Cause::rule_ban}, clocks_);
  append_record(bytes, sbc::DurableBan{address("192.0.2.9"), acl::TimePoint::max(), sbc::Cause::rule_ban}, clocks_);
  append_record(bytes, sbc::DurableTrust{address("203.0.113.7"), now_ + hours{2}}, clocks_);
  append_record(bytes, sbc::TokenTable::outward, 0x1234567890abcdef, std::string("bytes\0of any kind", 17));
  const sbc::DurableState state = read(bytes);
  EXPECT_EQ(left_out_, 0);
  EXPECT_EQ(torn_, 0U);
  ASSERT_THAT(state.bindings, SizeIs(1));
  const sbc::Binding& got = state.bindings.front();
  EXPECT_EQ(got.aor_user, binding.aor_user);
  EXPECT_EQ(got.call_id, binding.call_id);
  EXPECT_EQ(got.instance, binding.instance);
  EXPECT_EQ(got.contact_uri, binding.contact_uri);
  EXPECT_EQ(got.core_contact, binding.core_contact);
  EXPECT_EQ(got.flow, binding.flow);
  EXPECT_EQ(got.expires, binding.expires);
  EXPECT_EQ(got.last_heard, binding.last_heard);
  EXPECT_EQ(got.since, binding.since);
  ASSERT_THAT(state.bans, SizeIs(2));
  EXPECT_EQ(state.bans[0].source, address("2001:db8:1:2::"));
  EXPECT_EQ(state.bans[0].until, now_ + hours{30 * 24});
  EXPECT_EQ(state.bans[0].cause, sbc::Cause::rule_ban);
  EXPECT_EQ(state.bans[1].until, acl::TimePoint::max());
  ASSERT_THAT(state.trust, SizeIs(1));
  EXPECT_EQ(state.trust[0].source, address("203.0.113.7"));
  EXPECT_EQ(state.trust[0].until, now_ + hours{2});
  ASSERT_THAT(state.contents, SizeIs(1));
  EXPECT_EQ(state.contents[0].table, sbc::TokenTable::outward);
  EXPECT_EQ(state.contents[0].key, 0x1234567890abcdefU);
  EXPECT_EQ(state.contents[0].text, std::string("bytes\0of any kind", 17));
}

TEST_F(StateRecordTest, WhatTheJailKnowsComesBack) {
  std::string bytes;
  append_record(bytes, sbc::DurableBan{address("192.0.2.9"), now_ + hours{1}, sbc::Cause::enumeration, now_ - hours{2}, 10}, clocks_);
  append_record(bytes, sbc::AccountBlock{address("203.0.113.7"), "1003", now_ + hours{1}, now_ - hours{1}, sbc::Cause::trap, 5}, clocks_);
  append_record(bytes, sbc::DurableOffence{address("192.0.2.9"), 3, now_ + hours{48}}, clocks_);
  append_record(bytes, sbc::DurableAcceptance{0xfedcba9876543210, now_ + hours{480}}, clocks_);
  const sbc::DurableState state = read(bytes);
  EXPECT_EQ(left_out_, 0);
  ASSERT_THAT(state.bans, SizeIs(1));
  EXPECT_EQ(state.bans[0].cause, sbc::Cause::enumeration);
  EXPECT_EQ(state.bans[0].since, now_ - hours{2});
  EXPECT_EQ(state.bans[0].strikes, 10U);
  ASSERT_THAT(state.blocks, SizeIs(1));
  EXPECT_EQ(state.blocks[0].source, address("203.0.113.7"));
  EXPECT_EQ(state.blocks[0].account, "1003");
  EXPECT_EQ(state.blocks[0].until, now_ + hours{1});
  EXPECT_EQ(state.blocks[0].since, now_ - hours{1});
  EXPECT_EQ(state.blocks[0].cause, sbc::Cause::trap);
  ASSERT_THAT(state.offences, SizeIs(1));
  EXPECT_EQ(state.offences[0].times, 3U);
  EXPECT_EQ(state.offences[0].until, now_ + hours{48});
  ASSERT_THAT(state.acceptances, SizeIs(1));
  EXPECT_EQ(state.acceptances[0].key, 0xfedcba9876543210U);
  EXPECT_EQ(state.acceptances[0].until, now_ + hours{480});
}

TEST_F(StateRecordTest, ABanOfTheFirstVersionsIsAWordAlone) {
  std::string bytes;
  append_record(bytes, sbc::DurableBan{address("192.0.2.9"), now_ + hours{1}, sbc::Cause::enumeration, now_ - hours{2}, 10}, clocks_);
  std::string_view left = bytes;
  auto record = take_record(left);
  ASSERT_TRUE(record);
  sbc::DurableState state;
  record->value = "rule_ban";
  ASSERT_TRUE(restore_record(*record, listeners_, clocks_, state));
  EXPECT_EQ(state.bans.at(0).since, now_);
  record->value = std::string_view("enumeration\0cut off", 18);
  EXPECT_FALSE(restore_record(*record, listeners_, clocks_, state));
}

TEST_F(StateRecordTest, WhatTheFirstVersionsWroteHasNoSince) {
  std::string bytes;
  const sbc::Binding binding = binding_of("1001", now_);
  append_record(bytes, binding, listeners_, clocks_);
  std::string_view left = bytes;
  auto record = take_record(left);
  ASSERT_TRUE(record);
  record->value.remove_suffix(sizeof(WallTime));
  sbc::DurableState state;
  ASSERT_TRUE(restore_record(*record, listeners_, clocks_, state));
  EXPECT_EQ(state.bindings.at(0).since, binding.last_heard);
  record->value.remove_suffix(1);
  EXPECT_FALSE(restore_record(*record, listeners_, clocks_, state));
}

TEST_F(StateRecordTest, TheClocksMayStandElsewhereAtTheNextStart) {
  std::string bytes;
  append_record(bytes, binding_of("1001", now_), listeners_, clocks_);
  std::string_view left = bytes;
  const auto record = take_record(left);
  ASSERT_TRUE(record);
  // The machine was started again, ten minutes later.
  const Clocks later{acl::TimePoint(std::chrono::seconds{30}), clocks_.wall + 600'000};
  sbc::DurableState state;
  ASSERT_TRUE(restore_record(*record, listeners_, later, state));
  EXPECT_EQ(state.bindings.at(0).expires, later.steady + std::chrono::minutes{50});
}

TEST_F(StateRecordTest, NoEndIsBelievedThatNobodyGrants) {
  sbc::Binding binding = binding_of("1001", now_);
  binding.expires = now_ + hours{24 * 365};
  EXPECT_EQ(read(binding).bindings.at(0).expires, now_ + hours{24});
  for (const WallTime end : {INT64_MIN, WallTime{-1}, WallTime{0}}) EXPECT_LE(clocks_.to_steady(end), now_);
  EXPECT_EQ(clocks_.to_steady(INT64_MAX), acl::TimePoint::max());
}

TEST_F(StateRecordTest, AListenerIsFoundByItsAddressAndPort) {
  std::string bytes;
  append_record(bytes, binding_of("1001", now_), listeners_, clocks_);
  const auto listener_in = [&](const std::vector<sbc::ListenerAddress>& listeners) -> std::optional<int> {
    sbc::DurableState state;
    std::string_view left = bytes;
    const auto record = take_record(left);
    if (!record || !restore_record(*record, listeners, clocks_, state)) return std::nullopt;
    return state.bindings.at(0).flow.listener;
  };
  std::vector<sbc::ListenerAddress> listeners = listeners_;
  EXPECT_EQ(listener_in(listeners), 1);
  std::swap(listeners[0], listeners[1]);
  EXPECT_EQ(listener_in(listeners), 0);
  listeners[0].bind.address = address("192.0.2.2");
  EXPECT_EQ(listener_in(listeners), std::nullopt);
  listeners[0].bind.address = address("0.0.0.0");
  EXPECT_EQ(listener_in(listeners), 0);
  listeners[0].bind.port = 5063;
  EXPECT_EQ(listener_in(listeners), std::nullopt);
  listeners[0].bind.port = 5062;
  listeners[0].transport = sbc::Transport::tcp;
  EXPECT_EQ(listener_in(listeners), std::nullopt);
  EXPECT_EQ(listener_in({}), std::nullopt);
}

TEST_F(StateRecordTest, HostileBindingsAreLeftOut) {
  const auto changed = [&](auto change) {
    sbc::Binding binding = binding_of("1001", now_);
    change(binding);
    return read(binding).bindings;
  };
  EXPECT_THAT(changed([](sbc::Binding&) {}), SizeIs(1));
  EXPECT_THAT(changed([](sbc::Binding& b) { b.core_contact = "sip:1001~AAAA\r\nX: y@10.0.0.2:5080"; }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.core_contact = "sip:1001@10.0.0.2:5080"; }), IsEmpty()) << "no token";
  EXPECT_THAT(changed([](sbc::Binding& b) { b.core_contact += ">,<sip:evil@192.0.2.66"; }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.contact_uri = "sip:1001@host\r\nVia: x"; }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.contact_uri = "no uri"; }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.call_id = std::string("a\0b", 3); }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.instance = std::string(20'000, 'x'); }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.flow.peer.port = 0; }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.flow.peer.address = acl::Address(); }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.flow.peer.address = address("2001:db8::1"); }), IsEmpty()) << "over an IPv4 listener";
  EXPECT_THAT(changed([](sbc::Binding& b) { b.flow.local = address("192.0.2.77"); }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.flow.transport = sbc::Transport::tcp; }), IsEmpty());
  EXPECT_THAT(changed([](sbc::Binding& b) { b.flow.listener = 9; }), IsEmpty());
}

TEST_F(StateRecordTest, ATornOrChangedRecordEndsTheRow) {
  std::string bytes;
  append_record(bytes, binding_of("1001", now_), listeners_, clocks_);
  const std::size_t first = bytes.size();
  append_record(bytes, binding_of("1002", now_), listeners_, clocks_);
  for (std::size_t size = first; size < bytes.size(); ++size) EXPECT_THAT(read(bytes.substr(0, size)).bindings, SizeIs(1)) << size;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    EXPECT_THAT(read(flipped).bindings, SizeIs(at < first ? 0 : 1)) << at;
  }
}

TEST_F(StateRecordTest, NoisePassesNoCheckAndReadsNothingBeyondItsEnd) {
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same each time
  std::string bytes;
  append_record(bytes, binding_of("1001", now_), listeners_, clocks_);
  for (int i = 0; i < 2000; ++i) {
    std::string noise = bytes.substr(12);
    for (int n = 0; n < 4; ++n) noise[random() % noise.size()] = static_cast<char>(random());
    noise.resize(random() % (noise.size() + 1));
    // Believed by its checksum: then each value is looked at for itself.
    std::string framed;
    for (const auto& [value, width] : {std::pair{std::uint64_t{noise.size()}, 4}, std::pair{checksum(noise), 8}}) {
      for (int shift = width - 1; shift >= 0; --shift) framed += static_cast<char>(value >> (shift * 8));
    }
    for (const sbc::Binding& binding : read(framed + noise).bindings) {
      EXPECT_EQ(binding.flow.listener, 1);
      EXPECT_EQ(binding.flow.local, address("192.0.2.1"));
      EXPECT_EQ(binding.call_id.find_first_of("\r\n"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace postern::net
