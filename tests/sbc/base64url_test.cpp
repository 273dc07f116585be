#include "sbc/base64url.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace postern::sbc {
namespace {

std::string encoded(std::string_view bytes) {
  const std::vector<std::uint8_t> data(bytes.begin(), bytes.end());
  std::string out;
  append_base64url(out, data);
  return out;
}

std::optional<std::string> decoded(std::string_view letters, std::size_t room = 64) {
  std::vector<std::uint8_t> out(room);
  const auto size = decode_base64url(letters, out);
  if (!size) return std::nullopt;
  return std::string(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size));
}

TEST(Base64Url, AgreesWithTheVectorsOfTheRfc) {  // RFC 4648 §10, without the padding
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, letters] : vectors) {
    EXPECT_EQ(encoded(bytes), letters);
    EXPECT_EQ(decoded(letters), bytes);
  }
  EXPECT_EQ(encoded("\xfb\xff\xbf"), "-_-_");
  EXPECT_EQ(decoded("-_-_"), "\xfb\xff\xbf");
}

TEST(Base64Url, RefusesWhatItWouldNotHaveWritten) {
  for (const char* letters : {"Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm 9", "Zm9\n", "~m9v", "Zm9\xff"}) {
    EXPECT_EQ(decoded(letters), std::nullopt) << letters;
  }
  EXPECT_EQ(decoded(std::string_view("Z\0m9", 4)), std::nullopt);
}

TEST(Base64Url, RefusesWhatDoesNotFit) {
  EXPECT_EQ(decoded("Zm9v", 3), "foo");
  EXPECT_EQ(decoded("Zm9v", 2), std::nullopt);
  EXPECT_EQ(decoded("Zg", 0), std::nullopt);
}

}  // namespace
}  // namespace postern::sbc
