#include "sbc/stun.hpp"

#include <gtest/gtest.h>

#include <string>

namespace postern::sbc {
namespace {

using namespace std::string_literals;

/// The bytes of hexadecimal digits, spaces left out.
std::string bytes(std::string_view text) {
  std::string out;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    out += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return out;
}

// RFC 5769 §2.1 to §2.3, all of one transaction.
const std::string id = "2112a442 b7e7a701bc34d686fa87dfae ";
const std::string sample_request =
    bytes("0001 0058 " + id +
          "8022 0010 5354554e207465737420636c69656e74 0024 0004 6e0001ff 8029 0008 932ff9b151263b36 0006 0009 6576746a3a68367659202020"
          "0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 8028 0004 e57a3bcf");
const std::string sample_v4 = bytes("0101 003c " + id +
                                    "8022 000b 7465737420766563746f7220 0020 0008 0001a147e112a643"
                                    "0008 0014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 8028 0004 c07d4c96");
const std::string sample_v6 = bytes("0101 0048 " + id +
                                    "8022 000b 7465737420766563746f7220 0020 0014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
                                    "0008 0014 a382954e4be67bf11784c97c8292c275bfe3ed41 8028 0004 c8fb0b4c");

const Endpoint v4{*acl::Address::parse("192.0.2.1"), 32853};
const Endpoint v6{*acl::Address::parse("2001:db8:1234:5678:11:2233:4455:6677"), 32853};

std::string answer(const std::string& request, const Endpoint& source) {
  std::string out = "before";
  const bool answered = append_stun_answer(out, request, source);
  EXPECT_TRUE(out.starts_with("before"));
  EXPECT_EQ(answered, out.size() > 6);
  return out.substr(6);
}

std::string number(std::size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)}; }

/// A binding request of this transaction with `attributes`, and a fingerprint if that is wanted.
std::string request_with(const std::string& attributes, bool fingerprint = false) {
  std::string out = "\0\1"s + number(attributes.size() + (fingerprint ? 8 : 0)) + bytes(id) + attributes;
  if (!fingerprint) return out;
  const std::uint32_t value = stun_fingerprint(out);
  return out + bytes("8028 0004") + number(value >> 16) + number(value & 0xffff);
}

TEST(Stun, FingerprintsAreThoseOfTheSamples) {
  for (const std::string& sample : {sample_request, sample_v4, sample_v6}) {
    const std::uint32_t value = stun_fingerprint(sample.substr(0, sample.size() - 8));
    EXPECT_EQ(number(value >> 16) + number(value & 0xffff), sample.substr(sample.size() - 4));
  }
}

TEST(Stun, AddressesAreThoseOfTheSamples) {
  const std::size_t mapped = 20 + 16;  // behind the samples' SOFTWARE
  EXPECT_EQ(answer(request_with({}), v4), bytes("0101 000c " + id) + sample_v4.substr(mapped, 12));
  EXPECT_EQ(answer(request_with({}), v6), bytes("0101 0018 " + id) + sample_v6.substr(mapped, 24));
}

TEST(Stun, AFingerprintIsAnsweredWithOne) {
  const std::string got = answer(request_with({}, true), v4);
  ASSERT_EQ(got.size(), 20U + 12U + 8U);
  EXPECT_EQ(got.substr(0, 4), bytes("0101 0014"));
  const std::uint32_t value = stun_fingerprint(got.substr(0, got.size() - 8));
  EXPECT_EQ(got.substr(got.size() - 8), bytes("8028 0004") + number(value >> 16) + number(value & 0xffff));
}

TEST(Stun, WhatMayBeLeftAsideIs) {
  const std::string software = bytes("8022 0003 61626320");
  EXPECT_EQ(answer(request_with(software), v4).size(), 32U);
  EXPECT_EQ(answer(request_with(software, true), v4).size(), 40U);
}

TEST(Stun, NothingIsLargerThanThreeTimesWhatCame) {
  EXPECT_LE(answer(request_with({}), v6).size(), 3 * request_with({}).size());
  EXPECT_LE(answer(request_with({}, true), v6).size(), 3 * request_with({}, true).size());
}

TEST(Stun, WhatMustBeUnderstoodMeetsSilence) {
  EXPECT_EQ(answer(sample_request, v4), "");                             // PRIORITY, USERNAME, MESSAGE-INTEGRITY: an ICE check
  EXPECT_EQ(answer(request_with(bytes("0003 0004 00000006")), v4), "");  // CHANGE-REQUEST: an answer from elsewhere
  EXPECT_EQ(answer(request_with(bytes("7fff 0000"), true), v4), "");
}

TEST(Stun, NoBindingRequestMeetsSilence) {
  EXPECT_EQ(answer(sample_v4, v4), "");
  std::string other = request_with({});
  for (const std::string& type : {"\0\x11"s, "\1\1"s, "\0\3"s, "\1\x11"s}) EXPECT_EQ(answer(other.replace(0, 2, type), v4), "");
}

TEST(Stun, WhatIsBrokenMeetsSilence) {
  const std::string good = request_with(bytes("8022 0003 61626320"), true);
  ASSERT_NE(answer(good, v4), "");
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_EQ(answer(good.substr(0, size), v4), "") << size;
  EXPECT_EQ(answer(good + "x", v4), "");
  std::string no_cookie = request_with({});
  no_cookie[7] = 'x';
  EXPECT_EQ(answer(no_cookie, v4), "");
  const std::size_t type = good.size() - 8;  // of the fingerprint: with another it is an attribute that may be left aside
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (i == type || i == type + 1) continue;
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(answer(changed, v4), "") << "the fingerprint does not fit, byte " << i;
  }
  EXPECT_EQ(answer(request_with(bytes("8022 0005 61626320")), v4), "");  // longer than the message
  EXPECT_EQ(answer(request_with(bytes("8022 ffff 61626320")), v4), "");
  EXPECT_EQ(answer(request_with(bytes("8022 00")), v4), "");  // half a head
  const std::string marked = request_with({}, true);
  EXPECT_EQ(answer("\0\1"s + number(16) + marked.substr(4) + marked.substr(20), v4), "");  // two fingerprints
}

}  // namespace
}  // namespace postern::sbc
