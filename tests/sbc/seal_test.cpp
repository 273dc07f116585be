#include "sbc/seal.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace postern::sbc {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::array<std::uint8_t, 32> key(std::uint8_t first) {
  std::array<std::uint8_t, 32> bytes{};
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

Bytes sealed(Seal& seal, std::string_view associated, const Bytes& plain) {
  Bytes out(plain.size() + Seal::tag_size);
  EXPECT_TRUE(seal.seal(associated, plain, out));
  return out;
}

std::optional<Bytes> opened(Seal& seal, std::string_view associated, const Bytes& from) {
  Bytes plain(from.size() - Seal::tag_size, 0xaa);
  if (seal.open(associated, from, plain)) return plain;
  EXPECT_EQ(plain, Bytes(plain.size())) << "data after a failure";
  return std::nullopt;
}

TEST(Seal, AgreesWithThePublishedVector) {  // RFC 5297 §A.1
  const std::array<std::uint8_t, 32> vector_key = {0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0xf7, 0xf6, 0xf5,
                                                   0xf4, 0xf3, 0xf2, 0xf1, 0xf0, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5,
                                                   0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
  std::string associated(24, '\0');
  std::iota(associated.begin(), associated.end(), '\x10');
  const Bytes plain = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
  const Bytes expected = {0x85, 0x63, 0x2d, 0x07, 0xc6, 0xe8, 0xf3, 0x7f, 0x95, 0x0a, 0xcd, 0x32, 0x0a, 0x2e, 0xcc,
                          0x93, 0x40, 0xc0, 0x2b, 0x96, 0x90, 0xc4, 0xdc, 0x04, 0xda, 0xef, 0x7f, 0x6a, 0xfe, 0x5c};
  Seal seal(vector_key);
  EXPECT_EQ(sealed(seal, associated, plain), expected);
  EXPECT_EQ(opened(seal, associated, expected), plain);
}

// Reusing a context would return the tag of the message before.
TEST(Seal, StartsAnewForEachMessage) {
  Seal seal(key(0));
  const Bytes one = {1, 2, 3};
  const Bytes two = {1, 2, 4};
  const Bytes sealed_one = sealed(seal, "a", one);
  const Bytes sealed_two = sealed(seal, "a", two);
  EXPECT_FALSE(std::equal(sealed_one.begin(), sealed_one.begin() + Seal::tag_size, sealed_two.begin()));
  EXPECT_EQ(opened(seal, "a", sealed_one), one);
  EXPECT_EQ(opened(seal, "a", sealed_two), two);
  EXPECT_EQ(sealed(seal, "a", one), sealed_one);
}

TEST(Seal, AFailureLeavesNothingBehind) {
  Seal seal(key(0));
  const Bytes plain = {1, 2, 3, 4, 5};
  const Bytes good = sealed(seal, "a", plain);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_EQ(opened(seal, "a", bad), std::nullopt) << bit;
    EXPECT_EQ(opened(seal, "a", good), plain) << "after " << bit;
  }
  EXPECT_EQ(opened(seal, "b", good), std::nullopt);
  EXPECT_EQ(opened(seal, "aa", good), std::nullopt);
  Seal other(key(1));
  EXPECT_EQ(opened(other, "a", good), std::nullopt);
}

/// OpenSSL's own AES-128-SIV.
Bytes sealed_by_openssl(const std::array<std::uint8_t, 32>& with, std::string_view associated, const Bytes& plain) {
  const std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> cipher(EVP_CIPHER_fetch(nullptr, "AES-128-SIV", nullptr), EVP_CIPHER_free);
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  Bytes out(plain.size() + Seal::tag_size);
  int written = 0;
  EXPECT_EQ(EVP_EncryptInit_ex2(context.get(), cipher.get(), with.data(), nullptr, nullptr), 1);
  EXPECT_EQ(EVP_EncryptUpdate(context.get(), nullptr, &written, reinterpret_cast<const unsigned char*>(associated.data()),
                              static_cast<int>(associated.size())),
            1);
  EXPECT_EQ(EVP_EncryptUpdate(context.get(), out.data() + Seal::tag_size, &written, plain.data(), static_cast<int>(plain.size())), 1);
  EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), out.data(), &written), 1);
  EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, Seal::tag_size, out.data()), 1);
  return out;
}

TEST(Seal, AgreesWithOpenSslForAllSizes) {
  const std::array<std::uint8_t, 32> with = key(7);
  Seal seal(with);
  for (std::size_t plain_size = 1; plain_size <= 70; ++plain_size) {
    for (const std::size_t associated_size : {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{17}, plain_size + 31}) {
      Bytes plain(plain_size);
      std::iota(plain.begin(), plain.end(), static_cast<std::uint8_t>(3 * plain_size));
      std::string associated(associated_size, 'a');
      associated.front() = static_cast<char>('a' + plain_size % 26);
      const Bytes ours = sealed(seal, associated, plain);
      EXPECT_EQ(ours, sealed_by_openssl(with, associated, plain)) << plain_size << " behind " << associated_size;
      EXPECT_EQ(opened(seal, associated, ours), plain);
    }
  }
}

TEST(Seal, RefusesSizesThatDoNotFit) {
  Seal seal(key(0));
  const Bytes plain = {1, 2, 3};
  Bytes room(20, 0xaa);
  EXPECT_FALSE(seal.seal("a", plain, room));
  EXPECT_EQ(room, Bytes(20));
  EXPECT_FALSE(seal.seal("a", {}, std::span(room).first(16)));
  EXPECT_FALSE(seal.seal("", plain, std::span(room).first(19)));
  Bytes none;
  EXPECT_FALSE(seal.open("a", Bytes(16), none));
  EXPECT_FALSE(seal.open("a", Bytes(8), none));
  room.assign(20, 0xaa);
  EXPECT_FALSE(seal.open("a", Bytes(40), room));
  EXPECT_EQ(room, Bytes(20));
}

}  // namespace
}  // namespace postern::sbc
