#include "sbc/mac.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace postern::sbc {
namespace {

std::array<std::uint8_t, 16> key(std::uint8_t first) {
  std::array<std::uint8_t, 16> bytes{};
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

Mac128 of(Mac& mac, const std::vector<std::string_view>& parts) { return mac.of(parts); }

// The reference implementation's SipHash-2-4-128 of the bytes 00 01 02 ... under the key 00 01 ... 0f. Those messages of 2^n - 1 bytes
// are also sequences of parts of ours: 00 is an empty part, 01 02 a part of one byte, 03 04 05 06 a part of three.
TEST(Mac, AgreesWithThePublishedVectors) {
  std::string bytes(64, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  const std::string_view message = bytes;
  const std::vector<Mac128> expected = {{0xa3817f04ba25a8e6, 0x6df67214c7550293},   //  0 bytes
                                        {0xda87c1d86b99af44, 0x347659119b22fc45},   //  1
                                        {0x9c70b60c5267a94e, 0x5f33b6b02985ed51},   //  3
                                        {0xa1f1ebbed8dbc153, 0xc0b84aa61ff08239},   //  7
                                        {0x5493e99933b0a811, 0x7e08ec0f97cfc3d9},   // 15
                                        {0x2939b0183223fafc, 0x1723de4f52c43d35},   // 31
                                        {0x5150d1772f50834a, 0x503e069a973fbd7c}};  // 63
  Mac mac(key(0));
  std::vector<std::string_view> parts;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(of(mac, parts), expected[i]) << parts.size() << " parts";
    const std::size_t length = (std::size_t{1} << i) - 1;  // the byte before the part, and so its length
    parts.push_back(message.substr(length + 1, length));
  }
}

TEST(Mac, StartsAnewForEachMessage) {
  Mac mac(key(0));
  const Mac128 first = of(mac, {"one"});
  const Mac128 second = of(mac, {"two"});
  EXPECT_NE(first, second);
  EXPECT_EQ(of(mac, {"one"}), first);
  EXPECT_EQ(of(mac, {"one"}), first);
  EXPECT_EQ(of(mac, {"two"}), second);
}

TEST(Mac, DependsOnWhereOnePartEnds) {
  Mac mac(key(0));
  EXPECT_NE(of(mac, {"ab", "c"}), of(mac, {"a", "bc"}));
  EXPECT_NE(of(mac, {"abc"}), of(mac, {"abc", ""}));
  EXPECT_NE(of(mac, {}), of(mac, {""}));
}

TEST(Mac, DependsOnTheKey) {
  Mac one(key(0));
  Mac other(key(1));
  EXPECT_NE(of(one, {"x"}), of(other, {"x"}));
  Mac moved = std::move(other);
  EXPECT_NE(of(one, {"x"}), of(moved, {"x"}));
}

TEST(Mac, TakesPartsOfAnyLength) {
  Mac mac(key(0));
  const std::string text(100'000, 'x');
  std::vector<Mac128> seen;
  for (const std::size_t length :
       std::vector<std::size_t>{126, 127, 128, 129, 254, 255, 256, 257, 511, 512, 513, 16'383, 16'384, 16'385, 100'000}) {
    const std::string_view part = std::string_view(text).substr(0, length);
    const Mac128 mac_of_part = of(mac, {part, "y"});
    EXPECT_EQ(std::count(seen.begin(), seen.end(), mac_of_part), 0) << length;
    EXPECT_EQ(of(mac, {part, "y"}), mac_of_part);
    seen.push_back(mac_of_part);
  }
}

/// OpenSSL's SipHash-2-4-128 over all bytes in one piece.
std::array<std::uint8_t, 16> by_openssl(const std::array<std::uint8_t, 16>& with, std::string_view bytes) {
  std::array<std::uint8_t, 16> out{};
  std::size_t size = out.size();
  const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
  EXPECT_NE(EVP_Q_mac(nullptr, "SIPHASH", nullptr, nullptr, parameters.data(), with.data(), with.size(),
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), out.size(), &size),
            nullptr);
  return out;
}

TEST(Mac, AgreesWithOpenSslForAllSizes) {
  const std::array<std::uint8_t, 16> with = key(9);
  const Mac mac(with);
  std::string text(300, '\0');
  std::iota(text.begin(), text.end(), '\x17');
  for (std::size_t size = 0; size < text.size(); ++size) {
    // A part behind one of another size, so that words begin at all places.
    const std::string_view first = std::string_view(text).substr(0, size % 11);
    const std::string_view second = std::string_view(text).substr(0, size);
    std::string whole(1, static_cast<char>(first.size()));
    whole.append(first);
    if (size >= 0x80) whole += static_cast<char>((size & 0x7fU) | 0x80U);
    whole += static_cast<char>(size >= 0x80 ? size >> 7U : size);
    whole.append(second);
    const Mac128 ours = mac.of(std::array{first, second});
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < 8; ++i) {
      bytes.at(i) = static_cast<std::uint8_t>(ours.high >> (56 - 8 * i));
      bytes.at(8 + i) = static_cast<std::uint8_t>(ours.low >> (56 - 8 * i));
    }
    EXPECT_EQ(bytes, by_openssl(with, whole)) << size;
  }
}

}  // namespace
}  // namespace postern::sbc
